"""The cycle against a fake clock, a fake driver and fake commands: no test sleeps."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from humanoid_description import RobotDescription
from humanoid_hal import cycle as module
from humanoid_hal.cycle import Cycle
from humanoid_hal.driver import Capabilities, Command, Driver, DriverError, Sample
from humanoid_hal.gate import Request
from humanoid_hal.hal import HalCore
from humanoid_hal.hardware import HardwareConfig

MS = 1_000_000
PERIOD = 2 * MS


class FakeClock:
    """Time passes by sleeping, waiting and, where asked, looking."""

    def __init__(self) -> None:
        self.now = 1000 * MS
        self.look = 0  # [ns] that a look takes
        self.slept: list[float] = []

    def monotonic_ns(self) -> int:
        self.now += self.look
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1e9)


class FakeDriver(Driver):
    """Stamps count periods once torque came; real ones follow the clock."""

    def __init__(self, clock: FakeClock, capabilities: Capabilities, make: Callable[..., Sample]):
        self.clock, self.capabilities, self.make = clock, capabilities, make  # type: ignore[misc]
        self.stamp = PERIOD
        self.started = False
        self.calls: list[object] = []
        self.broken = ""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self) -> Sample:
        if self.broken == "read":
            raise DriverError("bus lost")
        if not self.capabilities.simulated:
            self.clock.sleep(0.0002)
            self.stamp = self.clock.now
        elif self.started:
            self.stamp += PERIOD
        return self.make(self.stamp)

    def enable(self, on: bool) -> None:
        self.calls.append(on)
        if self.broken == "enable" or (self.broken == "arm" and on):
            raise DriverError("bus 'leg': id 3 does not answer")
        self.started = self.started or on

    def write(self, command: Command) -> None:
        if self.broken == "write":
            raise DriverError("bus lost")
        self.calls.append(command)


class FakeCommands:
    """A controller that answers every published sample after `delay` [s]; None: never."""

    def __init__(self, clock: FakeClock, make: Callable[..., Request]) -> None:
        self.clock, self.make = clock, make
        self.delay: float | None = 0.0005
        self.queue: list[Request | Exception] = []
        self.sequence = 0
        self.answered = -1
        self.waits: list[float] = []
        self.rests = 0

    def publish(self, sample: Sample) -> None:
        self.sample = sample

    def take(self) -> Request | None:
        if not self.queue:
            return None
        first = self.queue.pop(0)
        if isinstance(first, Exception):
            raise first
        return first

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        if self.delay is None or self.delay > timeout:
            self.clock.now += round(min(timeout, 0.05) * 1e9)
            return False
        self.clock.now += round(self.delay * 1e9)
        if self.sample.stamp != self.answered:
            self.sequence += 1
            self.answered = self.sample.stamp
        self.queue.append(self.make(self.sample.stamp, self.sequence))
        return True

    def rest(self) -> None:
        self.rests += 1


@pytest.fixture
def rig(
    robot: RobotDescription,
    config: HardwareConfig,
    make_sample: Callable[..., Sample],
    make_request: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., SimpleNamespace]:
    def make(capabilities: Capabilities, **options: object) -> SimpleNamespace:
        clock = FakeClock()
        monkeypatch.setattr(module, "time", clock)
        driver = FakeDriver(clock, capabilities, make_sample)
        commands = FakeCommands(clock, make_request)
        core = HalCore(robot, config, capabilities)
        core.activate()
        state = SimpleNamespace(stop=False)
        cycle = Cycle(
            driver, core, PERIOD, commands, commands.publish, lambda: state.stop, **options
        )
        return SimpleNamespace(
            clock=clock, driver=driver, commands=commands, core=core, cycle=cycle, state=state
        )

    return make


def arm(rig: SimpleNamespace) -> None:
    for _ in range(10):
        rig.cycle.turn()
    assert rig.core.enabled


def test_a_standing_world_is_looked_at_100_times_a_second(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    r.core.deactivate()
    for _ in range(3):
        r.cycle.turn()
    start = r.clock.now
    for _ in range(50):
        r.cycle.turn()
    assert r.clock.now - start == pytest.approx(500 * MS, abs=20 * MS)
    assert r.core.cycles == 0


def test_a_paced_simulation_takes_one_period_per_step(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    start, stamp = r.clock.now, r.cycle.stamp
    for _ in range(100):
        r.cycle.turn()
    assert r.clock.now - start == 100 * PERIOD
    assert r.cycle.stamp - stamp == 100 * PERIOD
    assert r.core.overruns == 0
    assert r.core.cycles >= 100


def test_a_busy_wait_keeps_the_period_without_sleep(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated, busy_wait=True)
    r.clock.look = 1000
    arm(r)
    r.clock.slept.clear()
    start = r.clock.now
    for _ in range(100):
        r.cycle.turn()
    assert r.clock.now - start == pytest.approx(100 * PERIOD, abs=PERIOD)
    assert r.clock.slept == []
    assert r.core.overruns == 0


def test_a_busy_wait_still_sleeps_while_the_world_stands(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated, busy_wait=True)
    r.clock.look = 1000
    r.core.deactivate()
    for _ in range(3):
        r.cycle.turn()
    assert r.clock.slept


def test_a_free_running_simulation_never_sleeps(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated, paced=False)
    arm(r)
    r.clock.slept.clear()
    for _ in range(100):
        r.cycle.turn()
    assert r.clock.slept == []
    assert r.core.cycles == 0


def test_a_late_cycle_is_skipped_and_never_caught_up(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    r.clock.now += 100 * MS
    r.cycle.turn()
    start = r.clock.now
    for _ in range(10):
        r.cycle.turn()
    assert r.clock.now - start == 10 * PERIOD
    assert r.core.overruns == 1


def test_latency_is_from_the_end_of_read_to_the_end_of_write(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    before = r.cycle.latency.count
    for _ in range(20):
        r.cycle.turn()
    assert r.cycle.latency.count == before + 20
    assert r.cycle.latency.largest == MS // 2


def test_a_lost_controller_is_waited_for_once_then_damped_in_steps_of_real_time(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated, paced=False, answer_timeout=1.0)
    arm(r)
    r.commands.delay = None
    start, stamp = r.clock.now, r.cycle.stamp
    r.cycle.turn()
    assert r.clock.now - start == 1000 * MS
    assert r.commands.rests == 20
    while r.core.phase.value == "armed":
        r.cycle.turn()
    # 40 ms of patience, 300 ms of hold, in steps of real time
    assert r.cycle.stamp - stamp == pytest.approx(342 * MS, abs=PERIOD)
    assert r.clock.now - start == pytest.approx(1342 * MS, abs=2 * PERIOD)


def test_a_controller_that_comes_back_is_in_lock_step_again(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated, paced=False)
    arm(r)
    r.commands.delay = None
    r.cycle.turn()
    r.cycle.turn()
    r.commands.delay = 0.0005
    r.cycle.turn()
    r.commands.delay = 0.5
    r.cycle.turn()
    assert r.commands.waits[-1] == 1.0
    assert r.core.supervisor.reaction == 0


def test_on_hardware_the_answer_is_waited_for_during_most_of_the_period(
    rig: Callable[..., SimpleNamespace], on_hardware: Capabilities
) -> None:
    r = rig(on_hardware)
    arm(r)
    r.commands.delay = None
    count = r.cycle.latency.count
    r.cycle.turn()
    assert r.commands.waits[-1] == pytest.approx(0.0018)
    assert r.cycle.latency.count == count
    assert r.driver.calls[-1].stiffness.tolist() == [100.0] * 3


def test_a_flood_ends_the_wait_and_is_told(
    rig: Callable[..., SimpleNamespace],
    simulated: Capabilities,
    make_request: Callable[..., Request],
) -> None:
    r = rig(simulated)
    arm(r)
    r.commands.queue = [make_request(1, 1, effort=[9.0] * 3) for _ in range(20)]
    r.cycle.turn()
    assert len(r.commands.queue) == 12
    assert any(text.startswith("command_flood") for text in r.core.supervisor.active)
    assert r.driver.calls[-1].effort.tolist() == [0.0] * 3


def test_a_message_that_cannot_be_read_is_a_rejection(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    r.commands.queue = [ValueError("garbage")]
    r.cycle.turn()
    assert "command_rejected: cannot be read: garbage" in r.core.supervisor.active
    assert r.driver.calls[-1].stiffness.tolist() == [100.0] * 3


def test_a_request_to_stop_ends_the_wait(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated, answer_timeout=600.0)
    arm(r)
    r.commands.delay = None
    r.state.stop = True
    start = r.clock.now
    r.cycle.turn()
    assert r.clock.now - start <= PERIOD


def test_braking_writes_five_damp_frames_then_takes_torque_off(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    count = len(r.driver.calls)
    r.cycle.brake()
    *frames, off = r.driver.calls[count:]
    assert off is False
    assert len(frames) == 5
    for frame in frames:
        assert not np.any(frame.stiffness)
        assert np.all(frame.damping > 0.0)
    r.cycle.brake()
    assert len(r.driver.calls) == count + 6


@pytest.mark.parametrize("broken", ["read", "write"])
def test_braking_takes_torque_off_even_on_a_broken_bus(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities, broken: str
) -> None:
    r = rig(simulated)
    arm(r)
    r.driver.broken = broken
    with pytest.raises(DriverError, match="bus lost"):
        r.cycle.brake()
    assert r.driver.calls[-1] is False
    assert not r.core.enabled


def test_torque_off_is_a_zero_command_then_the_switch(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    r.core.emergency_stop("test")
    r.cycle.turn()
    zero, off = r.driver.calls[-2:]
    assert off is False
    assert not np.any([zero.effort, zero.stiffness, zero.damping, zero.velocity])
    count = len(r.driver.calls)
    r.cycle.turn()
    assert len(r.driver.calls) == count


@pytest.mark.parametrize(("broken", "why"), [("enable", "id 3"), ("write", "bus lost")])
def test_a_board_that_cannot_be_disarmed_is_told_and_the_cycle_goes_on(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities, broken: str, why: str
) -> None:
    r = rig(simulated)
    arm(r)
    r.core.emergency_stop("test")
    r.driver.broken = broken
    r.cycle.turn()
    assert r.driver.calls[-1] is False
    r.driver.broken = ""
    count = len(r.driver.calls)
    r.cycle.turn()
    assert any(
        text.startswith("torque_off_unconfirmed") and why in text
        for text in r.core.supervisor.active
    )
    assert len(r.driver.calls) == count  # it was told once; the driver insists


def test_a_board_that_gives_no_torque_refuses_arming_and_ends_nothing(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    r.driver.broken = "arm"
    told = []
    for _ in range(10):
        r.cycle.turn()
        told += r.core.supervisor.active
    switched = [call for call in r.driver.calls if isinstance(call, bool)]
    assert switched == [True, False]  # tried once; off everywhere
    assert not any(np.any(call.stiffness) for call in r.driver.calls if call not in switched)
    assert r.core.phase.value == "stopped"
    assert not r.core.enabled
    assert any(text.startswith("arming_refused: bus 'leg'") for text in told)
    assert any(text.startswith("refused: bus 'leg': id 3") for text in r.core.blockers())
    r.driver.broken = ""
    assert r.core.rearm() == ()
    arm(r)
    assert r.driver.calls[-1].stiffness.tolist() == [100.0] * 3


def test_a_reset_world_is_not_braked(
    rig: Callable[..., SimpleNamespace], simulated: Capabilities
) -> None:
    r = rig(simulated)
    arm(r)
    count = len(r.driver.calls)
    r.cycle.world_was_reset()
    r.cycle.turn()
    r.cycle.brake()
    assert len(r.driver.calls) == count
