"""Moves one joint a little, slowly, and back; every other joint holds where it stands."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, Command, Driver, DriverError, Sample

#: [rad] and [rad/s]: the most that is done without a controller.
FARTHEST, FASTEST = 0.5, 1.0
#: Samples with every joint fresh before torque, as arming asks for (row 14 of the fault table).
SAMPLES = 20
#: [s] in which gains grow from 0 before anything moves, and fall to 0 at the end.
RAMP = 0.5
#: [rad] A joint farther than this from where it should be ends the motion.
ASTRAY = 0.25
#: Cycles in a row without an answer of the joint that end the motion.
SILENT = 3


@dataclass(frozen=True)
class Jogged:
    """What came of it."""

    joint: str
    asked: float  # [rad]
    moved: float  # [rad] measured at the far end
    back: float  # [rad] from the start, measured at the end
    effort: float  # [N m] largest, measured
    missed: int  # cycles without an answer


def check_stroke(distance: float, speed: float) -> None:
    """Raises ValueError when `distance` [rad] or `speed` [rad/s] is too much, or nothing."""
    if not (0.0 < abs(distance) <= FARTHEST and 0.0 < speed <= FASTEST):
        raise ValueError(
            f"{distance:+g} rad at {speed:g} rad/s: without a controller more than 0 and at most "
            f"{FARTHEST} rad at {FASTEST} rad/s"
        )


class Jog:
    """One motion of one joint."""

    def __init__(self, driver: Driver, robot: RobotDescription, joint: str, period: float) -> None:
        """`driver` is open; `period` [s] is its own."""
        self._driver, self._robot, self._period = driver, robot, period
        self._joint = robot.index[joint]
        self._gains = robot.column("stiffness"), robot.column("damping")
        self._start: Array = np.zeros(len(robot.joints))
        self._missed = self._silent = 0
        self._effort = 0.0

    def run(self, distance: float, speed: float, stopping: Callable[[], bool]) -> Jogged:
        """There and back by `distance` [rad] at `speed` [rad/s]. Torque is off afterwards.

        Raises ValueError when that leaves the joint's limits, DriverError when the joint does not
        follow or does not answer, or when `stopping` says so.
        """
        self._start = self._stand()
        name = self._robot.joint_names[self._joint]
        self._check(name, distance, speed)
        duration = max(0.2, abs(distance) / speed * math.pi / 2.0)  # a cosine's greatest speed
        try:
            self._driver.enable(True)
            self._follow(lambda s: (0.0, s), RAMP, stopping)
            there = self._follow(lambda s: (distance * _smooth(s), 1.0), duration, stopping)
            moved = float(there.position[self._joint] - self._start[self._joint])
            back = self._follow(lambda s: (distance * _smooth(1 - s), 1.0), duration, stopping)
            self._follow(lambda s: (0.0, 1.0 - s), RAMP, stopping)
        finally:
            self._driver.enable(False)
        left = float(back.position[self._joint] - self._start[self._joint])
        return Jogged(name, distance, moved, left, self._effort, self._missed)

    def _stand(self) -> Array:
        """Where the joints are, once they have all answered several times in a row."""
        fresh = 0
        for _ in range(50 * SAMPLES):
            sample = self._driver.read()
            fresh = fresh + 1 if np.all(sample.fresh) else 0
            if fresh >= SAMPLES:
                return sample.position.copy()
        raise DriverError(
            f"not every joint answers {SAMPLES} times in a row; 'humanoid monitor' shows"
        )

    def _check(self, name: str, distance: float, speed: float) -> None:
        check_stroke(distance, speed)
        joint = self._robot.joints[self._joint]
        now = self._start[self._joint]
        if not joint.lower <= now + distance <= joint.upper:
            raise ValueError(
                f"{name} is at {now:.3f} rad; {distance:+.3f} leaves its limits "
                f"{joint.lower:.3f} … {joint.upper:.3f}; jog the other way, or calibrate it"
            )

    def _follow(
        self,
        where: Callable[[float], tuple[float, float]],
        duration: float,
        stopping: Callable[[], bool],
    ) -> Sample:
        """For `duration` [s]: `where` gives offset [rad] and gain share at progress 0 … 1."""
        cycles = max(1, round(duration / self._period))
        zeros = np.zeros(len(self._start))
        for cycle in range(1, cycles + 1):
            if stopping():
                raise DriverError("stopped on request; torque is off")
            offset, gain = where(cycle / cycles)
            target = self._start.copy()
            target[self._joint] += offset
            stiffness, damping = (gain * column for column in self._gains)
            self._driver.write(Command(target, zeros, zeros, stiffness, damping))
            sample = self._driver.read()
            self._watch(sample, float(target[self._joint]), gain)
        return sample

    def _watch(self, sample: Sample, target: float, gain: float) -> None:
        joint = self._joint
        if not sample.fresh[joint]:
            self._missed += 1
            self._silent += 1
            if self._silent >= SILENT:
                raise DriverError(f"no answer for {SILENT} cycles; torque is off; check the bus")
            return
        self._silent = 0
        self._effort = max(self._effort, abs(float(sample.effort[joint])))
        astray = float(sample.position[joint]) - target
        if gain == 1.0 and abs(astray) > ASTRAY:
            raise DriverError(
                f"the joint is {astray:+.2f} rad from where it should be; torque is off; is it "
                "blocked, or are direction, model or gains wrong?"
            )


def _smooth(s: float) -> float:
    """From 0 to 1 without a jump of speed."""
    return 0.5 - 0.5 * math.cos(math.pi * s)
