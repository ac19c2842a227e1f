"""Promises on what happens when answers are missing or damaged."""

import time

import numpy as np

from humanoid_hal.bench import NotOfferedError
from humanoid_hal.conformance.trial import PATIENCE, TOLD_WITHIN, BrokenPromiseError, Subject, Trial
from humanoid_hal.driver import DriverError, Sample

#: Readings over which a state is looked at, and the share of them that must be as promised: a bus
#: may lose an answer now and then.
READINGS, SHARE = 20, 0.9
#: [rad] A fresh reading on a damaged wire may be this far from the truth.
TRUE_DISTANCE = 0.3
#: [s] of real time that a driver has at least to open a port again.
RECOVERY = 5.0
#: Readings within which a lost bus is told.
LOST_WITHIN = 50


def freshness(subject: Subject) -> str:
    """A joint is fresh if it answered in this cycle, and only then."""
    with Trial(subject) as trial:
        trial.read_fresh()
        if trial.may_move:
            trial.arm()
            fresh = np.array([trial.turn(trial.hold()).fresh for _ in range(READINGS)])
        else:
            fresh = np.array([trial.driver.read().fresh for _ in range(READINGS)])
        rarely = fresh.mean(axis=0) < SHARE
        if rarely.any():
            raise BrokenPromiseError(
                f"healthy but not fresh in {READINGS} readings: {trial.names(rarely)}"
            )
        joint = trial.robot.joint_names[0]
        try:
            trial.bench.silence(joint)
        except NotOfferedError as reason:
            raise NotOfferedError(f"all fresh while healthy; {reason}") from reason
        samples = [trial.turn(trial.hold()) for _ in range(TOLD_WITHIN + READINGS)]
        if any(sample.fresh[0] for sample in samples[TOLD_WITHIN:]):
            raise BrokenPromiseError(f"{joint} answers nothing and is still called fresh")
    return f"a silent joint is not fresh within {TOLD_WITHIN} readings"


def partial_loss(subject: Subject) -> str:
    """One dead joint costs only itself, and comes back when it answers, or else when re-armed."""
    with Trial(subject) as trial:
        trial.arm()
        last = len(trial.robot.joints) - 1
        trial.bench.silence(trial.robot.joint_names[last])
        samples = [trial.turn(trial.hold()) for _ in range(TOLD_WITHIN + READINGS)]
        share = np.mean([sample.fresh for sample in samples[TOLD_WITHIN:]], axis=0)
        also = share < SHARE
        also[last] = False
        if also.any():
            raise BrokenPromiseError(f"with one joint dead, also lost: {trial.names(also)}")
        trial.bench.mend()
        if not _comes_back(trial):
            raise BrokenPromiseError("it answers again: not fresh, not even after disarming")
    return f"the other {last} joints stay fresh"


def disconnect(subject: Subject) -> str:
    """A lost connection is told, by DriverError or by no joint being fresh, and nothing else."""
    with Trial(subject) as trial:
        trial.arm()
        trial.bench.unplug()
        try:
            told = trial.lost(LOST_WITHIN)
            for action in (lambda: trial.driver.write(trial.hold()), trial.driver.read):
                try:
                    action()
                except DriverError:
                    pass
        except Exception as error:
            raise BrokenPromiseError(
                f"raises {type(error).__name__}, must be DriverError: {error}"
            ) from error
    if not told:
        raise BrokenPromiseError(
            f"not told in {LOST_WITHIN} readings: joints are still called fresh"
        )
    return told


def replug(subject: Subject) -> str:
    """After a re-plug readings are back, and torque is off until ``enable(True)``."""
    with Trial(subject) as trial:
        trial.arm()
        trial.turn(trial.hold())
        trial.bench.unplug()
        _suffer(trial)
        trial.bench.mend()
        if not _recovers(trial):
            trial.driver.close()
            trial.driver.open()
            if not _recovers(trial):
                raise BrokenPromiseError("does not read again, not even when closed and opened")
        on = trial.bench.torque()
        if on.any():
            raise BrokenPromiseError(f"torque is on again without enable(True): {trial.names(on)}")
        trial.driver.enable(True)
        trial.turn(trial.hold())
        if not trial.bench.torque().all():
            raise BrokenPromiseError(f"cannot be armed again: {trial.names(~trial.bench.torque())}")
    return "reads again, disarmed"


def garbage(subject: Subject) -> str:
    """A damaged answer is no answer: what is fresh and finite is true."""
    with Trial(subject) as trial:
        trial.arm()
        trial.bench.position()
        trial.bench.garble()
        for _ in range(READINGS):
            try:
                _true(trial, trial.turn(trial.hold()))
            except DriverError:
                break
        trial.bench.mend()
        if not _comes_back(trial):
            raise BrokenPromiseError("does not read again after the damage has ended")
    return f"{READINGS} damaged answers dropped, then fresh again"


def _true(trial: Trial, sample: Sample) -> None:
    error = np.abs(sample.position - trial.bench.position())
    wrong = sample.fresh & (error > TRUE_DISTANCE)  # NaN is no lie: the HAL takes it for missing
    if wrong.any():
        raise BrokenPromiseError(
            f"fresh and wrong by up to {np.max(error[wrong]):.3g} rad: {trial.names(wrong)}"
        )


def _suffer(trial: Trial) -> None:
    """Go on as the HAL does while all is lost; how it is told is another promise's business."""
    for _ in range(LOST_WITHIN):
        try:
            if not np.any(trial.turn(trial.hold()).fresh):
                return
        except Exception:
            return


def _comes_back(trial: Trial) -> bool:
    """Whether all joints are fresh again; a driver may want to be disarmed first.

    Boards that lose their turns with their power cannot be trusted before.
    """
    for _ in range(READINGS):
        try:
            if np.all(trial.turn(trial.hold()).fresh):
                return True
        except DriverError:
            continue
    trial.driver.enable(False)
    return _recovers(trial)


def _recovers(trial: Trial) -> bool:
    deadline = time.monotonic() + RECOVERY
    readings = 0
    while readings < PATIENCE or time.monotonic() < deadline:
        readings += 1
        try:
            if np.all(trial.driver.read().fresh):
                return True
        except DriverError:
            continue
    return False
