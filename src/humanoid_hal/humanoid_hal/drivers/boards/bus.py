"""One bus of the boards driver: its link, its joints' place in the table, and its health."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.exchange import Link, LinkState, Talk
from humanoid_hal.bus.protocol import Counters, DeviceFault, Readings
from humanoid_hal.bus.transport import TransportError
from humanoid_hal.driver import Command
from humanoid_hal.faults import FAULTS

#: Frames over which shares of bad ones are taken (row 3: more than 1 % is a warning).
_WINDOW = 500
_BAD_SHARE = 0.01


@dataclass
class FrameQuality:
    """Shares of bad frames over the last whole window."""

    corrupt: float = 0.0
    foreign: float = 0.0
    _before: Counters = field(default_factory=Counters)

    def see(self, counters: Counters) -> None:
        """Take the bus's counters once per cycle."""
        before = self._before
        frames = counters.total - before.total
        if frames < _WINDOW:
            return
        self.corrupt = (counters.corrupt - before.corrupt) / frames
        self.foreign = (counters.foreign - before.foreign) / frames
        self._before = Counters(counters.good, counters.corrupt, counters.foreign)

    def causes(self, bus: str) -> dict[str, str]:
        """Rows 3 and 20."""
        causes = {}
        if self.corrupt > _BAD_SHARE:
            causes["frames_corrupted"] = f"{self.corrupt:.1%} of the frames on bus '{bus}'"
        if self.foreign > _BAD_SHARE:
            causes["second_master"] = (
                f"{self.foreign:.1%} of the frames on bus '{bus}' answer nothing that was asked: "
                "a second master, equal ids, or an adapter that echoes (key `echo`)"
            )
        return causes


class Speeds:
    """Speeds from positions, where boards do not measure them; arrays of shape (n,)."""

    def __init__(self, n: int) -> None:
        self._position, self._speed = np.full(n, np.nan), np.zeros(n)
        self._stamp = np.zeros(n, dtype=np.int64)

    def fill(self, readings: Readings, stamp: int) -> None:
        """Put a speed wherever `readings`, taken at `stamp` [ns], hold none (NaN).

        It is the change since the last answer over the time since: as coarse as the encoder.
        """
        unknown = np.isnan(readings.velocity)
        if not unknown.any():
            return
        passed = (stamp - self._stamp) * 1e-9
        new = readings.fresh & (passed > 0.0)  # a paused world has the same stamp again
        change = np.nan_to_num(readings.position - self._position)
        np.divide(change, passed, out=self._speed, where=new)
        self._position[new], self._stamp[new] = readings.position[new], stamp
        readings.velocity[unknown] = self._speed[unknown]


@dataclass
class Bus:
    """What all buses have."""

    link: Link
    retry_at: float = field(default=0.0, init=False)  # [s] steady time
    starting: Talk | None = field(default=None, init=False)
    quality: FrameQuality = field(default_factory=FrameQuality, init=False)

    def reopen(self, now: float, interval: float) -> None:
        """Open a lost bus again if it is time to, and begin its start-up; never waits.

        Boards may have kept torque while the port was away, and the protocol what it commanded last:
        both end before anything else is said.
        """
        link = self.link
        if self.starting is not None and link.state is not LinkState.TALKING:
            error, self.starting = self.starting.error, None
            if error is not None and link.state is LinkState.FAILED:
                link.lose(error)
        if link.state is not LinkState.LOST or now < self.retry_at:
            return
        self.retry_at = now + interval
        if self._open():
            self.starting = link.talk(link.protocol.startup())

    def _open(self) -> bool:
        """Open the port; whether the bus is there."""
        try:
            self.link.open()
        except TransportError as error:
            self.link.lose(error)
            return False
        self.make_safe()
        return self.link.state is LinkState.READY

    def make_safe(self) -> None:
        """The port has just been opened again."""


@dataclass
class ActuatorBus(Bus):
    """A bus with joints."""

    devices: Sequence[Device]
    part: slice  # of the devices of all buses
    legs: NDArray[np.bool_]  # shape (devices,), carries the robot
    enabled: bool = field(default=False, init=False)
    # Came back while the robot had torque; says so until disarmed.
    rejoined: bool = field(default=False, init=False)
    # Why not all boards have said that their torque is off.
    unconfirmed: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._speeds = Speeds(len(self.devices))
        self.protocol: Any = self.link.protocol

    def fastest(self, reply_share: float) -> float:
        """[Hz] at which its wire can do all that a cycle needs, at best; infinite: not known.

        `reply_share` of a period is for questions and answers.
        """
        asking, commanding = self.protocol.cycle_time(self.link.transport.baud)
        least = max(asking / reply_share, asking + commanding)
        return 1.0 / least if least else float("inf")

    def readings(self, stamp: int) -> Readings:
        """End the cycle's listening; what was heard of the state at `stamp` [ns]."""
        readings: Readings = self.protocol.readings()
        self._speeds.fill(readings, stamp)
        self.quality.see(self.protocol.counters)
        return readings

    def stop(self, unconfirmed: str) -> None:
        """Torque off without waiting for an answer; '' or why one is missing."""
        self.enabled, self.unconfirmed = False, unconfirmed
        if self.link.state is LinkState.FAILED:
            self.link.state = LinkState.READY
        self.link.send(self.protocol.stop())

    def insist(self, fresh: NDArray[np.bool_], now: float, interval: float) -> None:
        """Tell boards that have not confirmed it again that torque is off, until all answer."""
        if self.unconfirmed and now >= self.retry_at:
            self.retry_at = now + interval
            self.stop("" if fresh.all() else self.unconfirmed)

    def command(self, shafts: Command) -> None:
        """Send each device its part of the command of all devices, seen from their shafts."""
        if not self.enabled or self.link.state is not LinkState.READY:
            return
        mine = Command(*(getattr(shafts, name)[self.part] for name in Command.__slots__))
        self.link.send(self.protocol.command(mine))

    def causes(self, readings: Readings | None) -> dict[str, str]:
        """The faults that the bus and its devices show now."""
        lost = "bus_lost" if self.legs.any() else "arm_bus_lost"
        name = self.link.name
        if readings is None:
            return {self.link.fault or lost: f"bus '{name}': {self.link.reason}"}
        causes = self.quality.causes(name)
        if self.unconfirmed:
            causes["torque_off_unconfirmed"] = f"bus '{name}': {self.unconfirmed}"
        if self.rejoined:
            causes[lost] = f"bus '{name}' is back, without torque: deactivate, then arm again"
        alike: dict[tuple[str, str], list[str]] = {}  # whole limbs have the same fault at once
        for fault in readings.faults:
            who = alike.setdefault((self._row(fault), fault.reason), [])
            who.append(str(self.devices[fault.device]))
        for (row, reason), devices in alike.items():
            text = f"{', '.join(devices)}: {reason}"
            causes[row] = f"{causes[row]}; {text}" if row in causes else text
        return causes

    def _row(self, fault: DeviceFault) -> str:
        arm = f"arm_{fault.name}"
        return arm if arm in FAULTS and not self.legs[fault.device] else fault.name

    def make_safe(self) -> None:
        """Take torque off."""
        self.enabled = False
        self.link.send(self.protocol.stop())
