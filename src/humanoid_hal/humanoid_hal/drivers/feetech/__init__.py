"""Feetech bus servos: STS and SMS (little-endian, sync read) and SCS (big-endian, without)."""
