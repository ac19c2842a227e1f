"""Parameters of RobStride and CyberGear boards used here.

Source: robstride-dynamics 0.0.1, protocol.py; CyberGear manual v1.2, table of readable and writable
parameters. 0x701A is the filtered current and 0x701B the speed; a published table has them swapped.
"""

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of four bytes, little-endian."""

    index: int
    kind: str  # of struct: f, B, H, I

    def pack(self, value: float) -> bytes:
        """The four bytes of `value`."""
        number = value if self.kind == "f" else round(value)
        return struct.pack(f"<{self.kind}", number).ljust(4, b"\0")

    def unpack(self, raw: bytes) -> float:
        """The value in four bytes."""
        return float(struct.unpack_from(f"<{self.kind}", raw)[0])


RUN_MODE = Parameter(0x7005, "B")  # 0: the MIT law
MECH_POS = Parameter(0x7019, "f")  # [rad] output side
IQ_FILTERED = Parameter(0x701A, "f")  # [A]
MECH_VEL = Parameter(0x701B, "f")  # [rad/s] output side
VBUS = Parameter(0x701C, "f")  # [V]
CAN_TIMEOUT = Parameter(0x7028, "I")  # watchdog, TIMEOUT_UNIT each; 0: off; RobStride only

#: One unit of CAN_TIMEOUT [s]: 20000 are one second.
TIMEOUT_UNIT = 50e-6
