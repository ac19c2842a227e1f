"""The way to torque, from the HAL's core to emulated boards: nothing is armed that must not be."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from humanoid_hal.cycle import Cycle
from humanoid_hal.driver import DriverError
from humanoid_hal.drivers.boards.options import BusOptions, JointOptions
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions
from humanoid_hal.drivers.mit.damiao_registers import Register
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.gate import Request
from humanoid_hal.hal import HalCore, Phase
from humanoid_hal.hardware import ArmingConfig, HardwareConfig

START = np.array([0.1, 0.2, 0.3])  # [rad] the emulated robot's pose `ready`
SAMPLES = 10


def options_of(robot, protocol, model, transport=""):
    joints = {
        name: JointOptions("bus", model, number) for number, name in enumerate(robot.joint_names, 1)
    }
    buses = {"bus": BusOptions(port="bus", protocol=protocol, transport=transport)}
    return EmulatedOptions(
        buses=buses, joints=joints, plant="motors", control_rate=200.0, reconnect=0.1
    )


class Controller:
    """Answers each sample with one command; says `position` [rad] instead of holding."""

    def __init__(self, make_request: Callable[..., Request]) -> None:
        self._make, self._sequence = make_request, 0
        self.position = START
        self.stamp: int | None = None

    def publish(self, sample) -> None:
        self.stamp = sample.stamp

    def take(self) -> Request | None:
        stamp, self.stamp = self.stamp, None
        if stamp is None:
            return None
        self._sequence += 1
        return self._make(stamp, self._sequence, position=list(self.position))

    def wait(self, timeout: float) -> bool:
        return False

    def rest(self) -> None:
        pass


class Chain:
    """Controller, core, driver and boards."""

    def __init__(self, robot, make_request, options, **arming) -> None:
        self.driver = EmulatedDriver(robot, options)
        config = HardwareConfig(
            "emulated",
            rate=200.0,
            arming=ArmingConfig(**{"samples": SAMPLES, "ramp": 0.1, **arming}),
        )
        # As on hardware, where a board without watchdog is a reason not to arm.
        capabilities = replace(self.driver.capabilities, simulated=False)
        self.core = HalCore(robot, config, capabilities)
        self.core.publishers = 1
        self.controller = Controller(make_request)
        self.cycle = Cycle(
            self.driver, self.core, config.period_ns, self.controller, self.controller.publish,
            lambda: False, paced=False, answer_timeout=0.01,
        )  # fmt: skip
        self.driver.open()
        self.motors = self.driver.emulator.plant.groups[0].motors
        self.boards = self.driver.emulator.buses["bus"].boards
        self.core.activate()

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.cycle.turn()

    def arm(self) -> None:
        self.turn(SAMPLES + 2)
        assert self.core.phase is Phase.ARMED, self.core.blockers()


@pytest.fixture
def chain(robot, make_request):
    made = []

    def make(protocol="damiao", model="DM-J8009", transport="slcan", **arming) -> Chain:
        made.append(
            Chain(robot, make_request, options_of(robot, protocol, model, transport), **arming)
        )
        return made[-1]

    yield make
    for each in made:
        each.driver.close()


def test_torque_comes_after_so_many_whole_samples_and_not_before(chain):
    one = chain()
    one.turn(SAMPLES - 1)
    assert not one.motors.powered.any()
    one.turn(2)
    assert one.motors.powered.all()


def test_a_joint_that_misses_once_starts_the_count_anew(chain):
    one = chain()
    one.turn(SAMPLES - 2)
    one.driver.emulator.inject("bus", BoardFault("off", 2))
    one.turn(2)
    one.boards.clear()
    one.turn(SAMPLES - 1)
    assert not one.motors.powered.any()
    one.turn(2)
    assert one.motors.powered.all()


def test_boards_get_the_measured_pose_for_their_goal_and_gains_that_grow(chain):
    one = chain()
    one.turn(SAMPLES + 1)
    assert one.motors.powered.all()
    stiffness = []
    for _ in range(25):
        one.turn()
        stiffness.append(one.motors.stiffness.copy())
        np.testing.assert_allclose(one.motors.position, START, atol=1e-3)
    stiffness = np.array(stiffness)
    assert (stiffness[0] < 25.0).all()
    assert (np.diff(stiffness, axis=0) >= 0.0).all()
    np.testing.assert_allclose(stiffness[-1], 100.0, rtol=2e-3)


def test_a_command_away_from_where_the_joints_stand_is_no_reason_for_torque(chain):
    one = chain()
    one.controller.position = START + np.array([0.0, 0.3, 0.0])
    one.turn(5 * SAMPLES)
    assert not one.motors.powered.any()
    assert any("knee by 0.30 rad" in text for text in one.core.blockers())
    one.controller.position = START
    one.turn(2)
    assert one.motors.powered.all()


def test_arming_sets_the_watchdog_of_every_board(chain):
    one = chain()
    assert all(memory.values[Register.TIMEOUT] == 0 for memory in one.boards.memory)
    one.arm()
    assert all(memory.values[Register.TIMEOUT] > 0 for memory in one.boards.memory)


def test_a_watchdog_that_cannot_be_set_leaves_all_torque_off(chain, monkeypatch):
    one = chain()

    class Stubborn(dict):
        def __setitem__(self, register, value):
            super().__setitem__(register, 0 if register == Register.TIMEOUT else value)

    one.boards.memory[1].values = Stubborn(one.boards.memory[1].values)
    one.turn(SAMPLES + 2)
    assert one.core.phase is Phase.STOPPED
    assert any("refused: " in text and "knee (id 2)" in text for text in one.core.blockers())
    one.driver.emulator.pump()
    assert not one.motors.powered.any()


def test_boards_without_a_watchdog_are_refused_unless_that_is_accepted(chain):
    without = ("unitree_go", "GO-M8010-6", "")
    one = chain(*without)
    one.turn(3 * SAMPLES)
    assert not one.motors.powered.any()
    assert any("no watchdog" in text for text in one.core.blockers())
    other = chain(*without, accept_no_board_watchdog=True)
    other.turn(SAMPLES + 2)
    assert other.motors.powered.all()


def test_another_model_than_the_file_says_is_refused_before_torque_is_thought_of(
    robot, monkeypatch
):
    from humanoid_hal.emulation.dynamixel.servo import Servo

    begin = Servo.__init__

    def other_model(self, motors, index, model):
        begin(self, motors, index, model)
        self.set("model_number", 1020 if index == 1 else self.get("model_number"))

    monkeypatch.setattr(Servo, "__init__", other_model)
    driver = EmulatedDriver(robot, options_of(robot, "dynamixel", "XH540-W270"))
    with pytest.raises(DriverError, match=r"knee \(id 2\)"):
        driver.open()
    driver.close()


def test_a_bus_that_comes_back_stays_without_torque_until_it_is_armed_again(chain):
    one = chain()
    one.arm()
    one.driver.bench.unplug()
    one.turn(5)
    assert one.core.phase is Phase.STOPPED
    one.driver.bench.mend()
    for _ in range(2000):
        one.turn()
        if one.core.checks.complete:
            break
    one.turn(5 * SAMPLES)
    assert one.core.checks.complete
    assert not one.motors.powered.any()
    assert one.core.rearm() != ()  # it says so until the HAL is deactivated
    one.cycle.brake()
    one.turn(2)
    one.core.rearm()
    one.core.activate()
    one.turn(SAMPLES + 2)
    assert one.core.phase is Phase.ARMED, one.core.blockers()
    assert one.motors.powered.all()
