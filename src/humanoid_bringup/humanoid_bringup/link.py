"""The command line's side of the graph: one small node that listens, asks and calls services.

Everything waits with a bound, nothing here commands joints.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from humanoid_bringup.environment import domain
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.lock import graph_runs
from humanoid_runtime import topics

if TYPE_CHECKING:
    from typing_extensions import Self

#: [s] Discovery on one host takes 0.15 s. So long a busy machine may take to show the first node,
FIRST_NODE = 2.0
#: and so much longer what that node offers.
DISCOVERY = 8.0


class Link:
    """A node of the command line; a context manager."""

    def __init__(self, namespace: str = "", name: str = "humanoid_cli") -> None:
        """Raises HumanoidError when ROS_DOMAIN_ID is none."""
        domain()
        self._context = Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node(
            f"{name}_{os.getpid()}",
            namespace=namespace,
            context=self._context,
            start_parameter_services=False,
            enable_rosout=False,
            use_global_arguments=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._latest: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}  # by the name of their service

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._context.try_shutdown()

    def spin(self, seconds: float) -> None:
        """Handle what arrives during `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def wait(self, condition: Callable[[], Any], seconds: float) -> bool:
        """Spin until `condition()` holds, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._executor.spin_once(timeout_sec=min(left, 0.05))
        return True

    def discover(self, condition: Callable[[], Any]) -> bool:
        """Wait for something that discovery brings; without any graph only for a short time."""
        return self.wait(condition, FIRST_NODE) or (
            (bool(self.nodes()) or graph_runs(self.node.get_namespace()))
            and self.wait(condition, DISCOVERY)
        )

    def watch(self, message_type: Any, topic: str, qos: QoSProfile = topics.EVENT) -> None:
        """Keep the latest message of a topic for :meth:`latest`."""

        def keep(message: Any) -> None:
            self._latest[topic] = message

        self.node.create_subscription(message_type, topic, keep, qos)

    def latest(self, topic: str) -> Any:
        """The last message of a watched topic, or None."""
        return self._latest.get(topic)

    def forget(self, topic: str) -> None:
        """Drop the kept message, so that the next one is known to be new."""
        self._latest.pop(topic, None)

    def nodes(self) -> set[str]:
        """Full names of the nodes that discovery found, without this one."""
        found = {
            f"{space.rstrip('/')}/{name}"
            for name, space in self.node.get_node_names_and_namespaces()
        }
        return found - {self.node.get_fully_qualified_name()}

    def absolute(self, name: str) -> str:
        """A node's or topic's name in this namespace."""
        return f"{self.node.get_namespace().rstrip('/')}/{name}"

    def offers(self, service: str) -> bool:
        """Whether discovery has found somebody who offers a service."""
        names = dict(self.node.get_service_names_and_types())
        return self.absolute(service) in names

    def call(self, service_type: Any, name: str, request: Any, timeout: float = 5.0) -> Any:
        """Call a service. Raises HumanoidError when nobody offers it or nobody answers in time."""
        future = self.find(service_type, name).call_async(request)
        if not self.wait(future.done, timeout):
            raise HumanoidError(
                f"the service '{self.absolute(name)}' did not answer within {timeout:g} s; "
                "look with 'humanoid doctor'",
                Exit.NO_GRAPH,
            )
        return future.result()

    def parameters(self, node: str, names: Sequence[str]) -> dict[str, str]:
        """Text parameters of a node of this namespace; empty when it does not tell them."""
        from rcl_interfaces.srv import GetParameters

        if not self.wait(lambda: self.absolute(node) in self.nodes(), FIRST_NODE):
            return {}
        try:
            answer = self.call(
                GetParameters, f"{node}/get_parameters", GetParameters.Request(names=list(names))
            )
        except HumanoidError:
            return {}
        if len(answer.values) != len(names):
            return {}
        return {name: value.string_value for name, value in zip(names, answer.values, strict=True)}

    def find(self, service_type: Any, name: str) -> Any:
        """A client of a service that somebody offers, so that calls go out at once.

        Raises HumanoidError when nobody does.
        """
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(service_type, name)
        if not self.discover(client.service_is_ready):
            raise HumanoidError(
                f"no node offers the service '{self.absolute(name)}' in ROS_DOMAIN_ID="
                f"{domain()}: start the graph with 'humanoid sim' "
                "or 'humanoid up', or look with 'humanoid doctor'",
                Exit.NO_GRAPH,
            )
        return client
