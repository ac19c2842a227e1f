"""The HAL node on real topics, in its own process, against the mock driver.

The node's process writes what the driver received into a file; nothing is measured by a clock.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetAvailableTransitions, GetState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, JointState
from std_srvs.srv import Trigger

from humanoid_description import load_robot
from humanoid_interfaces.msg import FaultReport, JointCommand, SafetyState
from humanoid_runtime import topics

ROOT = Path(__file__).parents[2]
ROBOT = ROOT / "config" / "robots" / "g1"
#: [s] Longest wait for anything; reached only when something is broken.
PATIENCE = 30.0

_CHILD = """
import os
import sys
import numpy as np
import humanoid_hal.drivers.mock.driver as mock
from humanoid_hal import hal_node
from humanoid_hal.driver import DriverError

log = open(sys.argv.pop(1), "wb", buffering=0)

def spy(name):
    original = getattr(mock.MockDriver, name)
    def call(self, *arguments):
        row = np.zeros((6, 29))
        row[0, 0] = ("enable", "write", "close", "open").index(name)
        if name == "enable":
            row[0, 1] = arguments[0]
        if name == "write":
            row[1:] = [getattr(arguments[0], field) for field in arguments[0].__slots__]
        log.write(row.tobytes())
        result = original(self, *arguments)
        if os.environ.get("DEAD_BOARD") and name == "enable" and not arguments[0]:
            raise DriverError("bus 'leg': id 3 does not answer")
        return result
    setattr(mock.MockDriver, name, call)

for name in ("enable", "write", "close", "open"):
    spy(name)
