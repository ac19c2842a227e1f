"""MicroStrain (HBK, formerly LORD): the MIP protocol."""
