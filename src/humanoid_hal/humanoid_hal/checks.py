"""What a sample tells about the health of the robot: the HAL's own detectors, one function each.

A detector sees one sample and writes the causes it finds into a dict (fault name -> reason). How
long a cause must hold is the fault table's business, except where it is counted per joint.
"""

from math import exp
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
from humanoid_hal import kernels
from humanoid_hal.driver import Capabilities, ImuSample, Sample
from humanoid_hal.hardware import HardwareConfig

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Cycles in a row without a valid reply after which a joint is silent (row 2).
SILENT_CYCLES = 3
#: Control periods after which the newest sample is stale (row 4).
STALE_PERIODS = 5
#: [ns] of bit-identical readings after which a joint that claims to move is frozen (row 4).
FROZEN_NS = 500_000_000
#: [rad/s] Slower than this counts as standing still; about ten steps of a 14-bit encoder at 500 Hz
#: filtered over ten samples.
STILL_SPEED = 0.05
#: [ns] at full torque without moving after which a joint is stalled (row 15).
STALL_NS = 200_000_000
#: Fraction of the torque limit that counts as full torque.
FULL_TORQUE = 0.95
#: [s] Time constant of the temperature filter (row 12).
TEMPERATURE_FILTER = 1.0
#: [ns] A sample this far after the last one is a jump of the clock, no pause of the
#: process (row 18).
JUMP_NS = 1_000_000_000
#: [ns] All joints slower than STILL_SPEED for this long: the robot lies still (row 17).
STILL_NS = 1_000_000_000


def leg_mask(robot: RobotDescription) -> Mask:
    """Which joints carry the robot: those between the base and a foot. Shape (n,)."""
    parents = {}
    for joint in ElementTree.fromstring(robot.urdf).iter("joint"):
        parent, child = joint.find("parent"), joint.find("child")
        if parent is not None and child is not None:
            parents[child.get("link")] = (joint.get("name"), parent.get("link"))
    legs: set[str | None] = set()
    for foot in robot.feet:
        link: str | None = foot.link
        while link in parents:
            joint_name, link = parents[link]
            legs.add(joint_name)
    return np.array([name in legs for name in robot.joint_names])


