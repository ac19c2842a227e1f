import pytest

from humanoid_bringup.progress import DAMP, Progress, View

SECOND = 1_000_000_000


def standing(stamp=0, **changes):
    return View(**{"nodes": 3, "stamp": stamp, "mode": "stand", "armed": True, **changes})


def test_each_step_of_a_start_is_said_once():
    progress = Progress("stand", 3, None)
    lines = progress.update(0.5, View(nodes=1))
    lines += progress.update(1.0, View(nodes=3))
    lines += progress.update(2.0, View(nodes=3, armed=True, mode="ready", stamp=1))
    lines += progress.update(3.0, standing(stamp=SECOND))
    lines += progress.update(4.0, standing(stamp=2 * SECOND))
    assert lines == ["     1.0 s  nodes up", "     2.0 s  armed", "standing after 3.0 s"]
    assert progress.reached_after == 3.0


def test_an_operators_stop_is_named_before_what_else_is_wrong():
    progress = Progress("stand", 3, None)
    progress.update(1.0, standing())
    stopped = standing(reaction=DAMP, latched=("operator_stop",), active=("overrun: 9 ms",))
    (line,) = progress.update(2.0, stopped)
    assert line == "     2.0 s  safety: DAMP (operator_stop; overrun: 9 ms)"


def test_a_bounded_run_ends_after_the_graphs_own_seconds():
    progress = Progress("stand", 3, 2.0)
    progress.update(1.0, standing(stamp=5 * SECOND))
    progress.update(1.1, standing(stamp=int(6.9 * SECOND)))
    assert not progress.done
    progress.update(1.2, standing(stamp=7 * SECOND))
    assert progress.done
    assert not progress.failure
    assert progress.real_time_factor() == pytest.approx(10.0)


def test_an_unbounded_run_never_ends_by_itself():
    progress = Progress("stand", 3, None)
    for second in range(100):
        progress.update(second, standing(stamp=second * SECOND, armed=second < 50))
    assert not progress.done


@pytest.mark.parametrize(
    "change",
    [{"mode": "damping"}, {"armed": False}, {"reaction": DAMP, "active": ("fall: 50 deg",)}],
)
def test_a_bounded_run_fails_as_soon_as_the_robot_no_longer_stands(change):
    progress = Progress("stand", 3, 10.0)
    progress.update(1.0, standing())
    progress.update(1.5, standing(stamp=SECOND // 2, **change))
    assert progress.done
    assert "no longer standing after 0.50 s" in progress.failure


def test_standing_needs_arming_and_no_reaction_that_takes_the_legs():
    assert standing().holds("stand")
    assert standing(reaction=DAMP - 1).holds("stand")
    assert not standing(armed=False).holds("stand")
    assert not standing(waiting_for="contact").holds("stand")
    assert not standing(reaction=DAMP).holds("stand")
    assert not standing(mode="sit").holds("stand")


def test_a_new_reaction_is_said_with_its_fault_and_not_repeated():
    progress = Progress("stand", 3, None)
    progress.update(1.0, standing())
    falling = standing(reaction=DAMP, active=("fall: tilt 41 deg",))
    assert progress.update(2.0, falling) == ["     2.0 s  safety: DAMP (fall: tilt 41 deg)"]
    assert progress.update(2.1, falling) == []


def test_a_warning_that_comes_and_goes_is_said_once():
    progress = Progress("stand", 3, None)
    progress.update(1.0, standing())
    lines = []
    for turn in range(6):
        overrun = (f"overrun: {turn} ms",) if turn % 2 else ()
        lines += progress.update(2.0 + turn, standing(reaction=turn % 2, active=overrun))
    assert lines == ["     3.0 s  safety: WARN (overrun: 1 ms)"]


def test_in_damping_a_passing_warning_is_said_once():
    progress = Progress("stand", 3, None)
    progress.update(1.0, standing())
    lines = []
    for turn in range(6):
        overrun = (f"overrun: {turn} ms",) if turn % 2 else ()
        lines += progress.update(2.0 + turn, standing(reaction=DAMP, active=overrun))
    assert lines == ["     2.0 s  safety: DAMP", "     3.0 s  safety: DAMP (overrun: 1 ms)"]


def test_stamps_that_step_back_count_as_no_time():
    progress = Progress("stand", 3, 1.0)
    progress.update(1.0, standing(stamp=5 * SECOND))
    progress.update(1.1, standing(stamp=0))
    assert progress.lasted == 0.0
    assert not progress.done
