"""The server: topics, services, and the loop of physics steps."""

import importlib
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from multiprocessing.connection import Listener

from gz import transport13

from gz_stand_in.physics import Info, Physics
from gz_stand_in.publish import Publishers, message

_PAUSED = 0.001  # [s] between two repetitions of a state


class Server:
    """One world; paused at first unless `running`."""

    def __init__(self, world, running):
        self._physics = Physics(world)
        self._publishers = Publishers(self._physics)
        self._world = self._physics.root.find("world").get("name")
        self._factor = float(self._physics.root.findtext("world/physics/real_time_factor"))
        self._info = Info()
        self._running = running
        self._steps = 0  # left of a multi_step
        self._clients = {}  # connection -> its topics
        self._inbox = []  # (connection, frame)
        self._wake = threading.Event()
        self._heard = {}  # topic -> function of bytes, of the systems in this process
        self._listen()
        self._systems = self._load_systems()

    def run(self):
        """Until SIGTERM."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        due = time.monotonic()
        while True:
            self._work()
            moves = self._running or self._steps > 0
            self._info.paused = not moves
            self._info.sim_time = timedelta(microseconds=self._physics.stamp / 1e3)
            for system in self._systems:
                system.pre_update(self._info, self._physics)
            if not moves:
                self._send(self._publishers.paused(self._topics()))
                self._wake.wait(_PAUSED)
                self._wake.clear()
                due = time.monotonic()
                continue
            self._physics.step()
            self._steps = max(0, self._steps - 1)
            self._send(self._publishers.due(self._topics()))
            if self._running:
                due = max(
                    due + self._physics.nanoseconds * 1e-9 / self._factor, time.monotonic() - 0.01
                )
                time.sleep(max(0.0, due - time.monotonic()))

    def _listen(self):
        world = f"/world/{self._world}"
        self._heard[f"{world}/wrench/persistent"] = self._on_push
        self._heard[f"{world}/wrench/clear"] = self._on_clear
        transport13.local = self._heard
        address = transport13.address(os.environ.get("GZ_PARTITION", ""))
        self._listener = Listener(address, family="AF_UNIX", backlog=16)

    def _load_systems(self):
        systems = []
        for plugin in self._physics.robot.iterfind("plugin"):
            if plugin.get("name").endswith("PythonSystemLoader"):
                sys.path += os.environ.get("GZ_SIM_SYSTEM_PLUGIN_PATH", "").split(os.pathsep)
                system = importlib.import_module(plugin.findtext("module_name")).get_system()
                system.configure(0, plugin, self._physics, None)
                systems.append(system)
        threading.Thread(target=self._accept, daemon=True).start()
        return systems

    def _accept(self):
        while True:
            connection = self._listener.accept()
            connection.send(("listened", frozenset(self._heard), b""))
            self._clients[connection] = set()
            threading.Thread(target=self._receive, args=(connection,), daemon=True).start()

    def _receive(self, connection):
        try:
            while True:
                kind, topic, data = connection.recv()
                if kind == "subscribe":
                    self._clients[connection].add(topic)
                elif kind == "publish":
                    # Python systems of a Gazebo server hear on a thread of the transport too.
                    if topic in self._heard:
                        self._heard[topic](data)
                else:
                    self._inbox.append((connection, topic, data))
                self._wake.set()
        except (OSError, EOFError):
            self._clients.pop(connection, None)

    def _topics(self):
        return {topic for topics in list(self._clients.values()) for topic in list(topics)}

    def _send(self, messages):
        for topic, made in messages:
            frame = ("message", topic, made.SerializeToString())
            for connection, topics in list(self._clients.items()):
                if topic in topics:
                    self._tell(connection, frame)

    def _tell(self, connection, frame):
        try:
            connection.send(frame)
        except OSError:
            self._clients.pop(connection, None)

    def _work(self):
        while self._inbox:
            connection, (service, number), data = self._inbox.pop(0)
            answer = message("Boolean")
            answer.data = service == f"/world/{self._world}/control"
            if answer.data:
                request = message("WorldControl")
                request.ParseFromString(data)
                self._control(request)
            self._tell(connection, ("answer", number, answer.SerializeToString()))

    def _control(self, request):
        self._running = not request.pause
        if request.multi_step:
            self._steps += request.multi_step
        if request.reset.all:
            self._steps = 0
            self._physics.reset()
            for system in self._systems:
                system.reset(self._info, self._physics)

    def _on_push(self, data):
        wrench = message("EntityWrench")
        wrench.ParseFromString(data)
        force = wrench.wrench.force
        link = wrench.entity.name.rpartition("::")[2]
        self._physics.pushes = {**self._physics.pushes, link: [force.x, force.y, force.z]}

    def _on_clear(self, data):
        entity = message("Entity")
        entity.ParseFromString(data)
        link = entity.name.rpartition("::")[2]
        self._physics.pushes = {k: v for k, v in self._physics.pushes.items() if k != link}
