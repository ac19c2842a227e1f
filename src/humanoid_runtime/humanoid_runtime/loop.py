"""The wait loop of the control path.

rclpy's executors rebuild their wait set from every entity of the node at each turn, which costs
more than the control law itself. :class:`HotLoop` waits on the few subscriptions of the control
path alone, takes their messages directly, and gives everything else (services, parameters, slow
topics) to an ordinary executor between two ticks, in the same thread: no locks, no races.

It uses the wait set the way ``rclpy.wait_for_message`` does.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from rclpy.callback_groups import CallbackGroup
from rclpy.executors import ShutdownException, SingleThreadedExecutor, TimeoutException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

Message = TypeVar("Message")

#: At most this many ordinary callbacks run between two ticks: a flood cannot starve control.
REST_BUDGET = 4


#: [s] Longest sleep of one :meth:`HotLoop.wait`.
LONGEST_WAIT = 0.05


class _Reserved(CallbackGroup):
    """A callback group that no executor serves: its subscriptions belong to the hot loop."""

    def can_execute(self, entity: object) -> bool:
        return False

    def beginning_execution(self, entity: object) -> bool:
        return False

    def ending_execution(self, entity: object) -> None:
        return None


class HotLoop:
    """Waits on a node's hot subscriptions; see the module docstring."""

    def __init__(self, node: Node, *, rest_period: float = 0.04) -> None:
        """`rest_period` [s] is the shortest time between two looks at the node's other work.

        A look that finds nothing costs 0.2 ms, most of it in the middleware.
        """
        self._node = node
        self._group = _Reserved()
        self._hot: list[Subscription] = []
        self._rest_period = rest_period
        self._rest_due = 0.0
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._wait_set: Any = None
        #: Called in place of a sleep; True: it did something, look again before you sleep. Nodes
        #: that share a thread work in each other's waits this way.
        self.meanwhile: Callable[[], bool] = _nothing

    def subscribe(
        self, message_type: type[Message], topic: str, qos: QoSProfile, *, raw: bool = False
    ) -> Subscription:
        """Create a subscription that only :meth:`take` reads. Call before the first :meth:`wait`.

        With `raw`, :meth:`take` gives the serialised bytes (see :mod:`humanoid_runtime.cdr`).
        """
        subscription = self._node.create_subscription(
            message_type, topic, _never_called, qos, callback_group=self._group, raw=raw
        )
        self._hot.append(subscription)
        return subscription

    def wait(self, subscriptions: Sequence[Subscription], timeout: float) -> bool:
        """Sleep until one of `subscriptions` may have a message. False: none has.

        Returns after `timeout` or :data:`LONGEST_WAIT` [s], whichever is shorter, so that a signal
        is seen: Python runs its handlers only between two calls.
        """
        if self.meanwhile():
            return True
        if self._wait_set is None:
            self._wait_set = rclpy_implementation.WaitSet(
                len(self._hot), 0, 0, 0, 0, 0, self._node.context.handle
            )
        wait_set = self._wait_set
        wait_set.clear_entities()
        for subscription in subscriptions:
            wait_set.add_subscription(subscription.handle)
        wait_set.wait(max(0, int(min(timeout, LONGEST_WAIT) * 1e9)))
        return bool(wait_set.get_ready_entities("subscription"))

    def idle(self, seconds: float) -> None:
        """Sleep for `seconds` [s], of which a busy neighbour may use a part."""
        if not self.meanwhile():
            time.sleep(seconds)

    @staticmethod
    def take(subscription: Subscription) -> Any | None:
        """The oldest waiting message, or None."""
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        return None if taken is None else taken[0]

    @staticmethod
    def take_with_info(subscription: Subscription) -> tuple[Any, dict[str, Any]] | None:
        """As :meth:`take`, with the middleware's ``source_timestamp`` [ns] and the like."""
        taken: tuple[Any, dict[str, Any]] | None = subscription.handle.take_message(
            subscription.msg_type, subscription.raw
        )
        return taken

    def spin_rest(self) -> None:
        """Run what else is due on the node: a few callbacks, at most once per `rest_period`."""
        now = time.monotonic()
        if now < self._rest_due:
            return
        self._rest_due = now + self._rest_period
        for _ in range(REST_BUDGET):
            try:
                handler, _, _ = self._executor.wait_for_ready_callbacks(timeout_sec=0)
            except (TimeoutException, ShutdownException):
                return
            handler()
            error = handler.exception()
            if error is not None:
                raise error

    def close(self) -> None:
        """Release the wait set and the executor; the node stays."""
        self._wait_set = None
        self._executor.shutdown(timeout_sec=0)


def _nothing() -> bool:
    return False


def _never_called(_: Callable[..., None]) -> None:
    raise AssertionError("a hot subscription was given to an executor")
