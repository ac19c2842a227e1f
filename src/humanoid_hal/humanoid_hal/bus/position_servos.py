"""Servos that follow goal positions with gains of their own, and have no watchdog.

They honour no torque law. A joint whose stiffness is known (`stiffness` in its settings) is told a
goal beyond the wanted position, so that the wanted effort results: goal = position + effort /
stiffness. A host that dies leaves them holding their last goal.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.asked import AskedProtocol, check_device
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError, Conversation, Counters, DeviceFault, law_of
from humanoid_hal.driver import Command

_SETTINGS = ("stiffness", "stall_torque")


class PositionServos(AskedProtocol):
    """What such a family adds are its registers; arrays are in the order of the devices."""

    def __init__(
        self, devices: Sequence[Device], family: str, last_id: int, stall_torques: Sequence[float]
    ) -> None:
        """`stall_torques` [N m] of the models. Raises BoardError on a wrong id or setting."""
        for device in devices:
            check_device(device, family, last_id, _SETTINGS)
            if device.settings.get("stiffness", 1.0) <= 0.0:
                raise BoardError(f"{device}: `stiffness` must be above 0 N m/rad")
        self.devices = tuple(devices)
        self.counters = Counters()
        self._ids = [device.id for device in devices]
        settings = [device.settings for device in devices]
        self._torque = np.array(
            [
                s.get("stall_torque", torque)
                for s, torque in zip(settings, stall_torques, strict=True)
            ]
        )  # [N m]
        self._stiffness = np.array([s.get("stiffness", 0.0) for s in settings])  # 0: not known
        self._lower, self._upper = np.zeros((2, len(devices)))  # [counts]
        self._on = False

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        """See the module docstring."""
        return False

    @classmethod
    def has_watchdog(cls, options: Any) -> bool:
        """They have none."""
        return False

    def following(self) -> bytes | None:
        """See :meth:`Protocol.following`."""
        return self._state.following()

    def goal(self, command: Command) -> NDArray[np.float64]:
        """The position [rad] that makes the servos do what `command` asks for."""
        position, _, effort, _, _ = law_of(command)
        shift = np.zeros(len(self._ids))
        np.divide(effort, self._stiffness, out=shift, where=self._stiffness > 0.0)
        goal: NDArray[np.float64] = position + shift
        return goal

    def startup(self) -> Conversation[bytes, tuple[str, ...]]:
        """See :meth:`Protocol.startup`."""
        remarks: list[str] = []
        for index, device in enumerate(self.devices):
            try:
                yield from self.start(index, device, remarks)
            except BoardError as error:
                raise BoardError(f"{device}: {error}") from error
        self.switched(False)
        self._state.reset()
        return tuple(remarks)

    def enable(self, on: bool) -> Conversation[bytes, None]:
        """See :meth:`ActuatorProtocol.enable`."""
        self.switched(False)
        silent: list[str] = []
        for index, id in enumerate(self._ids):
            try:
                if on:
                    yield from self.aim(index, id)
                yield from self.switch(id, on)
            except BoardError as error:
                if on:
                    raise
                silent.append(str(error))
        if silent:
            raise BoardError("; ".join(silent))
        self.switched(on)

    def switched(self, on: bool) -> None:
        """All servos have torque, or nobody counts on it any more."""
        self._on = on
        self._state.expect(on)

    def restarts(self, unpowered: NDArray[np.bool_]) -> list[DeviceFault]:
        """Of those whose torque should be on."""
        reason = "its torque went off by itself: a restart; deactivate, then arm again"
        found = np.flatnonzero(unpowered & self._on).tolist()
        return [DeviceFault(index, "board_rebooted", reason) for index in found]

    @abstractmethod
    def start(self, index: int, device: Device, remarks: list[str]) -> Conversation[bytes, None]:
        """Check and set up one device, torque off, and learn its limits; adds to `remarks`."""

    @abstractmethod
    def aim(self, index: int, id: int) -> Conversation[bytes, None]:
        """Make where the servo stands its goal."""

    @abstractmethod
    def switch(self, id: int, on: bool) -> Conversation[bytes, None]:
        """Switch torque and read it back."""
