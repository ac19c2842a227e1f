"""What an operator asks the HAL for: stop, emergency stop, rearm; of a simulated world push, reset."""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.task import Future
from std_srvs.srv import Trigger

from humanoid_hal.hal import Phase
from humanoid_interfaces.srv import Push
from humanoid_runtime import topics

if TYPE_CHECKING:
    from humanoid_hal.hal_node import HalNode

#: [s] Longest wait of a `rearm` for the arming checks.
REARM_TIME = 2.0


class Orders:
    """The services of a HAL node that take them. A refusal says why."""

    def __init__(self, node: "HalNode", *, simulated: bool) -> None:
        self._node = node
        self._core = node.core
        self._rearming: tuple[Future, float] | None = None
        node.create_service(Trigger, topics.STOP, self._on_stop)
        node.create_service(Trigger, topics.EMERGENCY_STOP, self._on_emergency_stop)
        node.create_service(Trigger, topics.REARM, self._on_rearm)
        if simulated:
            node.create_service(Push, topics.PUSH, self._on_push)
            node.create_service(Trigger, topics.RESET, self._on_reset)

    def after_cycle(self) -> None:
        """Answer a waiting rearm: with '' when armed, with what is missing when time is up."""
        if self._rearming is None:
            return
        future, deadline = self._rearming
        if self._core.phase is Phase.ARMED:
            answer = ""
        elif self._core.phase is not Phase.ARMING or time.monotonic() > deadline:
            answer = "; ".join(self._core.blockers()) or "stopped meanwhile"
            self._core.give_up_arming()
        else:
            return
        self._rearming = None
        future.set_result(answer)

    def _on_stop(self, _: Any, response: Any) -> Any:
        self._core.stop("asked for by service")
        return _answer(response, True, "damping; 'rearm' arms again")

    def _on_emergency_stop(self, _: Any, response: Any) -> Any:
        self._core.emergency_stop("asked for by service")
        return _answer(response, True, "torque off; 'rearm' arms again")

    async def _on_rearm(self, _: Any, response: Any) -> Any:
        if self._node.cycle is None:
            return _answer(response, False, "the driver is not open; configure the node first")
        if self._rearming is not None:
            return _answer(response, False, "another rearm is under way")
        if self._core.phase is Phase.INACTIVE:
            self._node.trigger_activate()
        if blocking := self._core.rearm():
            return _answer(response, False, f"still there: {'; '.join(blocking)}")
        future: Future = Future()
        self._rearming = (future, time.monotonic() + REARM_TIME)
        missing = await future
        return _answer(response, not missing, missing or "armed")

    def _on_push(self, request: Any, response: Any) -> Any:
        driver, robot = self._node.driver, self._node.robot
        world = None if driver is None else driver.world
        link = request.link or robot.frames.get("torso", robot.base_link)
        force = np.array([request.force.x, request.force.y, request.force.z])
        if world is None:
            return _answer(response, False, "there is no simulated world to push in")
        try:
            world.push(link, force, request.duration)
        except ValueError as error:
            return _answer(response, False, str(error))
        return _answer(response, True, f"pushing {link}")

    def _on_reset(self, _: Any, response: Any) -> Any:
        driver, cycle = self._node.driver, self._node.cycle
        if driver is None or driver.world is None or cycle is None:
            return _answer(response, False, "there is no simulated world to reset")
        driver.world.reset()
        cycle.world_was_reset()
        return _answer(response, True, "at the start pose; 'rearm' arms")


def _answer(response: Any, success: bool, message: str) -> Any:
    response.success, response.message = success, message
    return response