class SampleChecks:
    """Judges samples one after the other.

    After :meth:`see`, `position` [rad] and `velocity` [rad/s], shape (n,), hold the last valid
    values of every joint, and `complete` whether all were valid this time.
    """

    def __init__(
        self, robot: RobotDescription, config: HardwareConfig, capabilities: Capabilities
    ) -> None:
        n = len(robot.joints)
        self._names = robot.joint_names
        self._legs = leg_mask(robot)
        self._config = config
        self._capabilities = capabilities
        self._lower = robot.column("lower") - config.limits.margin
        self._upper = robot.column("upper") + config.limits.margin
        self._full_torque = robot.column("effort") * FULL_TORQUE
        self._hot = robot.column("temperature")
        self._all = np.ones(n, dtype=bool)
        # Position, velocity, effort as read now and before: a driver may reuse its arrays.
        self._now, self._before = np.zeros((3, n)), np.zeros((3, n))
        self._imu_now, self._imu_before = np.full((2, 3), np.nan), np.full((2, 3), np.nan)
        self._silent = np.zeros(n, dtype=np.int64)  # cycles
        self._frozen = np.zeros(n, dtype=np.int64)  # [ns]
        self._stalled = np.zeros(n, dtype=np.int64)  # [ns]
        self.position = np.zeros(n)
        self.velocity = np.zeros(n)
        self.reset()

    @property
    def still(self) -> bool:
        """Whether no joint has moved for :data:`STILL_NS`."""
        return self._still >= STILL_NS

    def reset(self) -> None:
        """Forget the past: the samples to come are of another world."""
        for counter in (self._silent, self._frozen, self._stalled):
            counter[:] = 0
        self._imu_now[:] = np.nan
        self._imu_frozen = False
        self._temperature = np.full(len(self._names), np.nan)  # [degC] filtered
        self._still = 0  # [ns]
        self._stamp: int | None = None
        self.complete = False

    def see(self, sample: Sample) -> dict[str, str]:
        """The causes that `sample` shows. A repeated stamp adds no time to any of them."""
        causes: dict[str, str] = {}
        for text in sample.faults:
            name, _, reason = text.partition(":")
            causes[name.strip()] = reason.strip()
        first = self._stamp is None
        elapsed = self._elapsed(sample.stamp, causes)
        valid = self._take(sample)
        self._silence(valid, first or elapsed > 0, causes)
        unusual = kernels.unusual(
            self._now,
            self._before,
            self.position,
            self.velocity,
            self._lower,
            self._upper,
            self._full_torque,
            STILL_SPEED,
        )
        if elapsed:
            self._freezing(unusual, elapsed, causes)
        self._limits(unusual, valid, elapsed, causes)
        if self._capabilities.imu:
            self._imu(sample.imu, elapsed, causes)
        if sample.temperature is not None or not self._capabilities.simulated:
            self._heat(sample.temperature, elapsed, causes)
        if sample.voltage is not None:
            self._voltage(sample.voltage, causes)
        return causes

    def stale(self, now: int) -> dict[str, str]:
        """The cause that the newest sample is too old at `now` [ns], if it is."""
        if self._stamp is None:
            return {}
        age, limit = now - self._stamp, STALE_PERIODS * self._config.period_ns
        if age <= limit:
            return {}
        return {
            "state_stale": f"newest sample is {age * 1e-6:.1f} ms old, limit {limit * 1e-6:.1f}"
        }

    def _elapsed(self, stamp: int, causes: dict[str, str]) -> int:
        """[ns] since the last sample; 0 on the first one and across a jump of its clock."""
        before, self._stamp = self._stamp, stamp
        if before is None:
            return 0
        elapsed = stamp - before
        if 0 <= elapsed <= JUMP_NS:
            return elapsed
        causes["clock_jump"] = f"stamp moved by {elapsed * 1e-9:.3f} s between two samples"
        return 0

    def _take(self, sample: Sample) -> Mask:
        """Copy the joints' readings; returns which are valid, shape (n,)."""
        self._now, self._before = self._before, self._now
        now = self._now
        now[0], now[1], now[2] = sample.position, sample.velocity, sample.effort
        fresh = np.count_nonzero(sample.fresh)
        self.complete = fresh == len(self._names) and kernels.finite(now)
        valid = self._all if self.complete else np.isfinite(now).all(axis=0) & sample.fresh
        np.copyto(self.position, now[0], where=valid)
        np.copyto(self.velocity, now[1], where=valid)
        return valid

    def _silence(self, valid: Mask, counts: bool, causes: dict[str, str]) -> None:
        if self.complete:
            self._silent[:] = 0
            return
        self._silent += counts
        self._silent[valid] = 0
        silent = self._silent >= SILENT_CYCLES
        for name, mask in (
            ("joint_silent", silent & self._legs),
            ("arm_joint_silent", silent & ~self._legs),
        ):
            if mask.any():
                causes[name] = f"no valid reply for {SILENT_CYCLES} cycles: {self._listed(mask)}"

    def _freezing(self, unusual: int, elapsed: int, causes: dict[str, str]) -> None:
        if not unusual & kernels.SAME_POSITION:
            self._frozen[:] = 0
            return
        now, before = self._now, self._before
        same = now[0] == before[0]
        same &= now[1] == before[1]
        same &= np.abs(now[1]) > STILL_SPEED
        self._frozen += elapsed
        self._frozen *= same
        frozen = self._frozen >= FROZEN_NS
        if np.count_nonzero(frozen):
            span = f"for {FROZEN_NS * 1e-9:.1f} s"
            causes["joint_frozen"] = (
                f"same position {span} while reporting speed: {self._listed(frozen)}"
            )

    def _limits(self, unusual: int, valid: Mask, elapsed: int, causes: dict[str, str]) -> None:
        if unusual & kernels.BEYOND:
            q = self.position
            worst = int(np.maximum(self._lower - q, q - self._upper).argmax())
            causes["joint_limit"] = (
                f"{self._names[worst]} at {q[worst]:.3f} rad, limits with margin "
                f"{self._lower[worst]:.3f} … {self._upper[worst]:.3f}"
            )
        self._still = 0 if unusual & kernels.MOVING else self._still + elapsed
        if not unusual & kernels.FULL_TORQUE:
            self._stalled[:] = 0
            return
        slow = np.abs(self.velocity) < STILL_SPEED
        slow &= valid
        slow &= np.abs(self._now[2]) >= self._full_torque
        self._stalled += elapsed
        self._stalled *= slow
        stalled = self._stalled >= STALL_NS
        if np.count_nonzero(stalled):
            span = f"{STALL_NS * 1e-9:.1f} s"
            causes["stall"] = f"full torque for {span} without moving: {self._listed(stalled)}"

    def _imu(self, imu: ImuSample | None, elapsed: int, causes: dict[str, str]) -> None:
        if imu is None:
            causes["imu_dropout"] = "no reading"
        else:
            self._imu_now, self._imu_before = self._imu_before, self._imu_now
            now = self._imu_now
            now[0], now[1] = imu.angular_velocity, imu.linear_acceleration
            if not kernels.finite(now):
                causes["imu_dropout"] = "reading is not finite"
            elif elapsed:
                self._imu_frozen = np.count_nonzero(now == self._imu_before) == now.size
        if self._imu_frozen and elapsed:  # also between the readings of a slower one
            causes["imu_frozen"] = "identical readings"

    def _heat(self, measured: Array | None, elapsed: int, causes: dict[str, str]) -> None:
        if measured is None:
            causes["temperature_unknown"] = "no readings"
            return
        known = np.isfinite(measured)
        measured = np.where(known, measured, 0.0)
        if not known.all():
            causes["temperature_unknown"] = f"no reading: {self._listed(~known)}"
        filtered = self._temperature
        filtered = np.where(np.isnan(filtered) & known, measured, filtered)
        share = 1.0 - exp(-elapsed * 1e-9 / TEMPERATURE_FILTER)
        self._temperature = np.where(known, filtered + share * (measured - filtered), filtered)
        for name, limit in (
            ("over_temperature", self._hot),
            ("temperature_high", self._hot - self._config.safety.temperature_margin),
        ):
            if (self._temperature > limit).any():
                worst = int(np.nanargmax(self._temperature - limit))
                causes[name] = (
                    f"{self._names[worst]} at {self._temperature[worst]:.0f} degC, "
                    f"limit {limit[worst]:.0f}"
                )
                return

    def _voltage(self, measured: float, causes: dict[str, str]) -> None:
        for name, limit in (
            ("under_voltage", self._config.safety.voltage_minimum),
            ("voltage_low", self._config.safety.voltage_low),
        ):
            if limit is not None and not measured >= limit:  # NaN is low
                causes[name] = f"{measured:.1f} V, limit {limit:.1f} V"
                return

    def _listed(self, mask: Mask) -> str:
        return ", ".join(self._names[i] for i in np.flatnonzero(mask))
