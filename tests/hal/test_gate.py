"""No message but a sound one passes, and no number but one within the limits."""

import math
from array import array
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_hal.gate import Gate, Rejection, Request, Verdict
from humanoid_hal.hardware import LimitsConfig
from humanoid_hal.limiter import FIELDS

MS = 1_000_000
PERIOD = 2 * MS
POSE, REST = np.array([0.1, 0.2, 0.3]), np.zeros(3)
LIMITS = LimitsConfig(max_age=0.04, max_gap=25)

Make = Callable[..., Request]


class Door:
    """A gate that is asked at the stamp of each request, with the robot resting in its pose."""

    def __init__(self, robot: RobotDescription) -> None:
        self.gate = Gate(robot, LIMITS)

    def __call__(self, request: Request, now: int | None = None) -> Verdict:
        now = request.stamp if now is None else now
        return self.gate.check(request, now, PERIOD, POSE, REST)

    def rejected(self, request: Request, why: Rejection, now: int | None = None) -> str:
        before = self.gate.counters.rejected[why]
        verdict = self(request, now)
        assert verdict.command is None
        assert verdict.rejection is why
        assert self.gate.counters.rejected[why] == before + 1
        return verdict.reason


@pytest.fixture
def door(robot: RobotDescription) -> Door:
    return Door(robot)


@pytest.fixture
def locked(door: Door, make_request: Make) -> Door:
    """A gate that obeys the publisher which was at sequence 10 for the sample of 1 s."""
    assert door(make_request(1000 * MS, 10)).command is not None
    door.gate.lock()
    return door


def test_a_sound_command_passes_unchanged(door: Door, make_request: Make) -> None:
    verdict = door(make_request(0, 1, effort=[1.0, -2.0, 3.0]))
    assert verdict.command is not None
    assert verdict.reason == ""
    assert verdict.command.position.tolist() == [0.1, 0.2, 0.3]
    assert verdict.command.effort.tolist() == [1.0, -2.0, 3.0]
    assert verdict.command.stiffness.tolist() == [100.0] * 3
    assert (door.gate.counters.accepted, door.gate.counters.rejected_total) == (1, 0)


def test_the_last_accepted_command_outlives_the_next_message(
    door: Door, make_request: Make
) -> None:
    first = door(make_request(0, 1)).command
    door(make_request(PERIOD, 2, position=[1.0] * 3))
    door.rejected(make_request(2 * PERIOD, 3, position=[math.nan] * 3), Rejection.NONFINITE)
    assert first is not None
    assert first.position.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [math.nan, -math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("joint", range(3))
def test_one_number_that_is_not_finite_rejects_the_whole_message(
    door: Door, make_request: Make, field: str, value: float, joint: int
) -> None:
    numbers = [0.0] * 3
    numbers[joint] = value
    reason = door.rejected(make_request(0, 1, **{field: numbers}), Rejection.NONFINITE)
    assert f"{field} of {['hip', 'knee', 'shoulder'][joint]}" in reason


@pytest.mark.parametrize("field", ["names", *FIELDS])
@pytest.mark.parametrize("length", [0, 1, 2, 4, 1000])
def test_a_list_of_another_length_rejects_the_message(
    door: Door, make_request: Make, field: str, length: int
) -> None:
    content = ["hip"] * length if field == "names" else [0.0] * length
    reason = door.rejected(make_request(0, 1, **{field: content}), Rejection.LENGTH)
    assert f"has {length} entries, the robot 3 joints" in reason


def test_an_unknown_joint_rejects_the_message(door: Door, make_request: Make) -> None:
    request = make_request(0, 1, names=["hip", "knee", "elbow"])
    assert "unknown joint 'elbow'" in door.rejected(request, Rejection.NAMES)


def test_a_joint_given_twice_rejects_the_message(door: Door, make_request: Make) -> None:
    request = make_request(0, 1, names=["hip", "knee", "hip"])
    assert "'hip' is given twice" in door.rejected(request, Rejection.NAMES)


def test_joints_come_in_any_order_and_the_order_may_change(door: Door, make_request: Make) -> None:
    numbers = {"hip": 0.1, "knee": 0.2, "shoulder": 0.3}
    orders = (
        ["shoulder", "hip", "knee"],
        ["knee", "shoulder", "hip"],
        ["hip", "knee", "shoulder"],
        ("shoulder", "knee", "hip"),
    )
    for stamp, names in enumerate(orders):
        position = [numbers[name] for name in names]
        command = door(make_request(stamp, stamp, names=names, position=position)).command
        assert command is not None
        assert command.position.tolist() == [0.1, 0.2, 0.3]


def test_a_message_of_unknown_joints_does_not_change_the_known_order(
    door: Door, make_request: Make
) -> None:
    door(make_request(0, 1, names=["knee", "hip", "shoulder"], position=[0.2, 0.1, 0.3]))
    door.rejected(make_request(1, 2, names=["a", "b", "c"]), Rejection.NAMES)
    command = door(
        make_request(1, 2, names=["knee", "hip", "shoulder"], position=[0.2, 0.1, 0.3])
    ).command
    assert command is not None
    assert command.position.tolist() == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda values: array("d", values)])
