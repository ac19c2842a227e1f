"""WitMotion: the 11-byte standard protocol of the WT901 and HWT905 series."""
