"""What all MIT motors share: the payloads of the cycle and of the special orders."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import BoardError, Conversation
from humanoid_hal.can.answering import AnsweringProtocol
from humanoid_hal.can.board import BoardState, Values
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.can.frames import classic
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit.models import Candidate, Scale, ScaleError, agreed_scale, stack

#: Settings of a joint that state its board's full scale.
SCALE_SETTINGS = ("position_max", "velocity_max", "torque_max", "stiffness_max", "damping_max")
#: Standard identifiers.
_IDENTIFIERS = 0x800
#: Rows of senders that are kept.
_REMEMBERED = 64


def stated_scale(device: Device) -> Scale | None:
    """The full scale in the settings of a joint; None: it states none. Raises BoardError."""
    settings = device.settings
    given = [name for name in SCALE_SETTINGS if name in settings]
    if not given:
        return None
    missing = [name for name in SCALE_SETTINGS[:3] if name not in settings]
    if missing or min(settings[name] for name in given) <= 0.0:
        raise BoardError(f"{device}: state all of {', '.join(SCALE_SETTINGS[:3])}, above 0")
    return Scale(
        settings["position_max"],
        settings["velocity_max"],
        settings["torque_max"],
        settings.get("stiffness_max", 500.0),
        settings.get("damping_max", 5.0),
    )


def known_scale(table: dict[str, tuple[Candidate, ...]], device: Device) -> Scale:
    """The stated scale, else the one all sources agree on. Raises BoardError."""
    stated = stated_scale(device)
    try:
        return stated or agreed_scale(table, device.model)
    except ScaleError as error:
        raise BoardError(f"{device}: {error}") from error


class MitProtocol(AnsweringProtocol):
    """See the module docstring. Subclasses know one maker's replies and orders."""

    settings: ClassVar[tuple[str, ...]] = SCALE_SETTINGS

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        super().__init__(devices, options)
        self._scales = stack(self.scale_of(device) for device in self.devices)
        self._known: dict[bytes, NDArray[np.intp]] = {}
        # Device by identifier and first byte of the reply.
        self._by_reply = np.full((_IDENTIFIERS, 256), -1, np.intp)
        for index, device in enumerate(self.devices):
            for identifier, first in self.replies_of(device):
                other = self._by_reply[identifier, first]
                if other >= 0:
                    raise BoardError(
                        f"replies of {device} and {self.devices[other]} cannot be told apart; give them "
                        "other ids or feedback identifiers"
                    )
                self._by_reply[identifier, first] = index

    @abstractmethod
    def scale_of(self, device: Device) -> Scale:
        """The full scale to begin with. Raises BoardError."""

    @abstractmethod
    def replies_of(self, device: Device) -> list[tuple[int, int]]:
        """Identifiers and first bytes that replies of `device` may have."""

    @abstractmethod
    def temperature(self) -> Array:
        """[degC] from the newest replies; NaN where they do not say."""

    def match(self, batch: CanBatch) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """By identifier and first byte."""
        return self._senders(batch), self.sound(batch)

    def _senders(self, batch: CanBatch) -> NDArray[np.intp]:
        """The device of each frame, or -1; the same ones come cycle after cycle."""
        ids, first = batch.ids, batch.data[:, 0]
        key = ids.tobytes() + first.tobytes()
        known = self._known.get(key)
        if known is None:
            index = self._by_reply[ids & 0x7FF, first]
            known = np.where(ids < _IDENTIFIERS, index, -1)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known

    def sound(self, batch: CanBatch) -> NDArray[np.bool_]:
        """Which frames can be state replies at all."""
        return batch.lengths == 8

    def values(self) -> Values:
        """See :meth:`AnsweringProtocol.values`."""
        position, velocity, torque = codec.unpack_state(self._scales, self.data)
        unknown = np.full(len(self.devices), np.nan)
        return Values(position, velocity, torque, self.temperature(), unknown)

    def make_command(self, law: Array) -> CanBatch:
        """See :meth:`AnsweringProtocol.make_command`."""
        return classic(self.ids, codec.pack_command(self._scales, *law))

    def full_scale(self) -> Array:
        """See :meth:`AnsweringProtocol.full_scale`."""
        return self._scales.full

    @staticmethod
    def special(code: int, ids: Sequence[int]) -> CanBatch:
        """Special payloads to `ids`."""
        return classic(np.array(ids, np.uint32), codec.special(code, len(ids)))

    def off(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`AnsweringProtocol.off`."""
        return self.special(codec.DISABLE, ids)

    def poll(self, ids: Sequence[int]) -> CanBatch:
        """The order to take torque off is answered with the state, too."""
        return self.off(ids)

    def order(self, code: int, what: str) -> Conversation[CanBatch, list[BoardState]]:
        """Give all boards a special order; their states after it."""
        return (
            yield from ask_devices(
                lambda ids: self.special(code, ids), self.hear_state, self.devices, what
            )
        )

    def switch_on(self) -> Conversation[CanBatch, list[BoardState]]:
        """See :meth:`AnsweringProtocol.switch_on`."""
        return (yield from self.order(codec.ENABLE, "torque on"))

    def arm(self) -> Conversation[CanBatch, None]:
        """See :meth:`AnsweringProtocol.arm`. Nothing to be done on boards that know no more."""
        return
        yield