def test_numbers_may_come_as_any_sequence(
    door: Door, make_request: Make, kind: Callable[[list[float]], object]
) -> None:
    command = door(make_request(0, 1, position=kind([0.0, 0.1, 0.2]))).command
    assert command is not None
    assert command.position.tolist() == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("field", ["stiffness", "damping"])
def test_a_negative_gain_rejects_the_message(door: Door, make_request: Make, field: str) -> None:
    tiny = np.nextafter(0.0, -1.0)
    reason = door.rejected(make_request(0, 1, **{field: [0.0, tiny, 0.0]}), Rejection.NEGATIVE_GAIN)
    assert f"{field} of knee" in reason
    assert door(make_request(0, 1, **{field: [0.0, -0.0, 0.0]})).command is not None


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (40 * MS, True), (40 * MS + 1, False)])
def test_a_command_may_answer_a_sample_of_up_to_the_limits_age(
    door: Door, make_request: Make, age: int, accepted: bool
) -> None:
    if accepted:
        assert door(make_request(0, 1), now=age).command is not None
    else:
        assert "limit 40.0 ms" in door.rejected(make_request(0, 1), Rejection.TOO_OLD, now=age)


@pytest.mark.parametrize("ahead", [1, 10**18])
def test_a_command_from_the_future_is_rejected(door: Door, make_request: Make, ahead: int) -> None:
    door.rejected(make_request(ahead, 1), Rejection.FUTURE, now=0)


def test_unlocked_a_publisher_may_restart_its_sequence(door: Door, make_request: Make) -> None:
    assert door(make_request(10 * MS, 500)).command is not None
    assert door(make_request(12 * MS, 1)).command is not None
    assert door(make_request(12 * MS, 1, effort=[1.0] * 3)).command is not None


def test_locked_without_any_command_the_first_one_counts(door: Door, make_request: Make) -> None:
    door.gate.lock()
    assert door(make_request(0, 77)).command is not None
    door.rejected(make_request(MS, 77), Rejection.OUT_OF_ORDER)


@pytest.mark.parametrize("ahead", [1, 2, 24, 25])
def test_a_gap_in_the_sequence_is_counted(locked: Door, make_request: Make, ahead: int) -> None:
    assert locked(make_request(1001 * MS, 10 + ahead)).command is not None
    assert locked.gate.counters.lost == ahead - 1


@pytest.mark.parametrize("ahead", [26, 27, 1000, 2**31 - 1])
def test_a_jump_of_the_sequence_is_another_publisher(
    locked: Door, make_request: Make, ahead: int
) -> None:
    locked.rejected(make_request(1001 * MS, 10 + ahead), Rejection.SECOND_PUBLISHER)


