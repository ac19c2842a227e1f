"""Damiao boards: found, checked, armed with their watchdog, driven, and watched."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.can import joined
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mit.damiao import DamiaoOptions, DamiaoProtocol
from humanoid_hal.drivers.mit.damiao_registers import Register, Status
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.damiao import DamiaoBoards
from humanoid_hal.emulation.motors import Motors

DEVICES = (
    Device("hip", 1, "DM-J4310"),
    Device("knee", 2, "DM-J8009"),
    Device("ankle", 3, "DM-J4340"),  # its sources disagree: the board decides
)
HOLD = Command(*(np.full(3, v) for v in (0.5, 0.0, 1.0, 20.0, 1.0)))


@pytest.fixture
def boards() -> DamiaoBoards:
    motors = Motors(DEVICES)
    motors.position[:] = 0.1, -0.2, 0.3
    return DamiaoBoards(motors)


@pytest.fixture
def link(wire: Callable[[Any], Any], boards: DamiaoBoards) -> Any:
    return wire(boards)


@pytest.fixture
def protocol(link: Any) -> DamiaoProtocol:
    protocol = DamiaoProtocol(DEVICES, DamiaoOptions(watchdog=0.1))
    assert link.converse(protocol.startup()) == ()
    return protocol


def test_start_up_leaves_torque_off_and_takes_the_scale_from_the_board(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    assert not boards.motors.powered.any()
    assert not any(payload == b"\xff" * 7 + b"\xfc" for _, payload in link.log)
    readings = link.cycle(protocol)
    np.testing.assert_allclose(readings.position, [0.1, -0.2, 0.3], atol=2e-4)
    assert readings.fresh.all()
    assert readings.temperature.tolist() == [25.0, 25.0, 25.0]
    assert readings.faults == ()


def test_another_scale_on_the_board_is_refused_with_both_values(link: Any) -> None:
    link.boards.memory[1].values[Register.TMAX] = 40.0
    with pytest.raises(BoardError, match=r"knee \(id 2\).*45 rad/s, 40 N m.*54 N m"):
        link.converse(DamiaoProtocol(DEVICES).startup())


def test_a_scale_changed_on_purpose_is_stated(link: Any) -> None:
    link.boards.memory[1].values[Register.TMAX] = 40.0
    stated = {"position_max": 12.5, "velocity_max": 45.0, "torque_max": 40.0}
    devices = (DEVICES[0], Device("knee", 2, "DM-J8009", settings=stated), DEVICES[2])
    link.converse(DamiaoProtocol(devices).startup())


def test_a_wrong_stated_scale_is_refused(link: Any) -> None:
    stated = {"position_max": 12.5, "velocity_max": 45.0, "torque_max": 40.0}
    devices = (DEVICES[0], Device("knee", 2, "DM-J8009", settings=stated), DEVICES[2])
    with pytest.raises(BoardError, match="hardware file says"):
        link.converse(DamiaoProtocol(devices).startup())


def test_a_board_in_another_mode_is_put_into_mit_mode(link: Any) -> None:
    link.boards.memory[0].values[Register.CTRL_MODE] = 2
    link.converse(DamiaoProtocol(DEVICES).startup())
    assert link.boards.memory[0].values[Register.CTRL_MODE] == 1


def test_silent_boards_are_named(link: Any) -> None:
    link.boards.present[[0, 2]] = False
    with pytest.raises(BoardError, match=r"hip \(id 1\), ankle \(id 3\).*humanoid scan"):
        link.converse(DamiaoProtocol(DEVICES).startup())


def test_another_feedback_identifier_is_refused(link: Any) -> None:
    link.boards.memory[2].values[Register.MST_ID] = 0
    with pytest.raises(BoardError, match=r"ankle \(id 3\).*MST_ID.*master_id"):
        link.converse(DamiaoProtocol(DEVICES).startup())


def test_arming_sets_every_watchdog_and_reads_it_back(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    link.converse(protocol.enable(True))
    assert boards.motors.powered.all()
    assert [memory.values[Register.TIMEOUT] for memory in boards.memory] == [2000] * 3
    assert not boards.motors.stiffness.any()


def test_a_watchdog_that_does_not_hold_its_value_refuses_to_arm(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = boards._access

    def forget(index: int, asked: Any) -> Any:
        answer = access(index, asked)
        boards.memory[index].values[Register.TIMEOUT] = 0
        return answer

    monkeypatch.setattr(boards, "_access", forget)
    with pytest.raises(BoardError, match="TIMEOUT reads 0 after writing 2000"):
        link.converse(protocol.enable(True))
    assert not boards.motors.powered.any()


def test_commands_reach_the_shafts_and_open_the_next_cycle(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    np.testing.assert_allclose(boards.motors.target, 0.5, atol=2e-4)
    np.testing.assert_allclose(boards.motors.stiffness, 20.0, atol=0.07)
    boards.motors.position[:] = 0.4
    assert len(protocol.request()) == 0  # the command was the request
    assert protocol.complete
    readings = protocol.readings()
    np.testing.assert_allclose(readings.position, [0.1, -0.2, 0.3], atol=2e-4)
    assert protocol.counters.foreign == 0


def test_one_dead_board_leaves_the_others_fresh(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    link.converse(protocol.enable(True))
    boards.present[1] = False
    for _ in range(5):
        readings = link.cycle(protocol, HOLD)
    assert readings.fresh.tolist() == [True, False, True]
    assert [i for i, _ in protocol.retry().frames()] == [2]


def test_a_board_whose_watchdog_acted_says_so(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    link.wait(0.2)
    assert not boards.motors.stiffness.any()
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert {(f.device, f.name) for f in readings.faults} == {
        (i, "board_rebooted") for i in range(3)
    }
    link.converse(protocol.enable(True))  # on request only
    assert boards.motors.powered.all()


def test_a_restarted_board_is_not_taken_for_enabled(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault("reboot", 2))
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert [(f.device, f.name) for f in readings.faults] == [(1, "board_rebooted")]
    assert not boards.motors.powered[1]


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (Status.OVER_VOLTAGE, "overload"),
        (Status.UNDER_VOLTAGE, "under_voltage"),
        (Status.OVER_CURRENT, "overload"),
        (Status.MOSFET_TEMPERATURE, "over_temperature"),
        (Status.ROTOR_TEMPERATURE, "over_temperature"),
        (Status.OVERLOAD, "overload"),
        (0x5, "unknown_fault"),
    ],
)
def test_every_status_is_a_fault_of_the_table(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards, status: int, fault: str
) -> None:
    link.converse(protocol.enable(True))
    boards.fail(2, status)
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert [(f.device, f.name) for f in readings.faults] == [(2, fault)]


def test_gains_beyond_the_boards_are_said_to_be_cut(protocol: DamiaoProtocol, link: Any) -> None:
    link.converse(protocol.enable(True))
    stiff = Command(
        HOLD.position, HOLD.velocity, HOLD.effort, HOLD.stiffness, np.array([1, 6.0, 1])
    )
    readings = [link.cycle(protocol, stiff) for _ in range(2)][-1]
    (fault,) = readings.faults
    assert (fault.device, fault.name) == (1, "command_limit")
    assert "damping 6 is cut at the board's 5" in fault.reason


def test_stop_takes_torque_off_all(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    link.converse(protocol.enable(True))
    link.exchange(protocol.stop())
    assert not boards.motors.powered.any()


def test_a_foreign_frame_is_counted_and_changes_nothing(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    before = link.cycle(protocol)
    boards.motors.position += 1.0
    protocol.receive(boards.state(np.array([0])))  # nobody asked
    protocol.receive(type(protocol.request()).of([(0x77, bytes(8))]))
    assert protocol.counters.foreign == 2
    readings = protocol.readings()
    np.testing.assert_array_equal(readings.position, before.position)
    assert not readings.fresh.any()


def test_one_question_is_answered_once(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards
) -> None:
    """The second answer in the same chunk is another board's with the same id."""
    before = link.cycle(protocol)
    answer = link.exchange(protocol.request())
    boards.motors.position += 1.0
    protocol.receive(joined([answer, boards.state(np.array([1]))]))
    assert protocol.counters.foreign == 1
    readings = protocol.readings()
    np.testing.assert_array_equal(readings.position, before.position)
    assert readings.fresh.all()


