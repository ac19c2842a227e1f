"""Promises on what a sample holds and what a command does: units, signs, zeros, limits."""

import warnings
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.conformance.swing import STEP, Swing, likeness, slope, swing
from humanoid_hal.conformance.trial import BrokenPromiseError, NotTestedError, Subject, Trial
from humanoid_hal.driver import Array, Sample

#: [m/s^2] what an accelerometer at rest may read: standard gravity and a fifth, for a bad scale.
REST_ACCELERATION = (7.8, 11.8)
#: [rad/s] what a gyroscope at rest may read.
REST_TURNING = 0.3
#: [rad] Change of position that says how fast a joint was; some ten counts of a coarse encoder.
MOVED = 0.02
#: Correlation above which a reading is of its own joint, whatever its unit and direction.
FOLLOWS = 0.9
#: Correlation above which a joint does what its own pattern says. Measured: above 0.49 on simulated
#: robots with both feet on the floor; a joint that gets another one's commands stays about 0 ± 0.3.
ALIKE = 0.3
#: Two quantities of one unit agree within this factor; units differ by 6.28 and more.
FACTOR = 3.0
#: A reading and the truth agree within this factor, and [rad] within this distance.
TRUE_FACTOR, TRUE_DISTANCE = 1.25, 0.03
#: [degC] of a motor, [V] of a supply: outside, the unit is another or there is no sensor.
TEMPERATURES, VOLTAGES = (-40.0, 150.0), (3.0, 500.0)


def declared(subject: Subject) -> str:
    """Samples hold what the capabilities say, in the right shapes; options have defaults."""
    options = subject.driver.Options
    if not is_dataclass(options):
        raise BrokenPromiseError(f"Options is {options!r}, must be a frozen dataclass")
    options()  # a default for every field
    with Trial(subject) as trial:
        sample, capabilities = trial.read_fresh(), trial.capabilities
        n, feet = len(trial.robot.joints), len(trial.robot.feet)
        for name in ("position", "velocity", "effort"):
            _array(name, getattr(sample, name), (n,))
        if sample.fresh.shape != (n,) or sample.fresh.dtype != bool:
            raise BrokenPromiseError(
                f"fresh is {_kind(sample.fresh)}, must be bool of shape ({n},)"
            )
        for name, given in (
            ("imu", _turning(sample) is not None),
            ("wrenches", sample.wrenches is not None),
        ):
            if given != getattr(capabilities, name):
                raise BrokenPromiseError(
                    f"capability {name} is {not given}, but samples say {given}"
                )
        if sample.imu is not None:
            if capabilities.imu:
                _array("imu.angular_velocity", sample.imu.angular_velocity, (3,))
            _array("imu.linear_acceleration", sample.imu.linear_acceleration, (3,))
            if sample.imu.orientation is not None:
                _array("imu.orientation", sample.imu.orientation, (4,))
        if sample.wrenches is not None:
            _array("wrenches", sample.wrenches, (feet, 6))
        if sample.temperature is not None and sample.temperature.shape != (n,):
            raise BrokenPromiseError(
                f"temperature is {_kind(sample.temperature)}, must be of shape ({n},)"
            )
    yes = [item.name for item in fields(capabilities) if getattr(capabilities, item.name)]
    return f"{n} joints; declares {', '.join(yes) or 'nothing'}"


def units(subject: Subject) -> str:
    """rad, rad/s, N m, m/s^2, degC, V."""
    with Trial(subject) as trial:
        _plausible(trial.read_fresh())
        return _scales(trial, swing(trial))


def sign(subject: Subject) -> str:
    """A command on a joint moves that joint, in that direction; its effort has that sign."""
    with Trial(subject) as trial:
        seen = swing(trial)
        try:
            _scales(trial, seen)
        except BrokenPromiseError as error:
            raise NotTestedError(f"the units are not right: {error}") from error
        asked, gone = seen.answers()
        _alike("moving as told", likeness(_centred(gone), _centred(asked)), trial)
        if trial.capabilities.effort:
            _alike("pushing as told", likeness(seen.effort[1:], _law(trial, seen)), trial)
        if seen.truth is not None:
            turned = likeness(_centred(seen.position), _centred(seen.truth))
            _alike("reading as it truly turns", turned, trial)
    return f"{asked.shape[1]} joints moved by ±{STEP} rad each in its own pattern"


