"""Values are walked around each limit; what comes out never exceeds it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from humanoid_description import RobotDescription
from humanoid_hal.driver import Command
from humanoid_hal.hardware import LimitsConfig
from humanoid_hal.limiter import CLAMPS, FIELDS, Limiter

POSE, REST = np.array([0.1, 0.2, 0.3]), np.zeros(3)
LIMITS = LimitsConfig(margin=0.05)
ROWS = dict(zip(FIELDS, range(5), strict=True))


@pytest.fixture
def limiter(robot: RobotDescription) -> Limiter:
    return Limiter(robot, LIMITS)


def matrix(**rows: object) -> np.ndarray:
    values = np.zeros((5, 3))
    values[0] = POSE
    for name, row in rows.items():
        values[ROWS[name]] = row
    return values


def clamp(limiter: Limiter, values: np.ndarray, q: np.ndarray = POSE) -> str:
    return limiter.clamp(values, None, 0.002, q, REST)


EDGES = [-1e308, -1.0001, -1e-9, 0.0, 1e-9, 1.0001, 1e308]


@pytest.mark.parametrize(
    ("field", "kind", "lower", "upper"),
    [
        ("position", "position", -1.0, 2.0),
        ("velocity", "velocity", -10.0, 10.0),
        ("effort", "effort", -50.0, 50.0),
        ("stiffness", "gain", 0.0, 5000.0),
        ("damping", "gain", 0.0, 5000.0),
    ],
)
@pytest.mark.parametrize("offset", EDGES)
@pytest.mark.parametrize("side", ["lower", "upper"])
def test_every_field_stays_within_its_limits(
    limiter: Limiter, field: str, kind: str, lower: float, upper: float, offset: float, side: str
) -> None:
    bound = lower if side == "lower" else upper
    value = bound + offset
    row = np.zeros(3) if field != "position" else POSE.copy()
    row[1] = value
    values = matrix(**{field: row})
    note = clamp(limiter, values)
    given_value = values[ROWS[field], 1]
    inside = lower <= value <= upper
    assert given_value == (value if inside else min(max(value, lower), upper))
    assert limiter.clamped[kind][1] == (0 if inside else 1)
    assert (f"{kind} of knee" in note) is not inside
    assert values[ROWS[field], 0] == row[0]


def test_scales_narrow_the_tables_limits(robot: RobotDescription) -> None:
    limiter = Limiter(robot, replace(LIMITS, velocity_scale=0.5, effort_scale=0.2))
    values = matrix(velocity=9.0, effort=45.0)
    clamp(limiter, values)
    assert values[1].tolist() == [5.0] * 3
    assert values[2].tolist() == [10.0, 10.0, 4.0]


def test_derating_scales_speed_and_torque_and_can_be_taken_back(limiter: Limiter) -> None:
    limiter.derate(0.5)
    values = matrix(position=[2.0, 0.2, 0.3], velocity=9.0, effort=45.0)
    clamp(limiter, values)
    assert values[0, 0] == 2.0
    assert values[1].tolist() == [5.0] * 3
    assert values[2].tolist() == [25.0, 25.0, 10.0]
    limiter.derate(1.0)
    values = matrix(velocity=9.0)
    assert clamp(limiter, values) == ""


@pytest.mark.parametrize(
    ("field", "kind", "step"),
    [("position", "position_rate", 0.04), ("effort", "effort_rate", 25.0)],
)
@pytest.mark.parametrize("direction", [-1.0, 1.0])
@pytest.mark.parametrize(("share", "clamped"), [(0.999, False), (1.001, True), (1e6, True)])
def test_rates_are_limited_from_the_previous_command(
    limiter: Limiter,
    field: str,
    kind: str,
    step: float,
    direction: float,
    share: float,
    clamped: bool,
) -> None:
    previous = matrix()
    values = matrix()
    wanted = previous[ROWS[field], 0] + direction * step * share
    values[ROWS[field], 0] = wanted
    note = limiter.clamp(values, previous, 0.002, POSE, REST)
    expected = previous[ROWS[field], 0] + direction * step if clamped else wanted
    assert values[ROWS[field], 0] == pytest.approx(expected, abs=1e-12)
    assert limiter.clamped[kind].tolist() == [int(clamped), 0, 0]
    assert (kind in note) is clamped


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(("excess", "clamped"), [(-1e-6, False), (0.0, False), (1e-6, True)])
def test_feed_forward_makes_room_for_feedback(
    limiter: Limiter, sign: float, excess: float, clamped: bool
) -> None:
    # Feedback 100 N m/rad * 0.2 rad = 20 N m of the limit of 50.
    values = matrix(
        position=POSE + np.array([sign * 0.2, 0, 0]),
        stiffness=100.0,
        effort=[sign * (30.0 + excess), 0, 0],
    )
    clamp(limiter, values)
    assert values[2, 0] == pytest.approx(sign * (30.0 + min(excess, 0.0)), abs=1e-9)
    assert limiter.clamped["torque"].tolist() == [int(clamped), 0, 0]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_gains_that_alone_exceed_the_torque_limit_are_scaled_down(
    limiter: Limiter, sign: float
) -> None:
    values = matrix(
        position=POSE + np.array([sign * 0.5, 0, 0]), stiffness=[400.0, 0, 0], damping=8.0
    )
    note = clamp(limiter, values)
    assert values[3, 0] == pytest.approx(100.0)
    assert values[4].tolist() == [2.0, 8.0, 8.0]
    assert "torque of hip 200 -> 50" in note


@pytest.mark.parametrize(
    ("q", "effort", "expected"),
    [
        (2.0499, 5.0, 5.0),
        (2.0501, 5.0, 0.0),
        (2.0501, -5.0, -5.0),
        (-1.0499, -5.0, -5.0),
        (-1.0501, -5.0, 0.0),
        (-1.0501, 5.0, 5.0),
    ],
)
def test_a_joint_beyond_its_limit_may_only_be_pushed_back(
    limiter: Limiter, q: float, effort: float, expected: float
) -> None:
    values = matrix(effort=[effort, 1.0, 1.0])
    clamp(limiter, values, np.array([q, 0.2, 0.3]))
    assert values[2].tolist() == [expected, 1.0, 1.0]


def test_the_worst_joint_is_named_and_the_others_counted(limiter: Limiter) -> None:
    note = clamp(limiter, matrix(velocity=[11.0, 13.0, 12.0]))
    assert note == "velocity of knee 13 -> 10 and 2 more"


def test_a_single_command_can_be_limited_in_torque(limiter: Limiter) -> None:
    zeros = np.zeros(3)
    command = Command(POSE, zeros, np.array([60.0, 10.0, 0.0]), zeros, zeros)
    limited = limiter.limit_torque(command, POSE, REST)
    assert limited.effort.tolist() == [50.0, 10.0, 0.0]
    assert command.effort[0] == 60.0


FINITE = st.floats(allow_nan=False, allow_infinity=False)
BOUNDED = st.floats(-4.0, 4.0)


@given(
    values=arrays(float, (5, 3), elements=FINITE),
    previous=arrays(float, (5, 3), elements=BOUNDED),
    q=arrays(float, 3, elements=BOUNDED),
    dq=arrays(float, 3, elements=st.floats(-50.0, 50.0)),
    scale=st.floats(0.1, 1.0),
)
def test_whatever_is_asked_the_result_is_within_every_limit(
    robot: RobotDescription,
    values: np.ndarray,
    previous: np.ndarray,
    q: np.ndarray,
    dq: np.ndarray,
    scale: float,
) -> None:
    limiter = Limiter(robot, LIMITS)
    limiter.derate(scale)
    values[3:] = np.abs(values[3:])
    limiter.clamp(values, previous, 0.002, q, dq)
    effort = scale * np.array([50.0, 50.0, 20.0])
    assert np.isfinite(values).all()
    assert (np.abs(values[1]) <= scale * 10.0).all()
    assert (values[0] >= -1.0).all()
    assert (values[0] <= 2.0).all()
    assert (values[3:] >= 0.0).all()
    assert (values[3:] <= 5000.0).all()
    assert (np.abs(values[2]) <= effort * (1 + 1e-9)).all()
    torque = values[2] + values[3] * (values[0] - q) + values[4] * (values[1] - dq)
    assert (np.abs(torque) <= effort * (1 + 1e-9) + 1e-9).all()


def test_every_kind_of_clamp_has_a_counter(limiter: Limiter) -> None:
    assert tuple(limiter.clamped) == CLAMPS