def test_a_command_that_is_not_finite_is_refused(protocol: DamiaoProtocol, link: Any) -> None:
    link.converse(protocol.enable(True))
    for bad in (np.nan, np.inf):
        stiffness = np.array([1.0, bad, 1.0])
        with pytest.raises(BoardError, match="not finite"):
            protocol.command(
                Command(HOLD.position, HOLD.velocity, HOLD.effort, stiffness, HOLD.damping)
            )


@pytest.mark.parametrize(
    ("word", "value", "fault"),
    [
        ("overheat", 120.0, "over_temperature"),
        ("brownout", 9.0, "under_voltage"),
        ("overload", 0.0, "overload"),
    ],
)
def test_what_happens_to_a_board_is_a_fault_of_the_table(
    protocol: DamiaoProtocol, link: Any, boards: DamiaoBoards, word: Any, value: float, fault: str
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault(word, 3, value))
    link.wait(0.002)
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert [(f.device, f.name) for f in readings.faults] == [(2, fault)]
    assert boards.motors.powered.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (Device("hip", 1, "DM-J4301"), "DM-J4310"),
        (Device("hip", 0, "DM-J4310"), "id must be in"),
        (Device("hip", 1, "DM-J4310", settings={"master": 1.0}), "no setting 'master'"),
        (Device("hip", 1, "DM-J4310", settings={"torque_max": 1.0}), "state all of"),
        (Device("hip", 1, "DM-J4310", settings={"master_id": 9999.0}), "master_id must be"),
    ],
)
def test_a_wrong_device_is_refused_before_any_port_is_open(device: Device, reason: str) -> None:
    with pytest.raises(BoardError, match=reason):
        DamiaoProtocol([device])


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(BoardError, match="has the id of"):
        DamiaoProtocol([Device("hip", 1, "DM-J4310"), Device("knee", 1, "DM-J4310")])


