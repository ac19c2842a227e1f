"""Two emulated boards of a small robot behind a pty, served in real time by a thread."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from humanoid_bringup import cli, prompt
from humanoid_description import load_robot
from humanoid_hal.bus.device import Device
from humanoid_hal.emulation.boards import find_emulator
from humanoid_hal.emulation.bus import EmulatedBus, WireOptions
from humanoid_hal.emulation.emulator import Emulator
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.plant import FreeMotors, Group, Plant
from humanoid_hal.emulation.pty import PtyPort
from humanoid_hal.emulation.slcan import SlcanAdapter

CORPUS = Path(__file__).parents[2] / "description" / "corpus" / "robot"
JOINTS = ("left_hip", "right_hip")
PERIOD = 0.005  # [s]


class Hand(Plant):
    """Joints that stand where a hand puts them."""

    def __init__(self, robot, groups):
        super().__init__(robot, groups)
        self.position = np.zeros(len(robot.joints))
        self.advance(0.0)

    def _move(self, law, powered, period):
        self.stamp += round(period * 1e9)
        return self.position.copy(), np.zeros_like(self.position), np.zeros_like(self.position)


class Rig:
    """A robot's directory, its boards, and what a test may do to them."""

    def __init__(self, directory: Path) -> None:
        (directory / "hardware").mkdir(parents=True)
        shutil.copy(CORPUS / "valid.yaml", directory / "robot.yaml")
        shutil.copy(CORPUS / "biped.urdf", directory)
        self.directory = directory
        self.robot = load_robot(directory)
        self.file = directory / "hardware" / "real.yaml"
        self.ids = (1, 2)
        self.models = ("DM-J4310", "DM-J4310")
        self.hand = False
        self.port = directory / "bus"
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiting: list[threading.Thread] = []

    def write_file(self, rate: float = 200.0, **joints: str) -> Path:
        """The hardware file: ids 1 and 2, and whatever else `joints` say."""
        lines = [
            "driver: boards  # as delivered", f"rate: {rate}", "options:", "  buses:",
            f"    legs: {{protocol: damiao, transport: slcan, port: {self.port}}}", "  joints:",
        ]  # fmt: skip
        for number, name in enumerate(JOINTS, 1):
            more = joints.get(name, "")
            lines.append(f"    {name}: {{bus: legs, id: {number}, model: DM-J4310{more}}}")
        self.file.write_text("\n".join(lines) + "\n")
        return self.file

    def start(self) -> "Rig":
        """Power on."""
        devices = [
            Device(joint, id, model)
            for joint, id, model in zip(JOINTS, self.ids, self.models, strict=False)
        ]
        self.motors = Motors(devices)
        self.boards = find_emulator("damiao")(self.motors, None)
        group = [Group(self.motors, np.arange(len(devices)))]
        self.plant = (
            Hand(self.robot, group) if self.hand else FreeMotors(self.robot, group, 1 / PERIOD)
        )
        bus = EmulatedBus(
            "legs", PtyPort(self.port), self.boards, WireOptions(timed=False), SlcanAdapter()
        )
        self.emulator = Emulator([bus], self.plant, PERIOD)
        self._thread = threading.Thread(target=self.emulator.run, args=(self._over.is_set,))
        self._thread.start()
        return self

    def rest(self) -> bool:
        """Let the emulator see what a hand did."""
        time.sleep(2 * PERIOD)
        return True

    def later(self, deed) -> None:
        """Do something once the boards have been asked some dozen times."""
        asked = self.emulator.buses["legs"].port

        def wait() -> None:
            self.until(lambda: asked.received > 2000 or self._over.is_set())
            deed()

        thread = threading.Thread(target=wait)
        thread.start()
        self._waiting.append(thread)

    def until(self, condition, seconds: float = 20.0) -> bool:
        """Whether `condition` holds in the end."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def stop(self) -> None:
        self._over.set()
        for thread in self._waiting:
            thread.join()
        if self._thread is not None:
            self._thread.join()
            self.emulator.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "robots" / "biped")
    made.write_file()
    yield made
    made.stop()


@pytest.fixture
def ask(rig: Rig):
    """Runs a verb on the rig's robot; its exit code."""

    def run(verb: str, *arguments: str) -> int:
        return cli.main([verb, *arguments, "--robot", str(rig.directory), "--hardware", "real"])

    return run


@pytest.fixture
def enter(monkeypatch):
    """What happens, one after the other, before each Enter; then Enter is pressed."""

    def will(*deeds):
        left = list(deeds)

        def entered(timeout: float = 0.0) -> bool:
            assert left, "nobody is there to press Enter"
            deed = left[0]
            if deed is None or not deed():
                left.pop(0)
                return True
            return False

        monkeypatch.setattr(prompt, "entered", entered)
        for verb in ("calibrate",):
            module = __import__(f"humanoid_bringup.commands.{verb}", fromlist=["entered"])
            monkeypatch.setattr(module, "entered", entered)

    return will
