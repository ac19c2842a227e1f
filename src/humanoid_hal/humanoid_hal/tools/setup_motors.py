"""Gives one motor after the other its id and baud rate, with only that motor on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError, Found
from humanoid_hal.bus.transport import TransportError
from humanoid_hal.tools.scan import scan
from humanoid_hal.tools.wire import Place, Wire


@dataclass(frozen=True)
class Done:
    """What was done to one motor."""

    device: Device
    before: tuple[int, int]  # id and baud
    model: str
    changed: bool


def find_alone(place: Place, bauds: Sequence[int]) -> tuple[int, Found]:
    """The one motor on the wire, and its baud; the rate of `place` is tried first.

    Raises BoardError when none or several answer, TransportError.
    """
    tried = (place.baud, *(baud for baud in bauds if baud != place.baud))
    for looked in scan([replace(place, baud=baud) for baud in tried], None):
        found = looked.found
        if len(found) > 1:
            ids = ", ".join(str(one.id) for one in found)
            raise BoardError(
                f"{len(found)} motors answer on {looked.place} (ids {ids}): connect only the one "
                "that is to be set up"
            )
        if found:
            return looked.place.baud, found[0]
        if looked.shut:
            raise TransportError(looked.problem)
    raise BoardError(
        f"no motor answers on {place.port} at any of {', '.join(map(str, tried))} baud: is it "
        "connected and powered?"
    )


def set_up(place: Place, device: Device) -> Done:
    """Give the only motor on the wire the id of `device` and the baud of `place`; read both back.

    Raises BoardError when it is another model, or refuses; then it keeps what it was given so far.
    """
    with Wire(place) as wire:
        bauds = wire.tools.bauds
    baud, found = find_alone(place, bauds)
    # Some families can only be told by their full scale: 'this or that'.
    if not found.model.startswith("unknown") and device.model not in found.model.split(" or "):
        raise BoardError(
            f"{device} must be a {device.model}, but the motor on {place.port} is a {found.model} "
            f"(id {found.id}); connect the right one, or correct `model` in the hardware file"
        )
    with Wire(replace(place, baud=baud)) as wire:
        if found.id != device.id:
            wire.ask(wire.tools.set_id(found.id, device.id))
        if baud != place.baud:
            wire.ask(wire.tools.set_baud(device.id, place.baud))
    with Wire(place) as wire:
        if not wire.ask(wire.tools.scan((device.id,))):
            raise BoardError(
                f"{device} took id and baud rate, but does not answer at {place.baud} baud; "
                "switch its power off and on, then run this again"
            )
        wire.ask(wire.tools.finish(device.id))
    changed = (found.id, baud) != (device.id, place.baud)
    return Done(device, (found.id, baud), found.model, changed)