sys.exit(hal_node.main())
"""


class Calls:
    """What the driver was told, in order."""

    def __init__(self, log: Path) -> None:
        numbers = np.fromfile(log) if log.exists() else np.zeros(0)
        rows = numbers[: len(numbers) // 174 * 174].reshape(-1, 6, 29)
        codes = rows[:, 0, 0].astype(int)
        names = [("enable", "write", "close", "open")[code] for code in codes]
        self.names = [name for name in names if name != "open"]
        #: Opening, torque on and off, closing: what each step of the node's life did.
        self.life = [
            {"enable": "on" if row[0, 1] else "off"}.get(name, name)
            for name, row in zip(names, rows, strict=True)
            if name != "write"
        ]
        self.switched = [bool(row[0, 1]) for row in rows[codes == 0]]
        self.written = rows[codes == 1, 1:]  # position, velocity, effort, stiffness, damping
        _, velocity, effort, stiffness, damping = np.moveaxis(self.written, 1, 0)
        passive = ~(velocity.any(axis=1) | effort.any(axis=1) | stiffness.any(axis=1))
        self.damps = passive & damping.any(axis=1)


class Hal:
    """A HAL node in another process, and a controller that answers its samples from here."""

    def __init__(self, folder: Path, hardware: str, **parameters: object) -> None:
        self.folder = folder
        self.log = folder / "driver.bin"
        (folder / "hardware.yaml").write_text(textwrap.dedent(hardware))
        (folder / "child.py").write_text(_CHILD)
        self.robot = load_robot(ROBOT)
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("fake_controller", context=self.context)
        self.executor = rclpy.executors.SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.commands = self.node.create_publisher(
            JointCommand, topics.JOINT_COMMANDS, topics.STREAM
        )
        self.answer: Callable[[JointCommand], None] | None = lambda _: None
        self.sequence = 0
        self.heard = 0  # joint states: a simulation without torque repeats its first one
        self.stamp: Any = None
        self.command = JointCommand()
        self.seen: dict[str, Any] = {}
        self.node.create_subscription(
            JointState, topics.JOINT_STATES, self._on_sample, topics.STREAM
        )
        self.watch(SafetyState, topics.SAFETY_STATE)
        self.watch(DiagnosticArray, topics.DIAGNOSTICS)
        arguments = {
            "robot": ROBOT / "robot.yaml",
            "hardware": folder / "hardware.yaml",
            "answer_timeout": 0.2,
            **parameters,
        }
        words = [word for k, v in arguments.items() for word in ("-p", f"{k}:={v}")]
        self.process = subprocess.Popen(
            [sys.executable, folder / "child.py", self.log, "--ros-args", *words],
            stderr=subprocess.PIPE,
            text=True,
        )

    def watch(self, kind: type, topic: str) -> None:
        self.node.create_subscription(
            kind, topic, lambda message: self.seen.__setitem__(topic, message), topics.STREAM
        )

    def _on_sample(self, message: JointState) -> None:
        self.seen[topics.JOINT_STATES] = message
        self.heard += 1
        if self.answer is None:
            return
        if message.header.stamp != self.stamp:  # a repeated sample gets the same answer again
            self.stamp = message.header.stamp
            self.sequence += 1
            self.command = self.hold(self.stamp, self.sequence)
            self.answer(self.command)
        self.commands.publish(self.command)

    def hold(self, stamp: Any, sequence: int) -> JointCommand:
        command = JointCommand(sequence=sequence, name=list(self.robot.joint_names))
        command.header.stamp = stamp
        command.position = self.robot.poses["ready"]
        command.velocity = command.effort = np.zeros(29)
        command.stiffness = self.robot.column("stiffness")
        command.damping = self.robot.column("damping")
        return command

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, f"the HAL ended early, waiting for {what}"
            assert time.monotonic() < deadline, f"{what} did not happen; last {self.safety}"
            self.executor.spin_once(timeout_sec=0.05)

    @property
    def safety(self) -> SafetyState | None:
        return self.seen.get(topics.SAFETY_STATE)

    def until_armed(self) -> None:
        self.until(lambda: self.safety and self.safety.armed, "arming")

    def until_reaction(self, reaction: int) -> None:
        self.until(lambda: self.safety and self.safety.reaction >= reaction, f"{reaction}")

    def call(self, service: str) -> Trigger.Response:
        client = self.node.create_client(Trigger, service)
        self.until(client.service_is_ready, service)
        future = client.call_async(Trigger.Request())
        self.until(future.done, service)
        self.node.destroy_client(client)
        return future.result()

    def ask(self, kind: Any, service: str, **fields: object) -> Any:
        """The answer of one of the node's lifecycle services."""
        client = self.node.create_client(kind, f"humanoid_hal/{service}")
        self.until(client.service_is_ready, service)
        future = client.call_async(kind.Request(**fields))
        self.until(future.done, service)
        self.node.destroy_client(client)
        return future.result()

    def change(self, label: str) -> bool:
        """What `ros2 lifecycle set /humanoid_hal <label>` does: by the transitions on offer."""
        known = {each.transition.label: each.transition for each in self.transitions()}
        if label not in known:
            return False
        return bool(self.ask(ChangeState, "change_state", transition=known[label]).success)

    def transitions(self) -> list[Any]:
        found = self.ask(GetAvailableTransitions, "get_available_transitions")
        return list(found.available_transitions)

    def state(self) -> str:
        return str(self.ask(GetState, "get_state").current_state.label)

    def diagnostics(self) -> dict[str, str]:
        self.seen.pop(topics.DIAGNOSTICS, None)
        self.until(lambda: topics.DIAGNOSTICS in self.seen, "diagnostics")
        status = self.seen[topics.DIAGNOSTICS].status[0]
        return {value.key: value.value for value in status.values}

    def calls(self) -> Calls:
        return Calls(self.log)

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        try:
            self.end()
        finally:
            self.process.kill()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.executor.remove_node(self.node)
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