def zero(subject: Subject) -> str:
    """A joint at its zero reads zero."""
    with Trial(subject) as trial:
        trial.bench.position()  # before it moves
        seen = swing(trial)
        assert seen.truth is not None
        # Where the reading follows the truth, in whatever unit and direction.
        offset = np.nanmean(seen.position, axis=0) - _scale(seen) * seen.truth.mean(axis=0)
        if not np.isfinite(offset).any():
            raise NotTestedError("no reading follows its joint")
        wrong = np.abs(offset) > TRUE_DISTANCE
        if wrong.any():
            worst = float(np.nanmax(np.abs(offset)))
            raise BrokenPromiseError(f"zero is off by up to {worst:.3f} rad: {trial.names(wrong)}")
    return f"largest offset {np.nanmax(np.abs(offset)):.4f} rad"


def limits(subject: Subject) -> str:
    """A command beyond what a board can take is cut, never wrapped around."""
    with Trial(subject) as trial:
        if not trial.imagined:
            raise NotTestedError("it commands full torque, which is not done to real hardware")
        effort = trial.capabilities.effort
    for direction in (1.0, -1.0):
        full, beyond = (_answer(subject, direction, excess) for excess in (1.0, 4.0))
        wrapped = beyond < 0.5 * full if effort else beyond < full - STEP
        if wrapped.any():
            raise BrokenPromiseError(f"four times the limit acts as less: {trial.names(wrapped)}")
    return f"four times the {'effort' if effort else 'travel'} is cut on both sides"


def _answer(subject: Subject, direction: float, excess: float) -> Array:
    """How far every joint follows a command `excess` times its limit: [N m], or else [rad]."""
    with Trial(subject) as trial:
        trial.arm()
        if trial.capabilities.effort:
            command = trial.push(direction * excess * trial.robot.column("effort"))
        else:
            command = trial.hold()
            span = trial.robot.column("upper") - trial.robot.column("lower")
            command.position = trial.start + direction * excess * span
        samples = [trial.turn(command) for _ in range(5)]
        if trial.capabilities.effort:
            return np.max([direction * sample.effort for sample in samples], axis=0)
        return np.max([direction * (sample.position - trial.start) for sample in samples], axis=0)


def _turning(sample: Sample) -> float | None:
    """[rad/s] that the IMU measures; None: it has no gyroscope, or there is none."""
    if sample.imu is None or np.isnan(sample.imu.angular_velocity).all():
        return None
    return float(np.linalg.norm(sample.imu.angular_velocity))


def _plausible(sample: Sample) -> None:
    imu = sample.imu
    if imu is not None:
        low, high = REST_ACCELERATION
        acceleration = float(np.linalg.norm(imu.linear_acceleration))
        if not low <= acceleration <= high:
            raise BrokenPromiseError(
                f"accelerometer at rest reads {acceleration:.3g} m/s^2, due 9.81"
            )
        turning = _turning(sample)
        if turning is not None and not turning <= REST_TURNING:
            raise BrokenPromiseError(f"gyroscope at rest reads {turning:.3g} rad/s, due 0")
    for name, unit, (low, high) in (
        ("temperature", "degC", TEMPERATURES),
        ("voltage", "V", VOLTAGES),
    ):
        values = getattr(sample, name)
        known = np.array([] if values is None else values, dtype=float)
        known = known[np.isfinite(known)]
        if known.size and not (known.min() >= low and known.max() <= high):
            raise BrokenPromiseError(f"{name} reads {known.min():.4g} … {known.max():.4g} {unit}")


