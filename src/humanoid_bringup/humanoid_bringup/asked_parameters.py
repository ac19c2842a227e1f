"""The parameters of the graph's nodes, asked for in passing and kept."""

import time
from functools import partial
from typing import Any

from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python

#: [s] between two looks for nodes that have not been asked.
LOOK = 1.0


class AskedParameters:
    """Asks every node that appears, once, and again when it was gone; never waits."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._due = 0.0
        self._clients: dict[str, Any] = {}  # the one that a node is asked by now
        self._asked: set[str] = set()
        #: Node -> parameter -> value; what a node said stays when it is gone.
        self.values: dict[str, dict[str, Any]] = {}

    def turn(self) -> None:
        """Look for nodes, when due; the node's executor brings the answers."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + LOOK
        mine = self._node.get_fully_qualified_name()
        names = {
            f"{space.rstrip('/')}/{name}"
            for name, space in self._node.get_node_names_and_namespaces()
        } - {mine}
        for gone in self._asked - names:
            self._asked.discard(gone)
            self._leave(gone)
        for name in sorted(names - self._asked):
            self._ask(name)

    def _ask(self, name: str) -> None:
        if name not in self._clients:
            self._clients[name] = self._node.create_client(
                ListParameters, f"{name}/list_parameters"
            )
        client = self._clients[name]
        if client.service_is_ready():
            self._asked.add(name)
            client.call_async(ListParameters.Request()).add_done_callback(
                partial(self._listed, name)
            )

    def _listed(self, name: str, future: Any) -> None:
        answer = future.result()
        self._leave(name)
        if answer is None or name not in self._asked:
            return
        names = list(answer.result.names)
        client = self._clients[name] = self._node.create_client(
            GetParameters, f"{name}/get_parameters"
        )
        client.call_async(GetParameters.Request(names=names)).add_done_callback(
            partial(self._got, name, names)
        )

    def _got(self, name: str, names: list[str], future: Any) -> None:
        answer = future.result()
        self._leave(name)
        if answer is not None:
            values = (parameter_value_to_python(value) for value in answer.values)
            self.values[name] = dict(zip(names, values, strict=False))

    def _leave(self, name: str) -> None:
        client = self._clients.pop(name, None)
        if client is not None:
            self._node.destroy_client(client)
