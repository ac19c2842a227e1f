"""CubeMars AK motors (firmware 1 and 2) in MIT mode; SteadyWin and mini-cheetah clones likewise.

Nothing about these boards can be read over CAN but their state: no model, no scale, no watchdog.
Replies have 6 bytes, with newer firmware 8: temperature + 40 [degC] and an error.

Source: CubeMars AK series manual v1.0.15, section 5.3. (TMotorCANControl 1.2.6 reads the temperature
without its offset; the manual wins.)
"""

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError, Conversation
from humanoid_hal.can.board import BoardState
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit.models import CUBEMARS, Scale
from humanoid_hal.drivers.mit.protocol import MitProtocol, known_scale
from humanoid_hal.drivers.mit.tools import SpecialTools

#: Last byte of an 8-byte reply: fault of the fault table and what the manual calls it.
ERRORS = {
    1: ("over_temperature", "motor over-temperature"),
    2: ("overload", "over-current"),
    3: ("overload", "over-voltage"),
    4: ("under_voltage", "under-voltage"),
    5: ("unknown_fault", "encoder"),
    6: ("unknown_fault", "phase currents unbalanced: the hardware may be damaged"),
}
TEMPERATURE_OFFSET = 40


class CubeMarsProtocol(MitProtocol):
    """See the module docstring."""

    tools = SpecialTools("AK")

    @classmethod
    def has_watchdog(cls, options: object) -> bool:
        """The time-out of these boards can neither be set nor read over CAN."""
        return False

    def scale_of(self, device: Device) -> Scale:
        """See :meth:`MitProtocol.scale_of`."""
        return known_scale(CUBEMARS, device)

    def replies_of(self, device: Device) -> list[tuple[int, int]]:
        """To identifier 0, or, with some firmware, to the board's own."""
        return [(0, device.id), (device.id, device.id)]

    def sound(self, batch: CanBatch) -> NDArray[np.bool_]:
        """Six bytes are the older firmware."""
        return (batch.lengths == 8) | (batch.lengths == 6)

    def suspicious(self) -> NDArray[np.bool_]:
        """An error is told in the last byte."""
        return (self.lengths == 8) & (self.data[:, 7] != 0)

    def temperature(self) -> NDArray[np.float64]:
        """[degC]; NaN with older firmware."""
        values = self.data[:, 6].astype(np.float64) - TEMPERATURE_OFFSET
        return np.where(self.lengths == 8, values, np.nan)

    def state_of(self, identifier: int, payload: bytes) -> BoardState:
        """These boards do not say whether torque is on: it is believed."""
        error = payload[7] if len(payload) == 8 else 0
        if not error:
            return BoardState(True)
        return BoardState(True, *ERRORS.get(error, ("unknown_fault", f"error {error}")))

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Torque off, and a state from each."""
        states = yield from self.order(codec.DISABLE, "torque off")
        for device, state in zip(self.devices, states, strict=True):
            if state.fault:
                raise BoardError(f"{device}: {state.reason}; power-cycle it")
        return (
            "CubeMars boards tell neither model nor full scale: check both in the hardware file",
        )
