"""moteus boards: gains and time-out set and read back, driven, and watched."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.moteus.protocol import MoteusOptions, MoteusProtocol
from humanoid_hal.drivers.moteus.registers import FAULTS, Mode
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.moteus import MoteusBoards
from humanoid_hal.emulation.motors import Motors

DEVICES = (Device("hip", 1, "moteus"), Device("knee", 12, "moteus"))
HOLD = Command(*(np.full(2, v) for v in (0.5, 0.1, 1.0, 20.0, 1.0)))
OPTIONS = MoteusOptions(watchdog=0.05, stiffness_max=200.0, damping_max=10.0)


@pytest.fixture
def boards() -> MoteusBoards:
    motors = Motors(DEVICES)
    motors.position[:] = 0.1, -20.0
    return MoteusBoards(motors)


@pytest.fixture
def link(wire: Callable[[Any], Any], boards: MoteusBoards) -> Any:
    return wire(boards)


@pytest.fixture
def protocol(link: Any) -> MoteusProtocol:
    protocol = MoteusProtocol(DEVICES, OPTIONS)
    assert link.converse(protocol.startup()) == ()
    return protocol


def test_the_state_is_read_without_torque(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards
) -> None:
    readings = link.cycle(protocol)
    np.testing.assert_allclose(readings.position, [0.1, -20.0], atol=1e-5)
    assert readings.voltage.tolist() == [24.0, 24.0]
    assert readings.faults == ()
    assert not boards.motors.powered.any()


def test_arming_sets_gains_and_time_out_and_reads_them_back(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards
) -> None:
    link.converse(protocol.enable(True))
    for board in boards.boards:
        config = board.config
        assert config["servo.default_timeout_s"] == pytest.approx(0.05)
        assert config["servo.pid_position.ki"] == 0.0
        assert config["servo.pid_position.kp"] == pytest.approx(200.0 * 2 * np.pi)
    assert boards.motors.powered.all()
    assert not boards.motors.stiffness.any()


def test_commands_reach_the_shafts(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards
) -> None:
    link.converse(protocol.enable(True))
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    motors = boards.motors
    for told, wanted in zip(
        (motors.target, motors.speed, motors.effort, motors.stiffness, motors.damping),
        (0.5, 0.1, 1.0, 20.0, 1.0),
        strict=True,
    ):
        np.testing.assert_allclose(told, wanted, rtol=1e-3)
    assert readings.fresh.all()
    assert (protocol.counters.foreign, protocol.counters.corrupt) == (0, 0)


def test_the_time_out_acts_says_so_and_ends_only_when_armed_again(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    link.wait(0.06)
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert [f.name for f in readings.faults] == ["board_rebooted"] * 2
    assert not boards.motors.powered.any()
    link.converse(protocol.enable(True))
    assert boards.motors.powered.all()


def test_a_board_that_restarted_takes_no_torque_until_armed_again(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards
) -> None:
    """Every command says "torque on", and the board would obey with the gains that it has stored."""
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    boards.reboot(1)
    for _ in range(20):
        link.wait(0.002)
        readings = link.cycle(protocol, HOLD)
        assert boards.motors.powered.tolist() == [True, False]
    assert [(f.device, f.name) for f in readings.faults] == [(1, "board_rebooted")]
    link.converse(protocol.enable(True))
    assert boards.motors.powered.all()
    assert boards.boards[1].config["servo.pid_position.kp"] == pytest.approx(200.0 * 2 * np.pi)


def test_a_setting_that_does_not_hold_refuses_to_arm(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = boards._command

    def forget(index: int, words: list[str]) -> str:
        answer = command(index, words)
        boards.boards[index].config["servo.default_timeout_s"] = 10.0
        return answer

    monkeypatch.setattr(boards, "_command", forget)
    with pytest.raises(BoardError, match=r"default_timeout_s reads 10 after writing 0\.05"):
        link.converse(protocol.enable(True))
    assert not boards.motors.powered.any()


@pytest.mark.parametrize("code", [*FAULTS, 99])
def test_every_fault_is_one_of_the_table(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards, code: int
) -> None:
    link.converse(protocol.enable(True))
    boards._fail(1, code)
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    ((device, name),) = [(f.device, f.name) for f in readings.faults]
    assert (device, name) == (1, FAULTS.get(code, ("unknown_fault", ""))[0])


@pytest.mark.parametrize(
    ("word", "value", "fault"),
    [
        ("overheat", 90.0, "over_temperature"),
        ("brownout", 9.0, "under_voltage"),
        ("overload", 0.0, "overload"),
        ("reboot", 0.0, "board_rebooted"),
    ],
)
def test_what_happens_to_a_board_is_a_fault_of_the_table(
    protocol: MoteusProtocol, link: Any, boards: MoteusBoards, word: Any, value: float, fault: str
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault(word, 12, value))
    link.wait(0.002)
    protocol.request()  # what is heard was asked for
    protocol.receive(link.exchange(protocol.poll([1, 12])))
    assert [(f.device, f.name) for f in protocol.readings().faults] == [(1, fault)]


def test_a_silent_board_is_named(link: Any, boards: MoteusBoards) -> None:
    boards.present[1] = False
    with pytest.raises(BoardError, match=r"knee \(id 12\)"):
        link.converse(MoteusProtocol(DEVICES).startup())


def test_gains_beyond_the_option_are_said_to_be_cut(protocol: MoteusProtocol, link: Any) -> None:
    link.converse(protocol.enable(True))
    stiff = Command(HOLD.position, HOLD.velocity, HOLD.effort, np.array([1, 300.0]), HOLD.damping)
    readings = [link.cycle(protocol, stiff) for _ in range(2)][-1]
    assert [(f.device, f.name) for f in readings.faults] == [(1, "command_limit")]


def test_tools(link: Any, boards: MoteusBoards) -> None:
    tools = MoteusProtocol.tools
    found = link.converse(tools.scan())
    assert [(f.id, f.model, f.voltage) for f in found] == [
        (1, "moteus", 24.0),
        (12, "moteus", 24.0),
    ]
    link.converse(tools.set_id(12, 3))
    boards.reboot(1)
    assert [f.id for f in link.converse(tools.scan([1, 3, 12]))] == [1, 3]
    link.converse(tools.write(3, "servo.default_timeout_s", 0.2))
    assert link.converse(tools.read(3, "servo.default_timeout_s")) == pytest.approx(0.2)
    boards.boards[1].mode = Mode.TIMEOUT
    link.converse(tools.reboot(3))
    assert boards.boards[1].mode == Mode.STOPPED
    for conversation, reason in (
        (tools.set_id(3, 1), "is taken"),
        (tools.set_id(3, 200), r"1\.\.126"),
        (tools.set_baud(3, 500_000), "one bit rate"),
        (tools.read(3, "servo.nothing"), "ERR"),
        (tools.reboot(99), "does not answer"),
    ):
        with pytest.raises(BoardError, match=reason):
            link.converse(conversation)
