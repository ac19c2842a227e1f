"""Hiwonder/LewanSoul bus servos: LX-16A and those that speak its protocol."""
