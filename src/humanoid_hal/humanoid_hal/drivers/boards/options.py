"""The hardware file's `options` for boards: buses, and which joint is which device."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from humanoid_description.problems import nearest
from humanoid_description.strict_yaml import key
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.families import find_protocol
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.bus.transport import PortOptions
from humanoid_hal.lookup import UnknownNameError


def _options_of(protocol: str) -> type[Any]:
    try:
        return find_protocol(protocol).Options
    except UnknownNameError as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class BusOptions(PortOptions):
    """One wire."""

    # What its devices speak, see `humanoid_hal.bus.families`.
    protocol: str
    # The protocol's own.
    options: Any = key(None, variant=("protocol", _options_of))

    def __post_init__(self) -> None:
        _options_of(self.protocol)  # it exists


@dataclass(frozen=True)
class JointOptions:
    """Which device moves a joint: q = direction (shaft - zero) / gear."""

    bus: str
    # A row of the protocol's model table.
    model: str
    # Its address on the bus.
    id: int = key(min=0, max=0x7FFF)
    # Sign of the joint against the device's shaft.
    direction: int = key(1, choices=(1, -1))
    # Angle of the shaft where the joint reads 0.
    zero: float = key(0.0, unit="rad")
    # Shaft turns per joint turn, beyond the device's own gears.
    gear: float = key(1.0, above=0.0, max=1000.0)
    # What the protocol wants to know of the device besides, by name.
    settings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CellOptions:
    """One force cell under a sole."""

    # Where it is in the sole frame.
    x: float = key(unit="m")
    y: float = key(unit="m")
    # What a count is worth; negative: it counts down under load.
    scale: float = key(unit="N/count")
    # What it counts without load: the foot in the air.
    offset: float = key(0.0, unit="counts")

    def __post_init__(self) -> None:
        if self.scale == 0.0:
            raise ValueError("scale must not be 0")


@dataclass(frozen=True)
class FootOptions:
    """The board whose registers hold the force cells of a foot."""

    bus: str
    # The register of each cell, little-endian.
    counts: Literal["uint8", "int16", "uint16", "int32", "uint32", "float32"]
    # In the order of the registers; their names are free.
    cells: dict[str, CellOptions]
    # Its address on the bus, and the register of the first cell; the others follow.
    id: int = key(min=0, max=252)
    address: int = key(min=0, max=0xFFFF)
    # The largest load of one cell: more than that, or clearly less than nothing, is no reading.
    heaviest: float = key(unit="N", above=0.0)

    def __post_init__(self) -> None:
        if not self.cells:
            raise ValueError("cells must name at least one")

    def board(self, foot: str) -> FootBoard:
        """The board of the sole `foot`."""
        cells = self.cells.values()
        return FootBoard(
            foot, self.id, self.address, np.dtype(self.counts).newbyteorder("<"),
            tuple(self.cells), np.array([(cell.x, cell.y) for cell in cells]),
            np.array([cell.scale for cell in cells]), np.array([cell.offset for cell in cells]),
            self.heaviest,
        )  # fmt: skip


@dataclass(frozen=True)
class ImuOptions:
    """Which bus carries the IMU."""

    bus: str


@dataclass(frozen=True)
class BoardsOptions:
    """The configuration of :class:`~humanoid_hal.drivers.boards.BoardsDriver`."""

    buses: dict[str, BusOptions] = field(default_factory=dict)
    # Every joint of the joint table.
    joints: dict[str, JointOptions] = field(default_factory=dict)
    imu: ImuOptions | None = None
    # Force sensors: every foot of the robot, or none.
    feet: dict[str, FootOptions] = field(default_factory=dict)
    # How often read() returns a sample; the HAL sets it.
    control_rate: float = key(500.0, unit="Hz", above=0.0, max=2000.0)
    # Answers are waited for this share of the control period.
    reply_share: float = key(0.6, unit="periods", above=0.0, max=0.95)
    # After a silence of this share, those that have not answered are asked once more.
    retry_share: float = key(0.3, unit="periods", above=0.0, max=0.95)
    # Time between attempts to open a lost bus again.
    reconnect: float = key(1.0, unit="s", min=0.1, max=60.0)

    def __post_init__(self) -> None:
        for name, joint in self.joints.items():
            if joint.bus not in self.buses:
                raise ValueError(f"joint '{name}' is on no known bus: {_unknown(joint.bus, self)}")
        if self.imu is not None and self.imu.bus not in self.buses:
            raise ValueError(f"the IMU is on no known bus: {_unknown(self.imu.bus, self)}")
        for name, foot in self.feet.items():
            if foot.bus not in self.buses:
                raise ValueError(f"foot '{name}' is on no known bus: {_unknown(foot.bus, self)}")
        places: dict[tuple[str, int], str] = {}
        at = {name: (joint.bus, joint.id) for name, joint in self.joints.items()}
        at |= {name: (foot.bus, foot.id) for name, foot in self.feet.items()}
        for name, place in at.items():
            other = places.setdefault(place, name)
            if other != name:
                bus, id = place
                raise ValueError(f"'{other}' and '{name}' have the same id {id} on '{bus}'")

    def devices(self, bus: str) -> tuple[Device, ...]:
        """The devices of one bus, in the order of the file."""
        return tuple(
            Device(
                name, joint.id, joint.model, joint.direction, joint.zero, joint.gear, joint.settings
            )
            for name, joint in self.joints.items()
            if joint.bus == bus
        )

    def foot_boards(self, bus: str) -> tuple[FootBoard, ...]:
        """The foot boards of one bus, in the order of the file."""
        return tuple(foot.board(name) for name, foot in self.feet.items() if foot.bus == bus)


def _unknown(bus: str, options: BoardsOptions) -> str:
    known = ", ".join(options.buses) or "none"
    return f"'{bus}'{nearest(bus, options.buses)} (known: {known})"
