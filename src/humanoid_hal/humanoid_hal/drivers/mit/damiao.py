"""Damiao DM motors in MIT mode: the scale is read back, the watchdog set and read back.

What can go wrong with published drivers and does not here: the handshake enables no torque, the state
comes from the reply and not from the command, and the status nibble is looked at.

Source: see damiao_registers.
"""

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
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit import damiao_registers as registers
from humanoid_hal.drivers.mit.damiao_registers import Register, Status
from humanoid_hal.drivers.mit.damiao_tools import DamiaoTools
from humanoid_hal.drivers.mit.models import DAMIAO, Scale, ScaleError, candidates_of, stack
from humanoid_hal.drivers.mit.protocol import (
    SCALE_SETTINGS,
    MitProtocol,
    stated_scale,
)

#: Fault of the fault table and its reason by status.
STATUS_FAULTS = {
    Status.OVER_VOLTAGE: ("overload", "over-voltage"),
    Status.UNDER_VOLTAGE: ("under_voltage", "under-voltage"),
    Status.OVER_CURRENT: ("overload", "over-current"),
    Status.MOSFET_TEMPERATURE: ("over_temperature", "its MOSFETs are too hot"),
    Status.ROTOR_TEMPERATURE: ("over_temperature", "its rotor is too hot"),
    Status.COMMUNICATION_LOST: ("board_rebooted", "its watchdog acted: torque is off"),
    Status.OVERLOAD: ("overload", "overload"),
}


_IS_OPERATION = np.isin(np.arange(256), registers.OPERATIONS)


@dataclass(frozen=True)
class DamiaoOptions:
    """One bus."""

    # The board switches torque off when no command came for this long.
    watchdog: float = key(0.1, unit="s", min=0.01, max=10.0)


