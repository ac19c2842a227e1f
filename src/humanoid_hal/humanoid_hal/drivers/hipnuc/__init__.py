"""HiPNUC CH0x0, HI14 and their kin: the HI91 data frame."""