def _scales(trial: Trial, seen: Swing) -> str:
    """Compare what was read with itself, with the commands and with the truth."""
    found = [_within("rad of travel", _travel(seen), 0.0, FACTOR, trial)]
    found.append(
        _within("velocity over change of position", _speed(seen), 1 / FACTOR, FACTOR, trial)
    )
    if trial.capabilities.effort:
        torque = np.abs(slope(seen.effort[1:], _law(trial, seen)))
        what = "effort over what the command asks for"
        found.append(_within(what, torque, 1 / FACTOR, FACTOR, trial))
    if seen.truth is not None:
        scale = np.abs(_scale(seen))
        found.append(_within("reading over truth", scale, 1 / TRUE_FACTOR, TRUE_FACTOR, trial))
    return "; ".join(found)


def _scale(seen: Swing) -> Array:
    """Reading over truth for each joint; NaN for one that does not follow its truth at all."""
    assert seen.truth is not None
    reading, truth = _centred(seen.position), _centred(seen.truth)
    follows = np.abs(likeness(reading, truth)) > FOLLOWS
    return np.where(follows, slope(reading, truth), np.nan)


def _travel(seen: Swing) -> Array:
    """Measured over commanded travel, for each joint."""
    moved = np.nanmax(seen.position, axis=0) - np.nanmin(seen.position, axis=0)
    asked = np.max(seen.target, axis=0) - np.min(seen.target, axis=0)
    return moved / np.where(asked > 0.0, asked, np.nan)


def _speed(seen: Swing) -> Array:
    """Velocity read, over time, over change of position, for each joint; NaN if it hardly moved.

    The median over all spans of half a step in which it moved: readings are coarse.
    """
    passed = np.diff(seen.time)[:, None]
    summed = np.nancumsum(0.5 * (seen.velocity[1:] + seen.velocity[:-1]) * passed, axis=0)
    span = seen.step // 2
    moved = seen.position[span + 1 :] - seen.position[1:-span]
    ratios = (summed[span:] - summed[:-span]) / np.where(np.abs(moved) > MOVED, moved, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a joint that never moved: NaN
        return np.nanmedian(ratios, axis=0)


def _law(trial: Trial, seen: Swing) -> Array:
    """The torque that the commands asked for [N m], from what was read. Shape (m - 1, n)."""
    command = trial.hold()
    position = 0.5 * (seen.position[1:] + seen.position[:-1])
    velocity = 0.5 * (seen.velocity[1:] + seen.velocity[:-1])
    torque = command.stiffness * (seen.target[1:] - position) - command.damping * velocity
    limit = trial.robot.column("effort")
    return np.clip(torque, -limit, limit)


def _centred(values: Array) -> Array:
    return values - np.nanmean(values, axis=0)


def _within(what: str, values: Array, low: float, high: float, trial: Trial) -> str:
    wrong = (values < low) | (values > high)
    if wrong.any():
        seen = ", ".join(f"{value:.3g}" for value in values[wrong][:4])
        raise BrokenPromiseError(f"{what} is {seen}, due 1: {trial.names(wrong)}")
    known = values[np.isfinite(values)]
    return f"{what} {known.min():.2f} … {known.max():.2f}" if known.size else f"{what} unknown"


def _alike(what: str, values: Array, trial: Trial) -> None:
    wrong = ~(values > ALIKE)
    if wrong.any():
        seen = ", ".join(f"{value:.2f}" for value in values[wrong][:4])
        raise BrokenPromiseError(f"not {what} (likeness {seen}, due 1): {trial.names(wrong)}")


def _array(name: str, value: Array, shape: tuple[int, ...]) -> None:
    if value.shape != shape or value.dtype != np.float64:
        raise BrokenPromiseError(f"{name} is {_kind(value)}, must be float64 of shape {shape}")
    if not np.isfinite(value).all():
        raise BrokenPromiseError(f"{name} is not finite although all joints are fresh")


def _kind(value: NDArray[Any]) -> str:
    return f"{value.dtype} of shape {value.shape}"
