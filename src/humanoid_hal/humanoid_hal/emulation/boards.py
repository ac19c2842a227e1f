"""What a family's emulator implements: all boards of one bus, byte-true, without port or clock."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal

from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.bus.protocol import P
from humanoid_hal.driver import Array, ImuSample
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.lookup import Registry


@dataclass(slots=True)
class Reply(Generic[P]):
    """Something that boards put on the wire."""

    payload: P
    gap: float = 0.0  # [s] of silence before it, after what was on the wire last


@dataclass(frozen=True, slots=True)
class BoardFault:
    """Something wrong with one board; the first seven words are PX4's failure injection's.

    off: no answer; stuck: repeats its last reading; garbage: replies are corrupted; wrong: `value`
    [rad] is added to its position ([m/s^2] to an IMU's upward acceleration); slow: answers `value`
    [s] later; delayed: readings are one period old; intermittent: every second request is not
    answered; overheat: `value` [degC]; brownout: `value` [V]; reboot: forgets its RAM, once;
    overload: the family's overload error.
    """

    kind: Literal[
        "off", "stuck", "garbage", "wrong", "slow", "delayed", "intermittent",
        "overheat", "brownout", "reboot", "overload",
    ]  # fmt: skip
    id: int
    value: float = 0.0


class Boards(ABC, Generic[P]):
    """See the module docstring. `now` [s] is the time on this wire, never decreasing."""

    #: As of the protocol it speaks.
    medium: ClassVar[Literal["serial", "can"]]

    @abstractmethod
    def __init__(self, motors: Motors, options: Any = None) -> None:
        """Boards for ``motors.devices``; `options` are those of the bus's protocol."""

    @abstractmethod
    def receive(self, payload: P, now: float, baud: int | None) -> Sequence[Reply[P]]:
        """What the host sent has arrived, at `baud` (None: rate unknown, as on CAN)."""

    def preset(self, baud: int) -> None:
        """The devices are set to this rate; families whose boards have one of their own."""

    def tick(self, now: float) -> Sequence[Reply[P]]:
        """Time has passed: watchdogs, streams. At least once per period of the plant."""
        return ()

    def inject(self, fault: BoardFault) -> None:
        """Make something go wrong. Raises ValueError for a word it does not know."""
        raise ValueError(f"{type(self).__name__} cannot emulate the fault '{fault.kind}'")

    def clear(self) -> None:
        """End every injected fault; what it caused on the boards stays."""

    def attach(self, boards: Sequence[FootBoard], rows: Sequence[int]) -> None:
        """Foot boards on the same bus; `rows` of the robot's feet are their soles.

        Raises ValueError where the family knows none.
        """
        raise ValueError(f"{type(self).__name__} emulates no force sensors")

    def stand(self, wrenches: Array) -> None:
        """Foot boards: the newest wrenches of all feet, shape (feet, 6), sole frames."""

    def feel(self, imu: ImuSample) -> None:
        """IMUs: the newest physical reading; sent by the next :meth:`tick`."""


#: Emulators by the name of their protocol.
BUILT_IN: dict[str, str] = {
    "cia402": "humanoid_hal.emulation.cia402:CiA402Boards",
    "cubemars": "humanoid_hal.emulation.mit:CubeMarsBoards",
    "damiao": "humanoid_hal.emulation.damiao:DamiaoBoards",
    "moteus": "humanoid_hal.emulation.moteus:MoteusBoards",
    "odrive": "humanoid_hal.emulation.odrive:ODriveBoards",
    "robstride": "humanoid_hal.emulation.robstride:RobStrideBoards",
    "robstride_mit": "humanoid_hal.emulation.mit:RobStrideMitBoards",
    "bno085_rvc": "humanoid_hal.emulation.bno085:EmulatedBno085",
    "hipnuc": "humanoid_hal.emulation.hipnuc:EmulatedHipnuc",
    "microstrain": "humanoid_hal.emulation.microstrain:EmulatedMicrostrain",
    "unitree_go": "humanoid_hal.emulation.unitree_go:EmulatedUnitreeGo",
    "vectornav": "humanoid_hal.emulation.vectornav:EmulatedVectorNav",
    "witmotion": "humanoid_hal.emulation.witmotion:EmulatedWitMotion",
    "xsens_mti": "humanoid_hal.emulation.xsens_mti:EmulatedXsens",
    "feetech_scs": "humanoid_hal.emulation.feetech:FeetechBoards",
    "feetech_sts": "humanoid_hal.emulation.feetech:FeetechBoards",
    "lx16a": "humanoid_hal.emulation.lx16a:Lx16aBoards",
    "dynamixel": "humanoid_hal.emulation.dynamixel:DynamixelBoards",
}

EMULATORS = Registry("emulator", "humanoid_hal.emulators", BUILT_IN)


def find_emulator(protocol: str) -> type[Boards[Any]]:
    """The emulator of a protocol. Raises UnknownNameError."""
    return EMULATORS.find(protocol, Boards)  # type: ignore[type-abstract]
