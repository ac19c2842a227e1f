"""Protocols by name: what `protocol:` of a bus in a hardware file may say."""

from typing import Any

from humanoid_hal.bus.protocol import Protocol
from humanoid_hal.lookup import Registry

#: The families of this package; others register theirs in the entry point group.
BUILT_IN: dict[str, str] = {
    "feetech_scs": "humanoid_hal.drivers.feetech.protocol:FeetechScs",
    "feetech_sts": "humanoid_hal.drivers.feetech.protocol:FeetechSts",
    "lx16a": "humanoid_hal.drivers.lx16a.protocol:Lx16a",
    "dynamixel": "humanoid_hal.drivers.dynamixel.protocol:DynamixelProtocol",
    "cia402": "humanoid_hal.drivers.cia402.protocol:CiA402Protocol",
    "cubemars": "humanoid_hal.drivers.mit.cubemars:CubeMarsProtocol",
    "damiao": "humanoid_hal.drivers.mit.damiao:DamiaoProtocol",
    "moteus": "humanoid_hal.drivers.moteus.protocol:MoteusProtocol",
    "odrive": "humanoid_hal.drivers.odrive.protocol:ODriveProtocol",
    "robstride": "humanoid_hal.drivers.robstride.protocol:RobStrideProtocol",
    "robstride_mit": "humanoid_hal.drivers.mit.robstride:RobStrideMitProtocol",
    "bno085_rvc": "humanoid_hal.drivers.bno085.protocol:Bno085Rvc",
    "hipnuc": "humanoid_hal.drivers.hipnuc.protocol:Hipnuc",
    "microstrain": "humanoid_hal.drivers.microstrain.protocol:Microstrain",
    "unitree_go": "humanoid_hal.drivers.unitree_go.protocol:UnitreeGo",
    "vectornav": "humanoid_hal.drivers.vectornav.protocol:VectorNav",
    "witmotion": "humanoid_hal.drivers.witmotion.protocol:WitMotion",
    "xsens_mti": "humanoid_hal.drivers.xsens_mti.protocol:XsensMti",
}

PROTOCOLS = Registry("protocol", "humanoid_hal.protocols", BUILT_IN)


def find_protocol(name: str) -> type[Protocol[Any]]:
    """The protocol called `name`. Raises UnknownNameError, naming the known ones."""
    return PROTOCOLS.find(name, Protocol)  # type: ignore[type-abstract]
