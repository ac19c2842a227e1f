"""The hardware file's `options` for boards: buses, and which joint is which device."""

from dataclasses import dataclass, field
from typing import Any

from humanoid_description.problems import nearest
from humanoid_description.strict_yaml import key
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.families import find_protocol
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
        places: dict[tuple[str, int], str] = {}
        for name, joint in self.joints.items():
            other = places.setdefault((joint.bus, joint.id), name)
            if other != name:
                raise ValueError(
                    f"joints '{other}' and '{name}' have the same id {joint.id} on '{joint.bus}'"
                )

    def devices(self, bus: str) -> tuple[Device, ...]:
        """The devices of one bus, in the order of the file."""
        return tuple(
            Device(
                name, joint.id, joint.model, joint.direction, joint.zero, joint.gear, joint.settings
            )
            for name, joint in self.joints.items()
            if joint.bus == bus
        )


def _unknown(bus: str, options: BoardsOptions) -> str:
    known = ", ".join(options.buses) or "none"
    return f"'{bus}'{nearest(bus, options.buses)} (known: {known})"
