"""Two emulated boards of a small robot behind a pty.

Served in real time by a thread where a verb opens the port itself; in lock-step, so that a busy
computer changes nothing, where it goes through a driver.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from humanoid_bringup import cli, prompt
from humanoid_bringup.commands import calibrate
from humanoid_description import load_robot
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.families import find_protocol
from humanoid_hal.emulation.boards import find_emulator
from humanoid_hal.emulation.bus import EmulatedBus, WireOptions
from humanoid_hal.emulation.emulator import Emulator
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.plant import Driven, FreeMotors, Group
from humanoid_hal.emulation.pty import PtyPort
from humanoid_hal.emulation.slcan import SlcanAdapter

CORPUS = Path(__file__).parents[2] / "description" / "corpus" / "robot"
JOINTS = ("left_hip", "right_hip")
PERIOD = 0.005  # [s]


class Hand(Driven):
    """Joints that stand where a hand puts them, whatever their motors want."""

    def __init__(self, robot, groups, position):
        super().__init__(robot, groups)
        self.position = position
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
        self.protocol, self.baud = "damiao", 1_000_000
        self.hand = False  # joints stand where a hand puts them
        self.position = np.zeros(len(JOINTS))  # [rad] there
        self.port = directory / "bus"
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def write_file(self, driver: str = "boards", **joints: str) -> Path:
        """The hardware file: ids 1 and 2, and whatever else `joints` say."""
        lines = [
            f"driver: {driver}  # as delivered", "rate: 200.0", "options:", "  buses:",
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
        kind = find_protocol(self.protocol)
        self.boards = find_emulator(self.protocol)(self.motors, kind.Options())
        self.boards.preset(self.baud)
        self.plant = self.make_plant(
            self.robot, [Group(self.motors, np.arange(len(devices)))], None
        )
        adapter = SlcanAdapter() if kind.medium == "can" else None
        bus = EmulatedBus(
            "legs", PtyPort(self.port), self.boards, WireOptions(timed=False), adapter
        )
        self.emulator = Emulator([bus], self.plant, PERIOD)
        self._thread = threading.Thread(target=self.emulator.run, args=(self._over.is_set,))
        self._thread.start()
        return self

    def make_plant(self, robot, groups, options):
        """As of the emulated driver."""
        self.motors = groups[0].motors
        return Hand(robot, groups, self.position) if self.hand else FreeMotors(robot, groups, 200.0)

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
def lockstep(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """The rig, its hardware file saying `driver: emulated`."""
    monkeypatch.setattr("humanoid_hal.drivers.emulated.driver.make_plant", rig.make_plant)
    rig.write_file("emulated")
    return rig


@pytest.fixture
def feet(rig, lockstep):
    """The rig with Dynamixels and a board under each sole."""
    text = rig.file.read_text().replace("damiao, transport: slcan", "dynamixel")
    text = text.replace("DM-J4310", "XM540-W270")
    for id, sole in enumerate(("l_sole", "r_sole"), 101):
        cells = (
            "{heel: {x: -0.1, y: 0.0, scale: 0.5, offset: 70}, toe: {x: 0.1, y: 0.0, scale: 0.5}}"
        )
        text += "  feet:\n" if id == 101 else ""
        text += f"    {sole}: {{bus: legs, id: {id}, address: 36, counts: int16, heaviest: 400.0,\n"
        text += f"      cells: {cells}}}\n"
    rig.file.write_text(text + "  plant: motors\n")
    return rig


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
        monkeypatch.setattr(calibrate, "entered", entered)

    return will