class DamiaoProtocol(MitProtocol):
    """See the module docstring."""

    Options = DamiaoOptions
    settings = (*SCALE_SETTINGS, "master_id")
    largest_id = 0x7FE
    tools = DamiaoTools()

    @classmethod
    def has_watchdog(cls, options: object) -> bool:
        """Register TIMEOUT, which :meth:`arm` sets and reads back."""
        return True

    def scale_of(self, device: Device) -> Scale:
        """The stated or the first published one; :meth:`startup` asks the board."""
        try:
            first = candidates_of(DAMIAO, device.model)[0].scale
        except ScaleError as error:
            raise BoardError(f"{device}: {error}") from error
        return stated_scale(device) or first

    def replies_of(self, device: Device) -> list[tuple[int, int]]:
        """Any status with the low four bits of the id, to the setting `master_id` (id + 16)."""
        master = round(device.settings.get("master_id", device.id + 0x10))
        if not 0 <= master <= 0x7FF:
            raise BoardError(f"{device}: master_id must be in 0..{0x7FF}, not {master}")
        return [(master, status << 4 | device.id & 0xF) for status in range(16)]

    def sound(self, batch: CanBatch) -> NDArray[np.bool_]:
        """A straggling answer to a register access is no state: it starts with the id, too."""
        whole = batch.lengths == 8
        access = batch.data[:, 1] <= 7
        if np.count_nonzero(access):
            whole &= ~(_IS_OPERATION[batch.data[:, 2]] & access)
        return whole

    def poll(self, ids: Sequence[int]) -> CanBatch:
        """The status request, which commands nothing."""
        return registers.make_refresh(ids)

    def suspicious(self) -> NDArray[np.bool_]:
        """Every status but "enabled", and while torque is off "disabled"."""
        status = self.data[:, 0] >> 4
        normal = Status.ENABLED if self.on else Status.DISABLED
        return status != int(normal)

    def temperature(self) -> NDArray[np.float64]:
        """[degC] of the MOSFETs or the rotor, whichever is hotter."""
        return np.maximum(self.data[:, 6], self.data[:, 7]).astype(np.float64)

    def state_of(self, identifier: int, payload: bytes) -> BoardState:
        """From the status nibble."""
        status = payload[0] >> 4
        if status in (Status.DISABLED, Status.ENABLED):
            return BoardState(status == Status.ENABLED)
        if status in STATUS_FAULTS:
            return BoardState(False, *STATUS_FAULTS[Status(status)])
        return BoardState(False, "unknown_fault", f"status {status:#x}")

    # -- conversations --------------------------------------------------------------------------

    def startup(self) -> Conversation[CanBatch, tuple[str, ...]]:
        """Torque off; feedback identifier, mode and full scale as the hardware file has them."""
        masters = yield from self.read_all(Register.MST_ID)
        for device, master in zip(self.devices, masters, strict=True):
            wanted = device.settings.get("master_id", device.id + 0x10)
            if master != wanted:
                raise BoardError(
                    f"{device}: its feedback identifier (MST_ID) is {master:g}, not {wanted:g}; state "
                    "it as setting master_id or write the register"
                )
        yield from self.order(codec.DISABLE, "torque off")
        modes = yield from self.read_all(Register.CTRL_MODE)
        if any(mode != registers.MODE_MIT for mode in modes):
            yield from self.write_all(Register.CTRL_MODE, registers.MODE_MIT)
        yield from self._check_scales()
        versions = yield from self.read_all(Register.SW_VER)
        distinct = sorted({f"{version:g}" for version in versions})
        return (f"mixed firmware: {', '.join(distinct)}",) if len(distinct) > 1 else ()

    def _check_scales(self) -> Conversation[CanBatch, None]:
        """The boards' PMAX, VMAX and TMAX decide; a hardware file that says otherwise is refused."""
        position = yield from self.read_all(Register.PMAX)
        velocity = yield from self.read_all(Register.VMAX)
        torque = yield from self.read_all(Register.TMAX)
        scales = []
        for device, *found in zip(self.devices, position, velocity, torque, strict=True):
            stated = stated_scale(device)
            known = candidates_of(DAMIAO, device.model)
            expected = [stated] if stated else [item.scale for item in known]
            match = next((scale for scale in expected if _equal(scale, found)), None)
            if match is None:
                said = " or ".join(str(scale) for scale in expected)
                raise BoardError(
                    f"{device}: full scale on the board is {found[0]:g} rad, {found[1]:g} rad/s, "
                    f"{found[2]:g} N m, but {'the hardware file' if stated else device.model} says "
                    f"{said}; state {', '.join(SCALE_SETTINGS[:3])} or check the model"
                )
            scales.append(match)
        self._scales = stack(scales)

    def arm(self) -> Conversation[CanBatch, None]:
        """Forget latched faults; set the watchdog and read it back."""
        states = yield from ask_devices(
            registers.make_refresh, self.hear_state, self.devices, "status request"
        )
        if any(state.fault for state in states):
            yield from self.order(codec.CLEAR_FAULT, "clear faults")
        units = round(self.options.watchdog / registers.TIMEOUT_UNIT)
        yield from self.write_all(Register.TIMEOUT, units)

    def read_all(self, register: Register) -> Conversation[CanBatch, list[float]]:
        """One register of every board."""
        return (
            yield from ask_devices(
                lambda ids: registers.make_read(ids, register),
                registers.hear(registers.READ, register),
                self.devices,
                f"read {register.name}",
            )
        )

    def write_all(self, register: Register, value: float) -> Conversation[CanBatch, None]:
        """Set one register of every board and read it back."""
        yield from ask_devices(
            lambda ids: registers.make_write(ids, register, value),
            registers.hear(registers.WRITE, register),
            self.devices,
            f"write {register.name}",
        )
        values = yield from self.read_all(register)
        for device, found in zip(self.devices, values, strict=True):
            if found != value:
                raise BoardError(
                    f"{device}: {register.name} reads {found:g} after writing {value:g}"
                )


def _equal(scale: Scale, found: Sequence[float]) -> bool:
    wanted = (scale.position, scale.velocity, scale.torque)
    return all(abs(a - b) <= 1e-3 * a for a, b in zip(wanted, found, strict=True))
