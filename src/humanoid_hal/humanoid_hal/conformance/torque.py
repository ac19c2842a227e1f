"""Promises on torque: when it comes, and that it goes."""

from contextlib import suppress

import numpy as np

from humanoid_hal.bench import NotOfferedError
from humanoid_hal.conformance.trial import BrokenPromiseError, NotTestedError, Subject, Trial
from humanoid_hal.driver import DriverError

#: [rad] A target that must be forgotten with the torque.
STALE = 0.2
#: Of a joint's torque limit: less is no torque; [N m] for the noise of small joints.
NO_TORQUE, NOISE = 0.05, 0.5
#: [s] of silence after which a board with a watchdog must have gone safe.
SILENCE = 1.0
#: Readings after which torque that was switched off must be gone.
GONE_WITHIN = 10


def enable_order(subject: Subject) -> str:
    """Torque comes with ``enable(True)``, never before, and takes up no old target."""
    with Trial(subject) as trial:
        _off(trial, "after open()")
        trial.read_fresh()
        with suppress(DriverError):
            trial.driver.write(trial.hold())
        _off(trial, "after a write() before enable(True)")
        trial.arm()
        _, damping = trial.hold().stiffness, trial.hold().damping
        for _ in range(2):
            trial.turn(trial.hold(STALE))
        trial.driver.enable(False)
        before = trial.driver.read()
        trial.driver.enable(True)
        after = [trial.driver.read() for _ in range(3)][-1]
        stale = trial.hold(STALE)
        if trial.capabilities.effort:
            wanted = stale.stiffness * (stale.position - after.position) - damping * after.velocity
            taken = after.effort * np.sign(wanted)
            strong = np.abs(wanted) > NO_TORQUE * trial.robot.column("effort") + NOISE
        else:
            wanted = stale.position - before.position
            taken = (after.position - before.position) * np.sign(wanted)
            strong = np.abs(wanted) > 0.5 * STALE
        revived = strong & (taken > 0.5 * np.abs(wanted))
        if revived.any():
            raise BrokenPromiseError(
                f"enable(True) takes up the old target: {trial.names(revived)}"
            )
    return "no torque before enable(True), no old target after it"


def stop_path(subject: Subject) -> str:
    """``enable(False)`` takes all torque away, also with a dead joint on the bus."""
    with Trial(subject) as trial:
        trial.arm()
        for _ in range(5):
            trial.turn(trial.hold(STALE))
        trial.driver.enable(False)
        samples = [trial.driver.read() for _ in range(GONE_WITHIN)]
        left = np.abs(samples[-1].effort) > NO_TORQUE * trial.robot.column("effort") + NOISE
        if left.any():
            raise BrokenPromiseError(f"effort after enable(False): {trial.names(left)}")
        _off(trial, "after enable(False)")
        told = "torque gone"
        try:
            trial.bench.silence(trial.robot.joint_names[0])
        except (NotOfferedError, NotTestedError) as reason:
            return f"{told}; with a dead joint not tested: {reason}"
        trial.bench.mend()
        trial.arm()
        trial.turn(trial.hold())
        trial.bench.silence(trial.robot.joint_names[0])
        with suppress(DriverError):  # it may complain, but about the dead joint only
            trial.driver.enable(False)
        with suppress(DriverError):  # what was sent reaches the boards
            trial.driver.read()
        _off(trial, "with a dead joint after enable(False)", 1)
    return f"{told}, also with a dead joint"


def close_after_error(subject: Subject) -> str:
    """``close()`` takes torque away, never raises, may be repeated, and can be followed by open."""
    with Trial(subject) as trial:
        _closes(trial, "while healthy")
        _closes(trial, "a second time")
        trial.driver.open()
        trial.read_fresh()
        if trial.may_move:
            trial.arm()
            trial.turn(trial.hold())
            _closes(trial, "while armed")
            with suppress(NotOfferedError, NotTestedError):
                _off(trial, "after close()")
            trial.driver.open()
        told = "never raises"
        try:
            trial.bench.unplug()
        except (NotOfferedError, NotTestedError) as reason:
            return f"{told}; after a lost connection not tested: {reason}"
        with suppress(Exception):
            trial.driver.read()
        _closes(trial, "after an error")
    return f"{told}, not even after an error"


def watchdog(subject: Subject) -> str:
    """Boards that are said to have a watchdog go safe by themselves when commands stop."""
    with Trial(subject) as trial:
        if not trial.capabilities.board_watchdog:
            raise NotTestedError(
                "declares that not every board has one; the HAL asks before it arms"
            )
        trial.arm()
        for _ in range(2):
            trial.turn(trial.hold(STALE))
        if not trial.bench.obeying().all():
            raise BrokenPromiseError("commands are not executed, so nothing can be said of silence")
        trial.bench.abandon(SILENCE)
        on = trial.bench.obeying()
        if on.any():
            raise BrokenPromiseError(
                f"still executes the last command after {SILENCE:g} s of silence: {trial.names(on)}"
            )
    return f"torque off, or braking, within {SILENCE:g} s of silence"


def _off(trial: Trial, when: str, skip: int = 0) -> None:
    """No board has torque, where the bench knows; the first `skip` joints are not looked at."""
    with suppress(NotOfferedError, NotTestedError):
        on = trial.bench.torque()
        on[:skip] = False
        if on.any():
            raise BrokenPromiseError(f"torque is on {when}: {trial.names(on)}")


def _closes(trial: Trial, when: str) -> None:
    try:
        trial.driver.close()
    except Exception as error:
        raise BrokenPromiseError(
            f"close() {when} raises {type(error).__name__}: {error}"
        ) from error
