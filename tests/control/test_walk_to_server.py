"""The action `walk_to` without middleware: goals come by the callbacks that it gives rclpy."""

from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rclpy.action import CancelResponse, GoalResponse

from humanoid_control import walk_to_server
from humanoid_control.velocity import VelocityError
from humanoid_control.walk_to import WalkToConfig
from humanoid_control.walk_to_server import PERIOD, WalkToServer
from humanoid_interfaces.action import WalkTo


class Core:
    """A control core that walks until it is told not to."""

    def __init__(self) -> None:
        self.walks = True
        self.mode_state = SimpleNamespace(mode="stand")
        self.twists: list[Any] = []

    def on_velocity(self, twist: Any) -> tuple[str, ...]:
        if not self.walks:
            raise VelocityError("mode stand does not walk")
        self.twists.append(twist)
        return ()


class Handle:
    """A goal as rclpy hands it over."""

    def __init__(self, **goal: Any) -> None:
        self.request = WalkTo.Goal(**{"frame_id": "odom", "x": 2.0, **goal})
        self.goal_id = object()
        self.is_cancel_requested = False
        self.ended = ""
        self.feedback: list[Any] = []
        self.publish_feedback = self.feedback.append

    def succeed(self) -> None:
        self.ended = "succeeded"

    def canceled(self) -> None:
        self.ended = "canceled"

    def abort(self) -> None:
        self.ended = "aborted"


class Server:
    """The server under test, and the callbacks that it registered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def register(_node: Any, _kind: Any, _name: str, execute: Any, **others: Any) -> Any:
            self.execute, self.callbacks = execute, others
            return SimpleNamespace(destroy=lambda: None)

        monkeypatch.setattr(walk_to_server, "ActionServer", register)
        self.core, self.taken = Core(), []
        self.warnings: list[str] = []
        node: Any = SimpleNamespace(
            get_logger=lambda: SimpleNamespace(warning=self.warnings.append)
        )
        core: Any = self.core
        self.server = WalkToServer(node, core, WalkToConfig(), self.taken.append)
        self.stamp = 0

    def sample(self, x: float = 0.0, *, valid: bool = True) -> None:
        self.stamp += PERIOD
        q = np.array([x, 0.0, 0.8, 0.0, 0.0, 0.0, 1.0])
        state: Any = SimpleNamespace(stamp=self.stamp, q=q, valid=valid)
        self.server.on_state(state)

    def begin(self, handle: Handle) -> Coroutine[Any, Any, Any]:
        assert self.callbacks["goal_callback"](handle.request) == GoalResponse.ACCEPT
        life = self.execute(handle)
        life.send(None)
        return life

    def cancel(self, handle: Handle) -> None:
        """As rclpy does it: the callback first, then the new state."""
        assert self.callbacks["cancel_callback"](handle) == CancelResponse.ACCEPT
        handle.is_cancel_requested = True


def result(life: Coroutine[Any, Any, Any]) -> Any:
    """What a goal ended with; it must have ended."""
    with pytest.raises(StopIteration) as end:
        life.send(None)
    return end.value.value


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


def test_a_goal_is_walked_to_and_ends_there(server: Server) -> None:
    server.sample()
    handle = Handle()
    life = server.begin(handle)
    server.sample()
    assert server.core.twists[-1][0] > 0.0
    assert handle.feedback[0].distance == pytest.approx(2.0)
    server.sample(2.0)
    said = result(life)
    assert (said.success, said.message, handle.ended) == (True, "arrived", "succeeded")
    assert not server.core.twists[-1].any()


def test_a_cancel_ends_the_goal_without_another_sample(server: Server) -> None:
    server.sample()
    handle = Handle()
    life = server.begin(handle)
    server.sample(0.5)
    server.cancel(handle)
    said = result(life)
    assert (said.success, handle.ended) == (False, "canceled")
    assert said.message == "canceled: it comes to stand"
    assert said.distance == pytest.approx(1.5)
    assert not server.core.twists[-1].any()


def test_a_cancel_before_the_goal_has_its_turn_begins_nothing(server: Server) -> None:
    server.sample()
    handle = Handle()
    assert server.callbacks["goal_callback"](handle.request) == GoalResponse.ACCEPT
    server.cancel(handle)
    assert not result(server.execute(handle)).success
    assert handle.ended == "canceled"
    server.sample()
    assert server.core.twists == []


def test_the_cancel_of_an_old_goal_leaves_the_new_one(server: Server) -> None:
    server.sample()
    old, new = Handle(), Handle(x=-2.0)
    first = server.begin(old)
    second = server.begin(new)
    server.cancel(old)
    assert result(first).message == "another goal came"
    server.sample(-2.0)
    assert result(second).success


@pytest.mark.parametrize("goal", [{}, {"frame_id": "base_footprint"}])
def test_a_pose_lost_since_acceptance_is_a_refusal(server: Server, goal: dict[str, Any]) -> None:
    server.sample()
    handle = Handle(**goal)
    assert server.callbacks["goal_callback"](handle.request) == GoalResponse.ACCEPT
    server.sample(valid=False)
    said = result(server.execute(handle))
    assert (said.message, handle.ended) == ("the estimated pose is not valid", "aborted")
    assert np.isnan(said.distance)


def test_a_mode_that_ends_ends_the_goal(server: Server) -> None:
    server.sample()
    handle = Handle()
    life = server.begin(handle)
    server.core.walks = False
    server.sample()
    assert result(life).message == "mode stand does not walk"
    assert handle.ended == "aborted"


def test_stamps_that_go_back_do_not_keep_a_goal_waiting(server: Server) -> None:
    server.stamp = 10**12
    server.sample()
    life = server.begin(Handle())
    server.sample()
    server.stamp = 0
    server.core.walks = False
    server.sample()
    assert not result(life).success


@pytest.mark.parametrize(
    ("goal", "why"),
    [
        ({"frame_id": "map"}, "frame 'map'"),
        ({"x": float("nan")}, "must be finite"),
    ],
)
def test_a_goal_that_makes_no_sense_is_refused(
    server: Server, goal: dict[str, Any], why: str
) -> None:
    server.sample()
    assert server.callbacks["goal_callback"](Handle(**goal).request) == GoalResponse.REJECT
    assert why in server.warnings[-1]
