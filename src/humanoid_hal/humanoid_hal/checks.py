"""What a sample tells about the health of the robot: the HAL's own detectors, one function each.

A detector sees one sample and writes the causes it finds into a dict (fault name -> reason). How long a
cause must hold is the fault table's business, except where it is counted per joint.
"""

from math import exp
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from humanoid_description import RobotDescription
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
#: [ns] A sample this far after the last one is a jump of the clock, no pause of the process (row 18).
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
    """Judges samples one after the other. After :meth:`see`, `position` and `velocity` hold the last
    valid values of every joint, `complete` whether all were valid this time.
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
        self._temperature: Array | None = None
        self._silent = np.zeros(n, dtype=np.int64)
        self._frozen = np.zeros(n, dtype=np.int64)  # [ns]
        self._stalled = np.zeros(n, dtype=np.int64)  # [ns]
        self._still = 0  # [ns]
        self._last: Sample | None = None
        self.position = np.zeros(n)
        self.velocity = np.zeros(n)
        self.complete = False

    @property
    def still(self) -> bool:
        """Whether no joint has moved for :data:`STILL_NS`."""
        return self._still >= STILL_NS

    def reset(self) -> None:
        """Forget the past: the samples to come are of another world."""
        for counter in (self._silent, self._frozen, self._stalled):
            counter[:] = 0
        self._still = 0
        self._last = None
        self._temperature = None

    def see(self, sample: Sample) -> dict[str, str]:
        """The causes that `sample` shows. One with the last stamp shows those of its values only."""
        causes: dict[str, str] = {}
        elapsed = self._elapsed(sample, causes)
        for text in sample.faults:
            name, _, reason = text.partition(":")
            causes[name.strip()] = reason.strip()
        valid = self._valid(sample)
        self._silence(valid, elapsed, causes)
        self._freezing(sample, elapsed, causes)
        self._limits(sample, valid, elapsed, causes)
        self._imu(sample, elapsed, causes)
        if sample.temperature is not None or not self._capabilities.simulated:
            self._heat(sample.temperature, elapsed, causes)
        self._voltage(sample.voltage, causes)
        self._last = sample
        return causes

    def stale(self, now: int) -> dict[str, str]:
        """The cause that the newest sample is too old at `now` [ns], if it is."""
        if self._last is None:
            return {}
        age, limit = now - self._last.stamp, STALE_PERIODS * self._config.period_ns
        if age <= limit:
            return {}
        return {
            "state_stale": f"newest sample is {age * 1e-6:.1f} ms old, limit {limit * 1e-6:.1f} ms"
        }

    def _elapsed(self, sample: Sample, causes: dict[str, str]) -> int:
        """[ns] since the last sample; 0 on the first one and across a jump of its clock."""
        if self._last is None:
            return 0
        elapsed = sample.stamp - self._last.stamp
        if 0 <= elapsed <= JUMP_NS:
            return elapsed
        causes["clock_jump"] = f"stamp moved by {elapsed * 1e-9:.3f} s between two samples"
        return 0

    def _valid(self, sample: Sample) -> Mask:
        finite = (
            np.isfinite(sample.position) & np.isfinite(sample.velocity) & np.isfinite(sample.effort)
        )
        valid: Mask = finite & sample.fresh
        self.complete = bool(valid.all())
        if self.complete:
            np.copyto(self.position, sample.position)
            np.copyto(self.velocity, sample.velocity)
        else:
            np.copyto(self.position, sample.position, where=valid)
            np.copyto(self.velocity, sample.velocity, where=valid)
        return valid

    def _silence(self, valid: Mask, elapsed: int, causes: dict[str, str]) -> None:
        if self.complete:
            self._silent[:] = 0
            return
        if elapsed or self._last is None:
            self._silent += 1
        self._silent[valid] = 0
        silent = self._silent >= SILENT_CYCLES
        for name, mask in (
            ("joint_silent", silent & self._legs),
            ("arm_joint_silent", silent & ~self._legs),
        ):
            if mask.any():
                causes[name] = f"no valid reply for {SILENT_CYCLES} cycles: {self._listed(mask)}"

    def _freezing(self, sample: Sample, elapsed: int, causes: dict[str, str]) -> None:
        last = self._last
        if last is None or not elapsed:
            return
        same = sample.position == last.position
        same &= sample.velocity == last.velocity
        same &= np.abs(sample.velocity) > STILL_SPEED
        self._frozen += elapsed
        self._frozen *= same
        frozen = self._frozen >= FROZEN_NS
        if frozen.any():
            causes["joint_frozen"] = (
                f"same position for {FROZEN_NS * 1e-9:.1f} s while reporting speed: {self._listed(frozen)}"
            )

    def _limits(self, sample: Sample, valid: Mask, elapsed: int, causes: dict[str, str]) -> None:
        q = self.position
        beyond = (q < self._lower) | (q > self._upper)
        if beyond.any():
            worst = int(np.maximum(self._lower - q, q - self._upper).argmax())
            causes["joint_limit"] = (
                f"{self._names[worst]} at {q[worst]:.3f} rad, limits with margin "
                f"{self._lower[worst]:.3f} … {self._upper[worst]:.3f}"
            )
        slow = np.abs(self.velocity) < STILL_SPEED
        self._still = self._still + elapsed if slow.all() else 0
        slow &= valid
        slow &= np.abs(sample.effort) >= self._full_torque
        self._stalled += elapsed
        self._stalled *= slow
        stalled = self._stalled >= STALL_NS
        if stalled.any():
            causes["stall"] = (
                f"full torque for {STALL_NS * 1e-9:.1f} s without moving: {self._listed(stalled)}"
            )

    def _imu(self, sample: Sample, elapsed: int, causes: dict[str, str]) -> None:
        if not self._capabilities.imu:
            return
        imu = sample.imu
        if imu is None or not _finite(imu):
            causes["imu_dropout"] = "no reading" if imu is None else "reading is not finite"
            return
        before = self._last.imu if self._last is not None and elapsed else None
        if (
            before is not None
            and np.array_equal(imu.angular_velocity, before.angular_velocity)
            and np.array_equal(imu.linear_acceleration, before.linear_acceleration)
        ):
            causes["imu_frozen"] = "identical readings"

    def _heat(self, measured: Array | None, elapsed: int, causes: dict[str, str]) -> None:
        if measured is None or not np.isfinite(measured).all():
            missing = "all joints" if measured is None else self._listed(~np.isfinite(measured))
            causes["temperature_unknown"] = f"no reading: {missing}"
            if measured is None:
                return
        if self._temperature is None:
            self._temperature = np.where(np.isfinite(measured), measured, -np.inf)
        known = np.where(np.isfinite(measured), measured, self._temperature)
        filtered = np.where(np.isfinite(self._temperature), self._temperature, known)
        share = 1.0 - exp(-elapsed * 1e-9 / TEMPERATURE_FILTER)
        self._temperature = filtered + np.where(known == filtered, 0.0, share * (known - filtered))
        for name, limit in (
            ("over_temperature", self._hot),
            ("temperature_high", self._hot - self._config.safety.temperature_margin),
        ):
            over = self._temperature > limit
            if over.any():
                worst = int((self._temperature - limit).argmax())
                causes[name] = (
                    f"{self._names[worst]} at {self._temperature[worst]:.0f} degC, limit {limit[worst]:.0f}"
                )
                return

    def _voltage(self, measured: float | None, causes: dict[str, str]) -> None:
        if measured is None:
            return
        for name, limit in (
            ("under_voltage", self._config.safety.voltage_minimum),
            ("voltage_low", self._config.safety.voltage_low),
        ):
            if limit is not None and not measured >= limit:  # NaN is low
                causes[name] = f"{measured:.1f} V, limit {limit:.1f} V"
                return

    def _listed(self, mask: Mask) -> str:
        return ", ".join(self._names[i] for i in np.flatnonzero(mask))


def _finite(imu: ImuSample) -> bool:
    return bool(
        np.isfinite(imu.angular_velocity).all() and np.isfinite(imu.linear_acceleration).all()
    )