MOCK = """
    driver: mock
    arming: {samples: 3, ramp: 0.0}
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Hal]]:
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", os.environ.get("ROS_DOMAIN_ID", "77"))
    made: list[Hal] = []

    def make(hardware: str = MOCK, **parameters: object) -> Hal:
        made.append(Hal(tmp_path, hardware, **parameters))
        return made[-1]

    yield make
    for hal in made:
        hal.close()


@pytest.mark.parametrize("paced", [True, False])
def test_it_arms_obeys_and_stops_with_five_damp_frames_on_sigterm(
    start: Callable[..., Hal], paced: bool
) -> None:
    hal = start(paced=paced)
    hal.watch(Imu, topics.IMU)
    hal.watch(Clock, "/clock")
    hal.until_armed()
    hal.until(lambda: hal.safety.accepted > 100, "100 accepted commands")
    assert hal.end() == 0
    calls = hal.calls()
    assert calls.names[0] == "enable"
    off = calls.names.index("enable", 1)
    assert calls.names[off - 5 : off + 2] == [*["write"] * 5, "enable", "close"]
    assert calls.switched[:2] == [True, False]
    assert calls.damps.tolist() == [False] * (len(calls.damps) - 5) + [True] * 5
    assert (calls.written[:-5, 0] == hal.robot.poses["ready"]).all()
    joints, imu = hal.seen[topics.JOINT_STATES], hal.seen[topics.IMU]
    assert list(joints.name) == list(hal.robot.joint_names)
    assert len(joints.position) == len(joints.velocity) == len(joints.effort) == 29
    assert imu.orientation_covariance[0] == -1.0
    assert imu.linear_acceleration.z == pytest.approx(9.81, abs=0.01)
    assert "/clock" in hal.seen


def test_sigint_is_a_clean_end_too(start: Callable[..., Hal]) -> None:
    hal = start()
    hal.until_armed()
    assert hal.end(signal.SIGINT) == 0
    assert hal.calls().switched[-1] is False
    assert hal.calls().damps[-1]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (None, "no fresh command"),
        ("away", "from the measured position: left_knee_joint"),
        ("nan", "no fresh command"),
    ],
)
def test_it_says_why_it_does_not_arm(
    start: Callable[..., Hal], spoil: str | None, reason: str
) -> None:
    hal = start()

    def answer(command: JointCommand) -> None:
        value = 0.2 if spoil == "away" else np.nan
        command.position[hal.robot.index["left_knee_joint"]] += value

    hal.answer = answer if spoil else None
    hal.until(lambda: reason in hal.diagnostics()["waiting_for"], reason)
    assert hal.diagnostics()["phase"] == "arming"
    assert hal.end() == 0
    assert len(hal.calls().written) == 0


def test_two_publishers_are_refused(start: Callable[..., Hal]) -> None:
    hal = start()
    hal.answer = None
    hal.node.create_publisher(JointCommand, topics.JOINT_COMMANDS, topics.STREAM)
    reason = "2 publishers of commands"
    hal.until(lambda: reason in hal.diagnostics()["waiting_for"], reason)


def _spoil(field: str, content: object) -> Callable[[JointCommand], None]:
    return lambda command: setattr(command, field, content)


def _shift(command: JointCommand, sequence: int) -> None:
    """A sound-looking command of another sequence."""
    command.sequence += sequence
    command.effort = np.full(29, 1.25)


FIELDS = ("position", "velocity", "effort", "stiffness", "damping")
BAD: dict[str, Callable[[JointCommand], None]] = {
    **{f"NaN {field}": _spoil(field, np.full(29, np.nan)) for field in FIELDS},
    **{f"infinite {field}": _spoil(field, np.full(29, -np.inf)) for field in FIELDS},
    **{f"long {field}": _spoil(field, np.full(30, 666.0)) for field in FIELDS},
    **{f"short {field}": _spoil(field, np.full(1, 666.0)) for field in FIELDS},
    **{f"empty {field}": _spoil(field, []) for field in FIELDS},
    "negative stiffness": _spoil("stiffness", np.full(29, -1.0)),
    "no names": _spoil("name", []),
    "unknown names": _spoil("name", [f"tail_{i}" for i in range(29)]),
    "oversize": _spoil("position", np.zeros(100_000)),
    "out of order": lambda command: _shift(command, -5),
    "second publisher": lambda command: _shift(command, 9999),
}


def test_bad_commands_never_reach_the_driver(start: Callable[..., Hal]) -> None:
    hal = start(paced=False)
    hal.until_armed()
    waiting = list(BAD.values()) * 2

    def answer(command: JointCommand) -> None:
        if waiting and hal.sequence % 3 == 0:
            waiting.pop()(command)

    hal.answer = answer
    hal.until(lambda: not waiting, "all bad commands")
    hal.until(lambda: hal.safety.rejected >= len(BAD), "rejections")
    assert hal.end() == 0
    written = hal.calls().written
    assert len(written) > 100
    assert np.isfinite(written).all()
    assert (written[:, 2] == 0.0).all()
    assert (written[:-5, 0] == hal.robot.poses["ready"]).all()


def test_a_silent_controller_ends_in_damp_and_a_rearm_revives_it(
    start: Callable[..., Hal],
) -> None:
    hal = start()
    hal.until_armed()
    good, hal.answer = hal.answer, None
    hal.until_reaction(SafetyState.DAMP)
    assert not hal.safety.armed
    hal.until(lambda: hal.calls().damps[-1], "damp frames")
    held = hal.calls()
    last_held = held.written[~held.damps][-1]
    assert (last_held[3] == hal.robot.column("stiffness")).all()
    answer = hal.call(topics.REARM)
    assert not answer.success
    assert "no fresh command" in answer.message
    hal.answer = good
    hal.until(lambda: hal.stamp is not None, "samples")
    answer = hal.call(topics.REARM)
    assert answer.success, answer.message
    hal.until_armed()


def test_stop_and_emergency_stop_latch_until_rearm(start: Callable[..., Hal]) -> None:
    hal = start()
    hal.until_armed()
    assert hal.call(topics.STOP).success
    hal.until_reaction(SafetyState.DAMP)
    assert hal.calls().damps[-1]
    assert hal.call(topics.REARM).success
    hal.until_armed()
    assert hal.call(topics.EMERGENCY_STOP).success
    hal.until_reaction(SafetyState.TORQUE_OFF)
    assert hal.calls().switched[-1] is False
    assert hal.calls().names[-1] == "enable"
    assert hal.call(topics.REARM).success
    hal.until_armed()
    assert hal.calls().switched[-1] is True


def test_a_board_that_does_not_confirm_torque_off_is_told_and_ends_nothing(
    start: Callable[..., Hal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEAD_BOARD", "1")
    hal = start()

    def told() -> bool:
        return hal.safety is not None and any("id 3" in text for text in hal.safety.active)

    hal.until_armed()
    assert hal.call(topics.EMERGENCY_STOP).success
    hal.until(told, "the dead board")
    assert hal.call(topics.REARM).success
    hal.until_armed()
    hal.until(lambda: not told(), "its end")
    assert hal.change("deactivate")
    hal.until(told, "the dead board")
    assert hal.calls().switched[-1] is False


#: The mock driver's close() switches torque off once more.
CLOSED = ("close", "off")
OFFERED = {
    "unconfigured": {"configure", "shutdown"},
    "inactive": {"activate", "cleanup", "shutdown"},
    "active": {"deactivate", "shutdown"},
    "finalized": set(),
}


def test_each_lifecycle_transition_does_to_the_driver_what_it_says(
    start: Callable[..., Hal],
) -> None:
    """As `ros2 lifecycle` drives the node: get_state, get_available_transitions, change_state."""
    hal = start(autostart="none", paced=False)

    def becomes(label: str, state: str, *life: str) -> None:
        """The transition succeeds, leads to `state` and told the driver `life`, nothing else."""
        before = len(hal.calls().life)
        assert hal.change(label)
        assert hal.state() == state
        assert {each.transition.label for each in hal.transitions()} == OFFERED[state]
        hal.until(lambda: len(hal.calls().life) >= before + len(life), f"{label}: {life}")
        assert hal.calls().life[before:] == list(life)

    def written_during(samples: int) -> int:
        before, end = len(hal.calls().written), hal.heard + samples
        hal.until(lambda: hal.heard >= end, "samples")
        return len(hal.calls().written) - before

    assert hal.state() == "unconfigured"
    assert {each.transition.label for each in hal.transitions()} == OFFERED["unconfigured"]
    assert not hal.change("activate")  # not on offer
    assert hal.calls().life == []
    assert hal.heard == 0

    for _ in range(2):  # a second life is as good as the first
        becomes("configure", "inactive", "open")
        assert written_during(samples=20) == 0  # it reads and moves nothing
        becomes("activate", "active", "on")
        hal.until_armed()
        assert written_during(samples=20) > 0
        becomes("deactivate", "inactive", "off")
        assert hal.calls().damps[-5:].all()
        hal.until(lambda: not hal.safety.armed, "disarmed")
        assert written_during(samples=20) == 0
        becomes("cleanup", "unconfigured", *CLOSED)
        hal.executor.spin_once(timeout_sec=0.2)
        last = hal.heard
        assert hal.call(topics.REARM).message == "the driver is not open; configure the node first"
        assert hal.heard == last

    becomes("configure", "inactive", "open")
    becomes("activate", "active", "on")
    hal.until_armed()
    becomes("shutdown", "finalized", "off", *CLOSED)
    assert hal.calls().damps[-5:].all()
    assert hal.end() == 0


def test_a_transition_that_the_state_does_not_have_is_refused_and_ends_nothing(
    start: Callable[..., Hal],
) -> None:
    hal = start()
    hal.until_armed()
    for number in (Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CLEANUP, 99):
        wrong = Transition(id=number)
        assert not hal.ask(ChangeState, "change_state", transition=wrong).success
    wrong = Transition(id=Transition.TRANSITION_CONFIGURE, label="no such label")
    assert not hal.ask(ChangeState, "change_state", transition=wrong).success
    assert hal.state() == "active"
    before = hal.heard
    hal.until(lambda: hal.heard > before + 100, "samples")
    assert hal.safety is not None
    assert hal.safety.armed


def test_a_driver_opened_again_is_not_armed_by_a_command_of_before(
    start: Callable[..., Hal],
) -> None:
    hal = start(paced=False)
    hal.until_armed()
    hal.until(lambda: hal.safety.accepted > 200, "200 accepted commands")
    assert hal.change("deactivate")
    assert hal.change("cleanup")
    hal.answer = None
    assert hal.change("configure")
    assert hal.change("activate")
    reason = "no fresh command"
    hal.until(lambda: reason in hal.diagnostics()["waiting_for"], reason)
    assert hal.calls().life.count("on") == 1


def test_an_emergency_stop_stays_latched_through_the_lifecycle(start: Callable[..., Hal]) -> None:
    hal = start()
    hal.until_armed()
    assert hal.call(topics.EMERGENCY_STOP).success
    hal.until_reaction(SafetyState.TORQUE_OFF)
    for label in ("deactivate", "cleanup", "configure", "activate"):
        assert hal.change(label)
    before = hal.heard
    hal.until(lambda: hal.heard > before + 20, "samples")
    assert hal.calls().life.count("on") == 1
    assert hal.call(topics.REARM).success
    hal.until_armed()


@pytest.mark.parametrize("steps", [(), ("configure",)])
def test_a_node_may_be_shut_down_from_every_state(
    start: Callable[..., Hal], steps: tuple[str, ...]
) -> None:
    hal = start(autostart="none")
    for step in steps:
        assert hal.change(step)
    assert hal.change("shutdown")
    assert hal.state() == "finalized"
    assert hal.calls().life == (["open", *CLOSED] if steps else [])
    assert hal.end() == 0


def test_a_driver_that_cannot_be_opened_leaves_the_node_unconfigured(
    start: Callable[..., Hal],
) -> None:
    nobody = "driver: gazebo\noptions: {server: attach, patience: 1.0}"
    hal = start(nobody, autostart="none")
    assert not hal.change("configure")
    assert hal.state() == "unconfigured"
    assert hal.change("shutdown")


def test_reported_faults_reach_the_supervisor(start: Callable[..., Hal]) -> None:
    hal = start()
    publisher = hal.node.create_publisher(FaultReport, topics.FAULTS, topics.EVENT)
    hal.until_armed()
    hal.until(lambda: publisher.get_subscription_count() == 1, "discovery")
    publisher.publish(FaultReport(source="perception", name=["fall"], reason=["42 deg"]))
    hal.until_reaction(SafetyState.DAMP)
    assert hal.safety.active[0] == "fall: 42 deg (perception)"


def test_a_flood_of_messages_does_not_stall_the_cycle(start: Callable[..., Hal]) -> None:
    hal = start()
    hal.until_armed()
    flood = hal.hold(hal.stamp, 1)
    flood.effort = np.full(29, 9.0)

    def burst() -> bool:
        for _ in range(200):
            hal.commands.publish(flood)
        return hal.safety is not None and hal.safety.rejected > 1000

    before = hal.seen[topics.JOINT_STATES].header.stamp
    hal.until(burst, "1000 rejected messages")
    hal.until(lambda: hal.seen[topics.JOINT_STATES].header.stamp != before, "time to go on")
    assert hal.end() == 0
    assert (hal.calls().written[:, 2] == 0.0).all()


def test_a_driver_that_raises_ends_the_process_with_an_error_and_torque_off(
    start: Callable[..., Hal],
) -> None:
    hal = start(MOCK + "    options: {faults: [{kind: raise, cycle: 50}]}\n")
    hal.until_armed()
    assert hal.process.stderr is not None
    code = hal.process.wait(PATIENCE) if hal.process.poll() is None else hal.process.returncode
    assert code == 1
    assert "error: mock fault 'raise' in cycle" in hal.process.stderr.read()
    assert hal.calls().names[-2:] == ["close", "enable"]
    assert hal.calls().switched[-1] is False


def test_a_hardware_file_that_is_wrong_ends_with_its_reason(start: Callable[..., Hal]) -> None:
    hal = start("driver: mock\nrat: 400.0\n")
    assert hal.process.wait(PATIENCE) == 1
    assert hal.process.stderr is not None
    assert "hardware.yaml:2: key 'rat': unknown key; did you mean 'rate'?" in (
        hal.process.stderr.read()
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("answer_timeout", 0.0), ("rate", 1e6), ("cpu", -2), ("realtime_priority", 100)],
)
def test_a_parameter_beyond_its_range_ends_the_start_with_its_name(
    start: Callable[..., Hal], name: str, value: float
) -> None:
    hal = start(**{name: value})
    assert hal.process.wait(PATIENCE) == 1
    assert hal.process.stderr is not None
    said = hal.process.stderr.read()
    assert name in said
    assert "range" in said
    assert "Traceback" not in said


def test_on_hardware_it_waits_for_the_operator_to_arm(start: Callable[..., Hal]) -> None:
    hal = start(
        """
        driver: mock_hardware
        rate: 100.0
        arming: {samples: 3, ramp: 0.0, accept_no_board_watchdog: true}
        """
    )
    hal.until(lambda: hal.sequence > 20, "samples")
    assert hal.diagnostics()["phase"] == "inactive"
    assert hal.call(topics.REARM).success
    hal.until_armed()
    hal.until(lambda: hal.safety.accepted > 50, "accepted commands")
    assert hal.end() == 0
    assert hal.calls().damps[-1]
