"""Promises of the wait loop, on real topics."""

import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.node import Node
from std_msgs.msg import Int32
from std_srvs.srv import Trigger

from humanoid_runtime.loop import LONGEST_WAIT, REST_BUDGET, HotLoop
from humanoid_runtime.topics import EVENT


@pytest.fixture
def node() -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context)
    node = Node("loop_test", context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def wait_until(condition: Callable[[], object], *, turns: int = 200) -> bool:
    for _ in range(turns):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_messages_come_in_order_and_then_none(node: Node) -> None:
    loop = HotLoop(node)
    subscription = loop.subscribe(Int32, "numbers", EVENT)
    publisher = node.create_publisher(Int32, "numbers", EVENT)
    assert wait_until(lambda: publisher.get_subscription_count() == 1)
    for number in range(3):
        publisher.publish(Int32(data=number))
    assert wait_until(lambda: loop.wait([subscription], 0.05))
    taken = []
    while len(taken) < 3:
        message = loop.take(subscription)
        if message is None:
            loop.wait([subscription], 0.05)
        else:
            taken.append(message.data)
    assert taken == [0, 1, 2]
    assert loop.take(subscription) is None
    loop.close()


def test_after_a_neighbours_work_it_looks_again_before_it_sleeps(node: Node) -> None:
    loop = HotLoop(node)
    subscription = loop.subscribe(Int32, "silence", EVENT)
    turns = iter((True, False))
    loop.meanwhile = lambda: next(turns)
    assert loop.wait([subscription], 0.01) is True
    assert loop.take(subscription) is None
    assert loop.wait([subscription], 0.01) is False
    loop.close()


def test_a_long_wait_comes_back_early_so_that_signals_are_seen(node: Node) -> None:
    loop = HotLoop(node)
    subscription = loop.subscribe(Int32, "silence", EVENT)
    start = time.monotonic()
    assert loop.wait([subscription], 3600.0) is False
    assert time.monotonic() - start < 100 * LONGEST_WAIT
    loop.close()


def test_the_executor_never_takes_a_hot_message_and_serves_the_rest(node: Node) -> None:
    loop = HotLoop(node, rest_period=0.0)
    hot = loop.subscribe(Int32, "hot", EVENT)
    seen: list[int] = []
    node.create_subscription(Int32, "slow", lambda message: seen.append(message.data), EVENT)
    hot_publisher = node.create_publisher(Int32, "hot", EVENT)
    slow_publisher = node.create_publisher(Int32, "slow", EVENT)
    assert wait_until(lambda: hot_publisher.get_subscription_count() == 1)
    assert wait_until(lambda: slow_publisher.get_subscription_count() == 1)
    hot_publisher.publish(Int32(data=1))
    slow_publisher.publish(Int32(data=2))

    def served() -> bool:
        loop.spin_rest()
        return seen == [2]

    assert wait_until(served)
    assert wait_until(lambda: loop.wait([hot], 0.05))
    assert loop.take(hot).data == 1
    loop.close()


def test_a_flood_of_other_work_is_served_in_small_portions(node: Node) -> None:
    loop = HotLoop(node, rest_period=0.0)
    seen: list[int] = []
    node.create_subscription(Int32, "flood", lambda message: seen.append(message.data), 50)
    publisher = node.create_publisher(Int32, "flood", 50)
    assert wait_until(lambda: publisher.get_subscription_count() == 1)
    for number in range(50):
        publisher.publish(Int32(data=number))
    time.sleep(0.1)
    before = 0
    while len(seen) < 50:
        loop.spin_rest()
        assert len(seen) - before <= REST_BUDGET
        before = len(seen)
    assert seen == list(range(50))
    loop.close()


def test_an_error_in_a_callback_is_not_swallowed(node: Node) -> None:
    loop = HotLoop(node, rest_period=0.0)

    def broken(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        raise ValueError("broken callback")

    node.create_service(Trigger, "broken", broken)
    client = node.create_client(Trigger, "broken")
    assert client.wait_for_service(5.0)
    client.call_async(Trigger.Request())
    with pytest.raises(ValueError, match="broken callback"):
        wait_until(lambda: loop.spin_rest())
    loop.close()