def test_boards_whose_replies_are_alike_are_refused() -> None:
    same = {"master_id": 0.0}
    devices = [Device("hip", i, "DM-J4310", settings=same) for i in (1, 17)]
    with pytest.raises(BoardError, match=r"hip \(id 17\) and hip \(id 1\) cannot be told apart"):
        DamiaoProtocol(devices)
    DamiaoProtocol([Device("hip", i, "DM-J4310", settings=same) for i in (1, 2)])


def test_tools_scan_set_an_id_and_keep_it(link: Any, boards: DamiaoBoards) -> None:
    tools = DamiaoProtocol.tools
    found = link.converse(tools.scan([1, 2, 9]))
    assert [(item.id, item.model, item.firmware, item.voltage) for item in found] == [
        (1, "DM-J3507 or DM-J4310 or DM-J4310-48V", "5013", 24.0),
        (2, "DM-J8009", "5013", 24.0),
    ]
    link.converse(tools.set_id(2, 9))
    boards.inject(BoardFault("reboot", 9))
    assert [item.id for item in link.converse(tools.scan())] == [1, 3, 9]
    with pytest.raises(BoardError, match="id 3 is taken"):
        link.converse(tools.set_id(1, 3))


def test_tools_read_write_and_refuse_unknown_registers(link: Any, boards: DamiaoBoards) -> None:
    tools = DamiaoProtocol.tools
    link.converse(tools.write(1, "OT_VALUE", 90.0))
    assert link.converse(tools.read(1, "OT_VALUE")) == 90.0
    link.converse(tools.set_baud(1, 500_000))
    assert boards.memory[0].stored[Register.CAN_BAUD] == 3
    with pytest.raises(BoardError, match="no register 'OT_VALU'"):
        link.converse(tools.read(1, "OT_VALU"))
    with pytest.raises(BoardError, match="no bit rate"):
        link.converse(tools.set_baud(1, 123))
    with pytest.raises(BoardError, match="does not answer"):
        link.converse(tools.read(99, "OT_VALUE"))
    boards.fail(0, Status.OVERLOAD)
    link.converse(tools.reboot(1))
    assert boards.status[0] == Status.DISABLED
