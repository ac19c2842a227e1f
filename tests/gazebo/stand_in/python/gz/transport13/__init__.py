"""The stand-in's ``gz.transport13``: the methods of Gazebo's Python bindings that the driver uses.

Programs talk to the stand-in's server through a socket whose name holds the partition. Callbacks
run on a thread of the transport, as in Gazebo, and need a lock that stands for the interpreter's.
"""

import os
import threading
import time
from multiprocessing.connection import Client

__all__ = ["AdvertiseMessageOptions", "Node", "NodeOptions", "SubscribeOptions"]

#: In the server's own process: what Python systems talk to. Set by gz_stand_in.
local = None


class NodeOptions:
    """Only the partition matters here."""

    def __init__(self):
        self.partition = os.environ.get("GZ_PARTITION", "")


class SubscribeOptions:
    """Not used."""


class AdvertiseMessageOptions:
    """Not used."""


class Publisher:
    """What `Node.advertise` returns."""

    def __init__(self, node, topic):
        self._node, self._topic = node, topic

    def publish(self, message):
        """Send; False when nobody can be reached."""
        return self._node._send(("publish", self._topic, message.SerializeToString()))

    def has_connections(self):
        """Whether somebody subscribes."""
        return self._topic in self._node._listened


class Node:
    """See the module docstring."""

    def __init__(self, options=None):
        self._options = options or NodeOptions()
        self._callbacks = {}
        self._listened = frozenset()  # topics that the server's systems subscribe
        self._answers = {}
        self._lock = threading.Lock()
        self._interpreter = threading.Lock()  # see request()
        self._connection = None
        self._number = 0
        self._closing = False
        if local is None:
            threading.Thread(target=self._work, daemon=True).start()

    def subscribe(self, msg_type, topic, callback, options=None):
        """Call `callback` with every message of `topic`."""
        self._callbacks[topic] = (msg_type, callback)
        if local is not None:
            local[topic] = lambda data: callback(_parse(msg_type, data))
            return True
        self._send(("subscribe", topic, b""))
        return True

    def unsubscribe(self, topic):
        """End a subscription."""
        return self._callbacks.pop(topic, None) is not None

    def advertise(self, topic, msg_type, options=None):
        """A publisher."""
        return Publisher(self, topic)

    def request(self, service, request, request_type, response_type, timeout):
        """Call a service; `timeout` [ms]. Returns (result, response).

        The trap of the real one: it holds the interpreter's lock, which the answer needs where the
        process also subscribes. So it is done, but said not to be, after the whole timeout.
        """
        self._number += 1
        number = self._number
        deadline = time.monotonic() + timeout * 1e-3
        data = request.SerializeToString()
        sent = False
        if self._callbacks:
            with self._interpreter:
                self._send(("request", (service, number), data))
                time.sleep(max(0.0, deadline - time.monotonic()))
            return False, response_type()
        while time.monotonic() < deadline:
            sent = sent or self._send(("request", (service, number), data))
            if number in self._answers:
                return True, _parse(response_type, self._answers.pop(number))
            time.sleep(1e-4)
        return False, response_type()

    def _send(self, frame):
        with self._lock:
            try:
                if self._connection is None:
                    return False
                self._connection.send(frame)
                return True
            except OSError:
                return False

    def _work(self):
        while True:
            try:
                connection = Client(address(self._options.partition), family="AF_UNIX")
            except OSError:
                time.sleep(0.01)
                continue
            with self._lock:
                self._connection = connection
            for topic in list(self._callbacks):
                self._send(("subscribe", topic, b""))
            self._receive(connection)
            with self._lock:
                self._connection, self._listened = None, frozenset()
            connection.close()

    def _receive(self, connection):
        while True:
            try:
                kind, topic, data = connection.recv()
            except (OSError, EOFError):
                return
            if kind == "listened":
                self._listened = topic
            elif kind == "answer":
                self._answers[topic] = data
            elif topic in self._callbacks:
                msg_type, callback = self._callbacks[topic]
                with self._interpreter:
                    callback(_parse(msg_type, data))


def address(partition):
    """The server's socket: abstract, so that nothing is left behind."""
    return f"\0gz_stand_in_{os.environ.get('GZ_STAND_IN', '')}_{partition}"


def _parse(msg_type, data):
    message = msg_type()
    message.ParseFromString(data)
    return message