@pytest.mark.parametrize("behind", [0, 1, 9, 10, 11, 2**31])
def test_a_sequence_that_does_not_advance_is_out_of_order(
    locked: Door, make_request: Make, behind: int
) -> None:
    request = make_request(1001 * MS, (10 - behind) % 2**32)
    locked.rejected(request, Rejection.OUT_OF_ORDER)


def test_the_sequence_may_wrap_around(door: Door, make_request: Make) -> None:
    door(make_request(0, 2**32 - 1))
    door.gate.lock()
    assert door(make_request(PERIOD, 0)).command is not None
    assert door(make_request(2 * PERIOD, 1)).command is not None
    door.rejected(make_request(3 * PERIOD, 2**32 - 1), Rejection.OUT_OF_ORDER)


def test_a_stamp_that_steps_back_is_out_of_order(locked: Door, make_request: Make) -> None:
    request = make_request(1000 * MS - 1, 11)
    locked.rejected(request, Rejection.OUT_OF_ORDER, now=1000 * MS)


def test_the_same_answer_again_is_no_second_publisher(locked: Door, make_request: Make) -> None:
    assert locked(make_request(1000 * MS, 10)).command is not None


@pytest.mark.parametrize(
    "changes", [{"sequence": 11}, {"sequence": 9}, {"effort": [0.0, 0.0, 1e-300]}]
)
def test_another_answer_to_an_answered_sample_is_another_publisher(
    locked: Door, make_request: Make, changes: dict[str, object]
) -> None:
    request = replace(make_request(1000 * MS, 10), **changes)
    locked.rejected(request, Rejection.SECOND_PUBLISHER)


def test_another_sender_is_another_publisher_and_the_first_one_is_kept(
    door: Door, make_request: Make
) -> None:
    door(replace(make_request(0, 1), publisher=b"first"))
    door.gate.lock()
    second = replace(make_request(PERIOD, 2), publisher=b"second")
    door.rejected(second, Rejection.SECOND_PUBLISHER)
    first = replace(make_request(PERIOD, 2), publisher=b"first")
    assert door(first).command is not None


def test_a_rejected_message_leaves_no_trace_in_the_order(locked: Door, make_request: Make) -> None:
    for bad in (
        make_request(1002 * MS, 12, position=[math.nan] * 3),
        make_request(1002 * MS, 900),
        make_request(1002 * MS, 12, damping=[-1.0] * 3),
    ):
        assert locked(bad).command is None
    assert locked(make_request(1000 * MS, 10)).command is not None
    assert locked(make_request(1002 * MS, 11)).command is not None
    assert locked.gate.counters.lost == 0


def test_unlocking_forgets_the_publisher(locked: Door, make_request: Make) -> None:
    locked.gate.unlock()
    assert locked(replace(make_request(1001 * MS, 3), publisher="other")).command is not None


def test_rates_are_limited_only_while_locked(door: Door, make_request: Make) -> None:
    far = [1.0, 1.0, 1.0]
    calm = {"stiffness": [0.0] * 3, "damping": [0.0] * 3}
    assert door(make_request(0, 1, **calm)).reason == ""
    assert door(make_request(PERIOD, 2, position=far, **calm)).reason == ""
    door.gate.lock()
    verdict = door(make_request(2 * PERIOD, 3, **calm))
    assert verdict.command is not None
    # 10 rad/s, twice (position_rate), for 2 ms
    np.testing.assert_allclose(verdict.command.position, [0.96] * 3)
    assert "position_rate of hip" in verdict.reason
    assert door.gate.counters.changed == 1


@pytest.mark.parametrize(("periods", "step"), [(1, 0.04), (2, 0.08), (5, 0.2)])
def test_a_rate_counts_from_the_last_accepted_command(
    locked: Door, make_request: Make, periods: int, step: float
) -> None:
    stamp = 1000 * MS + periods * PERIOD
    command = locked(make_request(stamp, 11, position=[2.0] * 3, stiffness=[0.0] * 3)).command
    assert command is not None
    np.testing.assert_allclose(command.position, POSE + step)
