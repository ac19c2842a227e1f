"""Torque off without a graph: opens the ports itself, even those that another process holds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.bus.transport import TransportError
from humanoid_hal.drivers.boards.options import BoardsOptions
from humanoid_hal.lookup import UnknownNameError
from humanoid_hal.tools.wire import Place, Wire, family

#: Stop frames sent to every device, and the time between two [s]: one of them may meet another
#: sender's bytes on the wire.
FRAMES, SPACING = 5, 0.02


@dataclass(frozen=True)
class Stopped:
    """What came of one bus."""

    bus: str
    sent: bool
    acknowledged: bool = False
    reason: str = ""  # why not


@dataclass(frozen=True)
class Target:
    """One bus and whom to stop there."""

    bus: str
    place: Place
    ids: tuple[int, ...]
    protocol: Any = None  # made for the robot's devices; None: only ids are known


def targets(options: BoardsOptions) -> list[Target]:
    """The actuator buses of a robot."""
    found = []
    for name, bus in options.buses.items():
        devices = options.devices(name)
        if not devices:
            continue  # an IMU
        kind: Any = family(bus.protocol)
        place = Place(
            bus.port, bus.protocol, bus.baud or kind.default_baud, bus.transport, bus.echo
        )
        try:
            protocol = kind(devices, bus.options or kind.Options())
        except BoardError:  # a wrong setting keeps nothing from being stopped, by its id alone
            protocol = None
        found.append(Target(name, place, tuple(device.id for device in devices), protocol))
    return found


def stop(found: Sequence[Target]) -> list[Stopped]:
    """Torque off on every bus; one that fails does not keep the others from being stopped.

    The stop frames go to all buses before any acknowledgement is waited for.
    """
    wires: list[tuple[Target, Wire | None, str]] = [(target, *_opened(target)) for target in found]
    try:
        reasons = {target.bus: reason for target, _, reason in wires}
        for round in range(FRAMES):
            for target, wire, _ in wires:
                if wire is not None and not reasons[target.bus]:
                    reasons[target.bus] = _send(wire, target)
            if round < FRAMES - 1:
                time.sleep(SPACING)
        return [_finish(target, wire, reasons[target.bus]) for target, wire, _ in wires]
    finally:
        for _, wire, _ in wires:
            if wire is not None:
                wire.close()


def _opened(target: Target) -> tuple[Wire | None, str]:
    try:
        wire = Wire(target.place, share=True)
        wire.open()
    except (TransportError, UnknownNameError) as error:
        return None, str(error)
    return wire, ""


def _send(wire: Wire, target: Target) -> str:
    """Why it was not sent; ''."""
    try:
        wire.send(target.protocol.stop() if target.protocol else wire.tools.stop(target.ids))
    except (BoardError, TransportError) as error:
        return str(error)
    return ""


def _finish(target: Target, wire: Wire | None, reason: str) -> Stopped:
    if wire is None or reason:
        return Stopped(target.bus, False, reason=reason)
    if target.protocol is None:
        return Stopped(target.bus, True, reason="these boards are not asked for acknowledgement")
    try:
        wire.ask(target.protocol.enable(False))
    except (BoardError, TransportError) as error:
        return Stopped(target.bus, True, reason=str(error))
    return Stopped(target.bus, True, True)
