"""Publishes a bag over live topics, paced, with /clock; for looking, and for nodes without a robot.

It is no source for a HAL: it refuses to run where one does, the HAL does not arm while a replay
publishes commands, and commands are published under another name.
"""

import argparse
import select
import sys
import time
from collections.abc import Callable
from typing import Any

from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from humanoid_bringup import console
from humanoid_bringup.bags.bag import Bag, BagError
from humanoid_bringup.bags.session import Job, open_source
from humanoid_bringup.bags.source import Source
from humanoid_bringup.bags.unit import message_class
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import HAL
from humanoid_bringup.link import Link
from humanoid_bringup.lock import graph_runs
from humanoid_bringup.qos import recorded
from humanoid_bringup.signals import Interrupts
from humanoid_runtime import topics
from humanoid_runtime.stamps import set_stamp

#: How the node's name begins; the HAL knows it.
NAME = "humanoid_replay"
#: Where recorded commands are published: no HAL listens there.
COMMANDS = "replayed/joint_commands"
#: [ns] of the bag's time between two messages on /clock; [s] between two looks at the keyboard.
CLOCK_PERIOD, KEYBOARD_PERIOD = 10_000_000, 0.05
#: Their names mean something to every node of the graph: they are not repeated.
LEFT_OUT = ("/parameter_events", "/rosout")


def play(asked: Job, arguments: argparse.Namespace) -> int:
    """Publish what is asked for until the bag is over or Ctrl-C. Raises HumanoidError."""
    with Bag(asked.bag) as bag, Interrupts() as interrupts, Link(asked.namespace, NAME) as link:
        if not bag.count:
            raise BagError(f"{asked.bag}: empty: it holds no message")
        refuse_hal(link)
        source = open_source(asked, bag, _joints(asked, bag))
        player = Player(
            link, source, arguments.rate, arguments.pause, lambda: bool(interrupts.received)
        )
        link.spin(0.5)  # subscribers find the publishers
        while player.run():
            if not player.published:
                raise BagError(f"{asked.bag}: no message to publish in this range")
            if not arguments.loop:
                break
    said = {"ok": True, "published": player.published, "late_ms": player.late * 1e3}
    if arguments.json:
        console.print_json(said)
    else:
        console.say(
            f"{player.published} messages published, the latest {player.late * 1e3:.1f} ms late"
        )
    return Exit.OK


#: [s] for which a HAL is looked for; discovery takes 0.2 s, on a busy machine longer.
HAL_DISCOVERY = 2.0


def refuse_hal(link: Link) -> None:
    """Raises HumanoidError where a HAL runs: two robots on the same topics are one too many."""
    if graph_runs(link.node.get_namespace()) or link.wait(
        lambda: link.absolute(HAL) in link.nodes(), HAL_DISCOVERY
    ):
        raise HumanoidError(
            f"{link.absolute(HAL)} runs here, and a replay is no robot: stop it first, or set "
            "another ROS_DOMAIN_ID or --namespace",
            Exit.ENVIRONMENT,
        )


class Player:
    """Publishes one source."""

    def __init__(
        self,
        link: Link,
        source: Source,
        rate: float,
        paused: bool,
        stopping: Callable[[], bool],
    ) -> None:
        """`rate`: times real time."""
        self._link, self._source, self._rate = link, source, rate
        self._paused, self._stopping = paused, stopping
        self.published = 0
        self.late = 0.0  # [s], the latest message
        self._publishers = {
            name: link.node.create_publisher(
                message_class(topic.kind),
                COMMANDS if name == topics.JOINT_COMMANDS else name,
                recorded(topic.qos),
            )
            for name, topic in source.topics.items()
            if topic.name not in LEFT_OUT
        }
        #: A simulation's own clock is in the bag, and in step with its stamps.
        self._clock = (
            None
            if "/clock" in source.bag.topics
            else link.node.create_publisher(Clock, "/clock", QoSProfile(depth=10))
        )

    def run(self) -> bool:
        """Once through; False: interrupted."""
        origin: int | None = None
        begin = looked = time.monotonic()
        clock_due = 0
        for moment, name, data in self._source.messages(self._publishers):
            origin = moment if origin is None else origin
            due = begin + (moment - origin) * 1e-9 / self._rate
            while (now := time.monotonic()) < due or self._paused:
                if self._stopping():
                    return False
                if now - looked >= KEYBOARD_PERIOD or self._paused:
                    looked = now
                    begin += self._keyboard()
                    due = begin + (moment - origin) * 1e-9 / self._rate
                time.sleep(max(0.0, min(due - time.monotonic(), KEYBOARD_PERIOD)))
            self.late = max(self.late, now - due)
            if self._clock is not None and moment >= clock_due:
                clock_due = moment + CLOCK_PERIOD
                self._tell(moment)
            self._publishers[name].publish(bytes(data))
            self.published += 1
        return not self._stopping()

    def _keyboard(self) -> float:
        """Enter pauses and goes on; [s] spent paused."""
        begin = time.monotonic()
        if not self._paused and not _enter(0.0):
            return 0.0
        if not self._paused:
            console.say("paused; Enter goes on")
        self._paused = True
        while not self._stopping():
            if _enter(KEYBOARD_PERIOD):
                self._paused = False
                break
        return time.monotonic() - begin

    def _tell(self, moment: int) -> None:
        assert self._clock is not None
        message = Clock()
        set_stamp(message.clock, moment)
        self._clock.publish(message)


def _enter(seconds: float) -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], seconds) if sys.stdin.isatty() else ([], 0, 0)
    if not sys.stdin.isatty():
        time.sleep(seconds)
    return bool(ready and sys.stdin.readline())


def _joints(asked: Job, bag: Bag) -> Any:
    if asked.mapping is None:
        return ()
    from humanoid_bringup.locate import find_robot
    from humanoid_description import load_robot

    return load_robot(find_robot(asked.robot or bag.custom.get("robot", ""))).joint_names
