"""RobStride boards on the private protocol: found, armed with their watchdog, driven, and watched."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.robstride import parameters
from humanoid_hal.drivers.robstride.protocol import RobStrideOptions, RobStrideProtocol
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.robstride import RobStrideBoards

DEVICES = (Device("hip", 1, "RS04"), Device("knee", 127, "RS01"))
HOLD = Command(*(np.full(2, v) for v in (0.5, 0.1, 1.0, 20.0, 1.0)))


@pytest.fixture
def boards() -> RobStrideBoards:
    motors = Motors(DEVICES)
    motors.position[:] = 0.1, -0.2
    return RobStrideBoards(motors)


@pytest.fixture
def link(wire: Callable[[Any], Any], boards: RobStrideBoards) -> Any:
    return wire(boards)


@pytest.fixture
def protocol(link: Any) -> RobStrideProtocol:
    protocol = RobStrideProtocol(DEVICES)
    link.converse(protocol.startup())
    return protocol


def test_commands_reach_the_shafts_and_are_answered_with_the_state(
    protocol: RobStrideProtocol, link: Any, boards: RobStrideBoards
) -> None:
    assert not boards.motors.powered.any()
    link.converse(protocol.enable(True))
    assert [ram[parameters.CAN_TIMEOUT.index] for ram in boards.ram] == [2000, 2000]
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    motors = boards.motors
    for told, wanted in zip(
        (motors.target, motors.speed, motors.effort, motors.stiffness, motors.damping),
        (0.5, 0.1, 1.0, 20.0, 1.0),
        strict=True,
    ):
        np.testing.assert_allclose(told, wanted, atol=0.04)
    np.testing.assert_allclose(readings.position, [0.1, -0.2], atol=2e-4)
    assert readings.fresh.all()
    assert readings.faults == ()
    assert (protocol.counters.foreign, protocol.counters.corrupt) == (0, 0)


def test_the_watchdog_acts_and_says_so(
    protocol: RobStrideProtocol, link: Any, boards: RobStrideBoards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    link.wait(0.2)
    assert not boards.motors.powered.any()
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert {f.name for f in readings.faults} == {"board_rebooted"}


def test_a_cybergear_has_no_watchdog_and_says_so(wire: Callable[[Any], Any]) -> None:
    gear = (Device("arm", 3, "CyberGear"),)
    link = wire(RobStrideBoards(Motors(gear)))
    with pytest.raises(BoardError, match=r"arm \(id 3\) has no parameter 0x7028.*watchdog to 0"):
        link.converse(RobStrideProtocol(gear).enable(True))
    without = RobStrideProtocol(gear, RobStrideOptions(watchdog=0.0))
    link.converse(without.enable(True))
    assert not RobStrideProtocol.has_watchdog(without.options)
    assert RobStrideProtocol.has_watchdog(None)


def test_a_model_with_another_position_scale_is_refused(link: Any, boards: RobStrideBoards) -> None:
    boards.scales = codec.Scales(np.array([12.5, 4 * np.pi]), *boards.scales.full[1:])
    boards.motors.position[0] = 6.0
    with pytest.raises(BoardError, match=r"hip \(id 1\).*RS04.*0x7019 6\.000"):
        link.converse(RobStrideProtocol(DEVICES).startup())


@pytest.mark.parametrize(
    ("word", "value", "fault"),
    [
        ("overheat", 150.0, "over_temperature"),
        ("brownout", 9.0, "under_voltage"),
        ("overload", 0.0, "overload"),
    ],
)
def test_what_happens_to_a_board_is_a_fault_of_the_table(
    protocol: RobStrideProtocol,
    link: Any,
    boards: RobStrideBoards,
    word: Any,
    value: float,
    fault: str,
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault(word, 127, value))
    link.wait(0.002)
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    assert [(f.device, f.name) for f in readings.faults] == [(1, fault)]
    assert boards.motors.powered.tolist() == [True, False]


def test_a_fault_report_is_a_fault_until_armed_again(
    protocol: RobStrideProtocol, link: Any
) -> None:
    report = CanBatch.of([(EXTENDED | 0x1500_01FD, struct.pack("<II", 1 << 14, 0))])
    protocol.receive(report)
    (fault,) = link.cycle(protocol).faults
    assert (fault.device, fault.name, fault.reason) == (0, "overload", "stall overload")
    assert protocol.counters.foreign == 0
    link.converse(protocol.enable(True))
    assert link.cycle(protocol, HOLD).faults == ()
    protocol.receive(CanBatch.of([(EXTENDED | 0x1500_63FD, bytes(8))]))
    assert protocol.counters.foreign == 1  # of a board that is not ours


def test_one_dead_board_leaves_the_other_fresh(
    protocol: RobStrideProtocol, link: Any, boards: RobStrideBoards
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault("off", 1))
    readings = [link.cycle(protocol, HOLD) for _ in range(3)][-1]
    assert readings.fresh.tolist() == [False, True]
    assert len(protocol.retry()) == 1
    link.wait(0.0)
    with pytest.raises(BoardError, match=r"hip \(id 1\)"):
        link.converse(protocol.enable(False))
    assert not boards.motors.powered[1]


def test_tools(link: Any, boards: RobStrideBoards) -> None:
    tools = RobStrideProtocol.tools
    assert [(f.id, f.voltage) for f in link.converse(tools.scan())] == [(1, 24.0), (127, 24.0)]
    link.converse(tools.set_id(1, 5))
    assert [f.id for f in link.converse(tools.scan())] == [5, 127]
    link.converse(tools.write(5, "CAN_TIMEOUT", 4000))
    boards.reboot(0)
    assert link.converse(tools.read(5, "CAN_TIMEOUT")) == 4000
    link.converse(tools.set_baud(5, 500_000))
    link.converse(tools.reboot(5))
    for conversation, reason in (
        (tools.set_id(5, 127), "is taken"),
        (tools.set_id(5, 300), r"1\.\.127"),
        (tools.set_baud(5, 7), "no bit rate"),
        (tools.read(5, "VBUSS"), "VBUS"),
        (tools.read(9, "VBUS"), "does not answer"),
        (tools.reboot(9), "does not answer"),
    ):
        with pytest.raises(BoardError, match=reason):
            link.converse(conversation)
