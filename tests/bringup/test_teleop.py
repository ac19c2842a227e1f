"""Teleoperation: keys and the dead man's switch, and the verb's loop on a real pseudo-terminal."""

import os
import pty
import termios
import threading
from collections.abc import Callable, Iterator

import pytest

from humanoid_bringup.commands.teleop import Twist, drive
from humanoid_bringup.teleoperation import Limits, Teleoperation


def test_keys_add_up_within_limits() -> None:
    keys = Teleoperation(1.0, Limits(0.25, 0.1, 0.8))
    keys.press("wwwqa", 0.0)
    assert keys.twist(0.0) == pytest.approx((0.25, 0.05, 0.1))
    keys.press("SsEd", 0.1)
    assert keys.twist(0.1) == pytest.approx((0.05, 0.0, 0.0))


def test_without_a_key_for_the_timeout_it_stops_and_starts_from_rest() -> None:
    keys = Teleoperation(1.0)
    keys.press("www", 0.0)
    assert keys.twist(1.0) == pytest.approx((0.3, 0.0, 0.0))
    assert keys.twist(1.01) == (0.0, 0.0, 0.0)
    keys.press("www", 2.0)
    keys.press("w", 3.5)  # what was forgotten does not come back
    assert keys.twist(3.5) == pytest.approx((0.1, 0.0, 0.0))


def test_enter_keeps_it_going_and_other_keys_do_not() -> None:
    keys = Teleoperation(1.0)
    keys.press("w", 0.0)
    keys.press("\n", 0.9)
    assert keys.twist(1.8) == pytest.approx((0.1, 0.0, 0.0))
    keys.press("z", 1.8)
    assert keys.twist(2.0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("key", ["x", "\x03", "\x04", "\x1b", " "])
def test_stop_and_quit_are_zero_at_once(key: str) -> None:
    keys = Teleoperation(1.0)
    keys.press(f"wa{key}", 0.0)
    assert keys.twist(0.0) == (0.0, 0.0, 0.0)
    assert keys.ended == (key != " ")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal: the user's, and the command's."""
    user, command = pty.openpty()
    yield user, command
    os.close(user)
    os.close(command)


def run(terminal: tuple[int, int], react: Callable[[int, Twist], None]) -> list[Twist]:
    """Drive until it ends; `react` types in answer to each velocity."""
    user, command = terminal
    seen: list[Twist] = []

    def publish(twist: Twist) -> None:
        seen.append(twist)
        react(user, twist)

    ended = threading.Timer(30.0, os.write, (user, b"x"))  # a broken loop must not hang the suite
    ended.start()
    try:
        # The clock is the number of velocities: 0.05 s each.
        drive(command, Teleoperation(0.5), publish, lambda: 0.05 * len(seen))
    finally:
        ended.cancel()
    return seen


def test_on_a_terminal_keys_become_velocities_the_dead_man_stops_and_x_ends(
    terminal: tuple[int, int],
) -> None:
    before = termios.tcgetattr(terminal[1])
    moved: list[Twist] = []

    def react(user: int, twist: Twist) -> None:
        if twist[0] > 0.0:
            moved.append(twist)
        elif moved:
            os.write(user, b"x")
        elif len(seen_first) < 1:
            seen_first.append(twist)  # what was typed before the start is flushed
            os.write(user, b"ww")

    seen_first: list[Twist] = []
    seen = run(terminal, react)
    assert (0.2, 0.0, 0.0) in seen
    kept = seen.count((0.2, 0.0, 0.0))
    assert 9 <= kept <= 12  # 0.5 s of 0.05 s each
    assert seen[-1] == (0.0, 0.0, 0.0)
    assert termios.tcgetattr(terminal[1]) == before


def test_what_fails_while_walking_still_ends_with_zero(terminal: tuple[int, int]) -> None:
    seen: list[Twist] = []

    def react(user: int, twist: Twist) -> None:
        seen.append(twist)
        if len(seen) == 1:
            os.write(user, b"w")
        if twist[0] > 0.0:
            raise RuntimeError("the mode ended")

    with pytest.raises(RuntimeError, match="the mode ended"):
        run(terminal, react)
    assert seen[-1] == (0.0, 0.0, 0.0)
