"""RobStride motors switched to the MIT protocol (standard frames).

Replies go to the host's identifier: motor id, MIT state, temperature [0.1 degC]. Faults are asked for.
The watchdog (parameter 0x7028) can be set and read with the private protocol only.

Source: RobStride RS00 manual v1.0 (2025-11), chapter on the MIT protocol.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humanoid_description.strict_yaml import key
from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError, Conversation
from humanoid_hal.can.board import BoardState
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.can.frames import classic
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit.models import ROBSTRIDE, Scale
from humanoid_hal.drivers.mit.protocol import MitProtocol, known_scale
from humanoid_hal.drivers.mit.tools import SpecialTools
from humanoid_hal.drivers.robstride.codec import FAULT_BITS

#: Values of byte 6 of ``FF FF FF FF FF FF xx FC``: run mode. Of ``.. xx FB``: read the fault.
MODE_MIT, READ_FAULT = 0x00, 0x00


def make_order(ids: Sequence[int], argument: int, code: int) -> CanBatch:
    """Special payloads with an argument in byte 6."""
    data = codec.special(code, len(ids))
    data[:, 6] = argument
    return classic(np.array(ids, np.uint32), data)


@dataclass(frozen=True)
class RobStrideMitOptions:
    """One bus."""

    # Identifier that the boards answer to.
    host_id: int = key(0xFD, min=0, max=0x7FF)


class RobStrideMitProtocol(MitProtocol):
    """See the module docstring."""

    Options = RobStrideMitOptions
    tools = SpecialTools("RS")

    @classmethod
    def has_watchdog(cls, options: object) -> bool:
        """Not in this protocol."""
        return False

    def scale_of(self, device: Device) -> Scale:
        """See :meth:`MitProtocol.scale_of`."""
        return known_scale(ROBSTRIDE, device)

    def replies_of(self, device: Device) -> list[tuple[int, int]]:
        """All boards answer to the same identifier."""
        return [(self.options.host_id, device.id)]

    def suspicious(self) -> NDArray[np.bool_]:
        """The state does not tell faults."""
        return np.zeros(len(self.devices), np.bool_)

    def temperature(self) -> NDArray[np.float64]:
        """[degC]."""
        wide = self.data.astype(np.float64)
        return (wide[:, 6] * 256.0 + wide[:, 7]) * 0.1

    def state_of(self, identifier: int, payload: bytes) -> BoardState:
        """Nothing but position, velocity and torque."""
        return BoardState(True)

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Torque off, MIT law, no fault."""
        yield from self.order(codec.DISABLE, "torque off")
        yield from ask_devices(
            lambda ids: make_order(ids, MODE_MIT, codec.ENABLE),
            self.hear_state,
            self.devices,
            "mode MIT",
        )
        yield from self._check_faults()
        return ("RobStride boards in MIT mode do not tell their model: check it",)

    def arm(self) -> Conversation[CanBatch, None]:
        """Forget what was, refuse what is still there."""
        yield from self.order(codec.CLEAR_FAULT, "clear faults")
        yield from self._check_faults()

    def _check_faults(self) -> Conversation[CanBatch, None]:
        words = yield from ask_devices(
            lambda ids: make_order(ids, READ_FAULT, codec.CLEAR_FAULT),
            self._hear_fault,
            self.devices,
            "read faults",
        )
        for device, word in zip(self.devices, words, strict=True):
            if word:
                names = [FAULT_BITS.get(bit, f"bit {bit}") for bit in range(32) if word >> bit & 1]
                raise BoardError(f"{device}: {', '.join(names)}; remove the cause and arm again")

    def _hear_fault(self, identifier: int, payload: bytes) -> tuple[int, int] | None:
        """Motor id and fault word; the answer has no mark of its own but comes when asked for."""
        if identifier != self.options.host_id or len(payload) < 5:
            return None
        return payload[0], struct.unpack_from("<I", payload, 1)[0]
