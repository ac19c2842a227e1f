"""The cycle that most CAN boards share: every command is answered with the state.

While torque is on, the command of one cycle is the request of the next; its answers are the state at the
moment of the command, one period before they are used. Without torque the state is asked for with what
cannot move a motor.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import NO_FRAMES, CanBatch
from humanoid_hal.bus.device import Array, Device
from humanoid_hal.bus.protocol import (
    ActuatorProtocol,
    BoardError,
    Conversation,
    Counters,
    DeviceFault,
    Readings,
    law_of,
)
from humanoid_hal.can.board import BoardState, Values, check_devices
from humanoid_hal.can.conversation import ask_devices
from humanoid_hal.can.frames import select
from humanoid_hal.driver import Command

#: Answers of one board that may still come after all, on a computer that stutters.
_MOST_DUE = 20


class AnsweringProtocol(ActuatorProtocol[CanBatch]):
    """See the module docstring. Subclasses know one family's frames."""

    medium: ClassVar[Literal["serial", "can"]] = "can"
    default_baud = 1_000_000

    #: Names of the settings of a joint.
    settings: ClassVar[tuple[str, ...]] = ()
    largest_id: ClassVar[int] = 127
    #: Bytes of the longest answer.
    width: ClassVar[int] = 8

    def __init__(self, devices: Sequence[Device], options: Any = None) -> None:
        """See :meth:`ActuatorProtocol.__init__`."""
        check_devices(devices, self.settings, self.largest_id)
        self.devices = tuple(devices)
        self.options = self.Options() if options is None else options
        self.counters = Counters()
        n = len(self.devices)
        self.ids = np.array([device.id for device in self.devices], np.uint32)
        self.on = False
        # The newest answer of each device.
        self.data = np.zeros((n, self.width), np.uint8)
        self.lengths = np.zeros(n, np.uint8)
        self.identifiers = np.zeros(n, np.uint32)
        self._answered = np.zeros(n, np.bool_)
        self._ever = np.zeros(n, np.bool_)
        self._due = np.zeros(n, np.int64)  # answers that were asked for and have not come
        self._everybody = np.arange(n)
        self._in_order = self._everybody.tobytes()
        self._silent = n  # those who have not answered in this cycle
        self._strange = True  # somebody has never answered
        self._full = self._most = np.zeros((5, 0))  # full scale, and what counts as beyond it
        self._opened = False  # the last command opened this cycle
        self._sent = NO_FRAMES  # the last command
        self._clipped: tuple[DeviceFault, ...] = ()

    # -- what a family says ---------------------------------------------------------------------

    @abstractmethod
    def match(self, batch: CanBatch) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The device each frame comes from (-1: none of ours), and whether it is a sound answer."""

    @abstractmethod
    def values(self) -> Values:
        """Read :attr:`data`. The arrays are the caller's own."""

    @abstractmethod
    def suspicious(self) -> NDArray[np.bool_]:
        """Which newest answers are worth a closer look, for all devices at once."""

    @abstractmethod
    def state_of(self, identifier: int, payload: bytes) -> BoardState:
        """What an answer says about a board's health."""

    @abstractmethod
    def poll(self, ids: Sequence[int]) -> CanBatch:
        """What makes boards without torque tell their state and keeps them without."""

    @abstractmethod
    def make_command(self, law: Array) -> CanBatch:
        """One frame per device, in their order; `law` as of :func:`law_of`."""

    @abstractmethod
    def full_scale(self) -> Array:
        """Largest position, velocity, torque, stiffness and damping that can be told, shape (5, n).

        The same object until it changes.
        """

    @abstractmethod
    def off(self, ids: Sequence[int]) -> CanBatch:
        """Torque off; answered with the state."""

    # -- the cycle ------------------------------------------------------------------------------

    @classmethod
    def honours_effort(cls, options: Any) -> bool:
        """The whole torque law runs on the board."""
        return True

    @property
    def complete(self) -> bool:
        """See :meth:`Protocol.complete`."""
        return self._silent == 0

    def request(self) -> CanBatch:
        """See :meth:`Protocol.request`."""
        if self._opened:
            self._opened = False
            return NO_FRAMES
        self._begin()
        return self._ask(self._everybody)

    def retry(self) -> CanBatch:
        """See :meth:`Protocol.retry`: the silent ones get their command, or the poll, once more."""
        return self._ask(np.flatnonzero(~self._answered))

    def _ask(self, which: NDArray[np.intp]) -> CanBatch:
        self._owe(which)
        if not self.on:
            return self.poll(self.ids[which].tolist())
        sent = (
            self._sent if len(self._sent) else self.make_command(np.zeros((5, len(self.devices))))
        )
        return sent if which is self._everybody else select(sent, which)

    def _begin(self) -> None:
        """Nobody has answered in the cycle that begins."""
        self._answered[:] = False
        self._silent = len(self.devices)

    def _owe(self, which: NDArray[np.intp]) -> None:
        """One answer more of each; those that never came are forgiven in the end."""
        self._due[which] = np.minimum(self._due[which] + 1, _MOST_DUE)

    def receive(self, payload: CanBatch) -> None:
        """See :meth:`Protocol.receive`. A state that nobody asked for is foreign, and not believed."""
        if not len(payload):
            return
        index, fits = self.match(payload)
        if index.tobytes() == self._in_order and fits.all() and self._due.all():
            self._take_all(payload)
            return
        known = index >= 0
        sound = known & fits
        sound &= self._turn(index, sound) < self._due[index]
        rows = index[sound]
        width = min(self.width, payload.data.shape[1])
        self.data[rows, :width] = payload.data[sound, :width]
        self.lengths[rows] = payload.lengths[sound]
        self.identifiers[rows] = payload.ids[sound]
        self._answered[rows] = self._ever[rows] = True
        self._silent = int(np.count_nonzero(~self._answered))
        self._strange = not self._ever.all()
        self._due -= np.bincount(rows, minlength=len(self._due))
        good, corrupt = len(rows), int(np.count_nonzero(known & ~fits))
        self.counters.good += good
        self.counters.corrupt += corrupt
        self.counters.foreign += len(index) - good - corrupt

    def _take_all(self, payload: CanBatch) -> None:
        """One sound answer of each device, in their order: what most cycles bring."""
        width = min(self.width, payload.data.shape[1])
        self.data[:, :width] = payload.data[:, :width]
        self.lengths[:] = payload.lengths
        self.identifiers[:] = payload.ids
        self._answered[:] = self._ever[:] = True
        self._silent, self._strange = 0, False
        self._due -= 1
        self.counters.good += len(self.devices)

    @staticmethod
    def _turn(index: NDArray[np.intp], sound: NDArray[np.bool_]) -> NDArray[np.intp]:
        """How many sound answers of the same device stand before each one."""
        same = (index[:, None] == index) & sound
        turn: NDArray[np.intp] = np.tril(same, -1).sum(axis=1)
        return turn

    def readings(self) -> Readings:
        """See :meth:`ActuatorProtocol.readings`."""
        values = self.values()
        if self._strange:
            for array in (values.position, values.velocity, values.torque, values.temperature):
                array[~self._ever] = np.nan
            values.voltage[~self._ever] = np.nan
        return Readings(
            values.position,
            values.velocity,
            values.torque,
            self._answered.copy(),
            values.temperature,
            values.voltage,
            self.faults() + self._clipped,
        )

    def faults(self) -> tuple[DeviceFault, ...]:
        """What this cycle's answers say is wrong.

        That a watchdog has acted says nothing of boards without torque: :meth:`arm` clears it.
        """
        odd = self._answered & self.suspicious()
        if not np.count_nonzero(odd):
            return ()
        found = []
        for index in np.flatnonzero(odd):
            payload = self.data[index, : self.lengths[index]].tobytes()
            state = self.state_of(int(self.identifiers[index]), payload)
            if state.fault and (self.on or state.fault != "board_rebooted"):
                found.append(DeviceFault(int(index), state.fault, state.reason))
            elif self.on and not state.enabled:
                reason = "torque went off by itself: restarted, or its watchdog acted"
                found.append(DeviceFault(int(index), "board_rebooted", reason))
        return tuple(found)

    def command(self, command: Command) -> CanBatch:
        """See :meth:`ActuatorProtocol.command`."""
        law = law_of(command)
        self._clipped = self._beyond(law)
        self._sent = self.make_command(law)
        self._begin()
        self._owe(self._everybody)
        self._opened = True
        return self._sent

    def _beyond(self, law: Array) -> tuple[DeviceFault, ...]:
        """What cannot be told to a board: the codec cuts it, and nobody shall wonder why."""
        full = self.full_scale()
        if full is not self._full:
            self._full, self._most = full, full * 1.0001
        beyond = np.abs(law) > self._most
        if not np.count_nonzero(beyond):
            return ()
        names = ("position", "velocity", "effort", "stiffness", "damping")
        return tuple(
            DeviceFault(
                int(device),
                "command_limit",
                f"{names[row]} {law[row, device]:.4g} is cut at the board's {full[row, device]:.4g}",
            )
            for row, device in zip(*np.nonzero(beyond), strict=True)
        )

    def stop(self) -> CanBatch:
        """See :meth:`ActuatorProtocol.stop`."""
        self.on = self._opened = False
        return self.off(self.ids.tolist())

    # -- conversations --------------------------------------------------------------------------

    def hear_state(self, identifier: int, payload: bytes) -> tuple[int, BoardState] | None:
        """The board and its state in a frame; None: it is no answer of a device of this bus."""
        frame = CanBatch.of([(identifier, payload)], fd=self.width > 8)
        index, fits = self.match(frame)
        if index[0] < 0 or not fits[0]:
            return None
        return int(self.ids[index[0]]), self.state_of(identifier, payload)

    def begin(self) -> None:
        """Forget what was commanded before torque changed."""
        self._opened, self._sent, self._clipped = False, NO_FRAMES, ()

    def switch_off(self) -> Conversation[CanBatch, list[BoardState]]:
        """Torque off at every board; their states."""
        self.on = False
        return (yield from ask_devices(self.off, self.hear_state, self.devices, "torque off"))

    def enable(self, on: bool) -> Conversation[CanBatch, None]:
        """See :meth:`ActuatorProtocol.enable`. Boards begin without gains and torque."""
        self.begin()
        if not on:
            yield from self.switch_off()
            return
        yield from self.arm()
        states = yield from self.switch_on()
        for device, state in zip(self.devices, states, strict=True):
            if state.fault or not state.enabled:
                yield from self.switch_off()
                raise BoardError(
                    f"{device} does not switch torque on: {state.reason or 'it stays disabled'}; "
                    "remove the cause, then arm again"
                )
        self.on = True

    @abstractmethod
    def arm(self) -> Conversation[CanBatch, None]:
        """What has to be done before torque: watchdogs set and read back, faults forgotten."""

    @abstractmethod
    def switch_on(self) -> Conversation[CanBatch, list[BoardState]]:
        """Torque on, without any torque yet; the states after it."""
