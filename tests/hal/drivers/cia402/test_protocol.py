"""CiA 402 drives: configured, armed with their heartbeat consumer, driven on SYNC, and watched."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.can import joined
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.can.frames import select
from humanoid_hal.driver import Command
from humanoid_hal.drivers.cia402 import codec, objects
from humanoid_hal.drivers.cia402.protocol import (
    SILENT_CYCLES,
    CiA402Options,
    CiA402Protocol,
)
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.cia402 import GEAR, INCREMENTS, CiA402Boards
from humanoid_hal.emulation.motors import Motors

DEVICES = (Device("hip", 1, ""), Device("knee", 12, ""))
HOLD = Command(*(np.full(2, v) for v in (0.5, 0.1, 1.0, 20.0, 2.0)))
TORQUE = CiA402Options(mode="cst")


@pytest.fixture
def boards() -> CiA402Boards:
    motors = Motors(DEVICES)
    motors.position[:] = 0.1, -20.0
    return CiA402Boards(motors)


@pytest.fixture
def link(wire: Callable[[Any], Any], boards: CiA402Boards) -> Any:
    return wire(boards)


@pytest.fixture
def protocol(link: Any) -> CiA402Protocol:
    protocol = CiA402Protocol(DEVICES)
    assert link.converse(protocol.startup()) == ()
    return protocol


def later(protocol: CiA402Protocol, link: Any, seconds: float = 0.002) -> Any:
    """The readings of a cycle after some time, with what drives sent by themselves."""
    link.now += seconds
    protocol.receive(joined([reply.payload for reply in link.boards.tick(link.now)]))
    return link.cycle(protocol, HOLD)


def test_the_state_comes_with_sync_in_the_drives_own_units(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    boards.motors.velocity[:] = 1.0, -2.0
    boards.motors.torque[:] = 3.0, -4.0
    readings = link.cycle(protocol)
    np.testing.assert_allclose(readings.position, [0.1, -20.0], atol=1e-5)
    np.testing.assert_allclose(readings.velocity, [1.0, -2.0], atol=1e-5)
    np.testing.assert_allclose(readings.effort, [3.0, -4.0], atol=6e-3)
    assert readings.fresh.all()
    assert readings.faults == ()
    assert not boards.motors.powered.any()


def test_arming_sets_watchdog_and_target_and_goes_through_the_state_machine(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    link.converse(protocol.enable(True))
    assert boards.motors.powered.all()
    np.testing.assert_allclose(boards.motors.target, [0.1, -20.0], atol=1e-5)
    for values in boards.dictionary:
        assert values[0x1016, 1] == 127 << 16 | 100
        assert values[0x6007, 0] == objects.DISABLE_VOLTAGE
        assert values[0x6060, 0] == objects.CSP


def test_positions_are_followed_with_the_next_sync(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    link.cycle(protocol)
    np.testing.assert_allclose(boards.motors.target, 0.5, atol=1e-5)
    assert boards.motors.stiffness.all()
    assert not CiA402Protocol.honours_effort(None)
    link.converse(protocol.enable(False))
    assert not boards.motors.powered.any()


def test_in_mode_cst_the_torque_law_is_computed_here(link: Any, boards: CiA402Boards) -> None:
    boards.motors.position[:] = 0.1, 0.2
    boards.motors.velocity[:] = 0.5, -0.5
    protocol = CiA402Protocol(DEVICES, TORQUE)
    link.converse(protocol.startup())
    link.converse(protocol.enable(True))
    for _ in range(2):
        link.cycle(protocol, HOLD)
    expected = 1.0 + 20.0 * (0.5 - np.array([0.1, 0.2])) + 2.0 * (0.1 - np.array([0.5, -0.5]))
    np.testing.assert_allclose(boards.motors.effort, expected, atol=0.006)
    assert not boards.motors.stiffness.any()
    assert CiA402Protocol.honours_effort(TORQUE)


def test_without_the_hosts_heartbeat_the_drive_switches_off_and_says_so(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    assert later(protocol, link, 0.2).faults[0].name == "board_rebooted"
    assert not boards.motors.powered.any()
    link.converse(protocol.enable(True))  # resets the fault, on request only
    assert boards.motors.powered.all()


@pytest.mark.parametrize(
    ("word", "value", "fault"),
    [
        ("overheat", 120.0, "over_temperature"),
        ("brownout", 9.0, "under_voltage"),
        ("overload", 0.0, "overload"),
    ],
)
def test_what_happens_to_a_drive_is_a_fault_of_the_table(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards, word: Any, value: float, fault: str
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault(word, 12, value))
    assert [(f.device, f.name) for f in later(protocol, link).faults] == [(1, fault)]
    assert boards.motors.powered.tolist() == [True, False]


def test_a_restarted_drive_is_silent_until_started_again(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault("reboot", 12))
    assert later(protocol, link).fresh.tolist() == [True, False]
    assert not boards.motors.powered[1]
    link.converse(protocol.startup())
    assert link.cycle(protocol).fresh.all()


def test_a_drive_that_is_none_is_refused(link: Any, boards: CiA402Boards) -> None:
    boards.dictionary[1][0x1000, 0] = 0x191
    with pytest.raises(BoardError, match=r"knee \(id 12\).*no drive of CiA 402"):
        link.converse(CiA402Protocol(DEVICES).startup())


def test_units_that_make_no_sense_are_refused(link: Any, boards: CiA402Boards) -> None:
    boards.dictionary[0][0x6076, 0] = 0
    with pytest.raises(BoardError, match=r"hip \(id 1\).*6076"):
        link.converse(CiA402Protocol(DEVICES).startup())


def test_an_aborted_access_says_what_and_why(link: Any, boards: CiA402Boards) -> None:
    del boards.dictionary[0][0x1016, 1]
    protocol = CiA402Protocol(DEVICES)
    link.converse(protocol.startup())
    with pytest.raises(BoardError, match=r"hip \(id 1\): writing .* to 1016:1: no such object"):
        link.converse(protocol.enable(True))
    assert not boards.motors.powered.any()


def test_a_drive_that_stays_faulty_refuses_to_arm(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    boards.inject(BoardFault("overheat", 12, 150.0))
    with pytest.raises(BoardError, match=r"knee \(id 12\) stays .*temperature"):
        link.converse(protocol.enable(True))
    assert not boards.motors.powered.any()


def test_stop_takes_torque_off_all(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    link.converse(protocol.enable(True))
    link.exchange(protocol.stop())
    assert not boards.motors.powered.any()


def test_stop_aims_no_drive_at_zero(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    """Drives may look at a target until their output stage is off."""
    link.cycle(protocol)
    link.exchange(protocol.stop())
    aims = np.array([entry[objects.TARGET_POSITION.index, 0] for entry in boards.dictionary])
    radian = 2.0 * np.pi / (INCREMENTS * GEAR)
    np.testing.assert_allclose(aims * radian, boards.motors.position, atol=radian)


def test_a_drive_that_never_told_where_it_is_is_stopped_all_the_same(
    protocol: CiA402Protocol, link: Any, boards: CiA402Boards
) -> None:
    link.converse(protocol.enable(True))
    unheard = CiA402Protocol(DEVICES)
    frames = unheard.stop()
    assert not [i for i, _ in frames.frames() if i & 0x780 == codec.RPDO1]
    link.exchange(frames)
    assert not boards.motors.powered.any()


@pytest.mark.parametrize("mode", ["csp", "cst"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_command_that_is_not_finite_is_refused(link: Any, mode: Any, bad: float) -> None:
    protocol = CiA402Protocol(DEVICES, CiA402Options(mode=mode))
    link.converse(protocol.startup())
    position = np.array([bad, 0.0])
    with pytest.raises(BoardError, match="not finite"):
        protocol.command(Command(position, *(np.zeros(2) for _ in range(4))))


def test_the_host_must_have_an_id_of_its_own() -> None:
    with pytest.raises(BoardError, match="host 12 is the node id"):
        CiA402Protocol(DEVICES, CiA402Options(host=12))


def test_tools(link: Any, boards: CiA402Boards) -> None:
    tools = CiA402Protocol.tools
    assert [(f.id, f.model) for f in link.converse(tools.scan())] == [
        (1, "CiA 402"),
        (12, "CiA 402"),
    ]
    link.converse(tools.write(12, "1016:1", 100))
    assert link.converse(tools.read(12, "1016:1")) == 100
    assert link.converse(tools.read(12, "6064:0:i4")) == round(-20.0 / boards.increment)
    link.converse(tools.reboot(12))
    for conversation, reason in (
        (tools.set_id(1, 2), "LSS"),
        (tools.set_baud(1, 500_000), "LSS"),
        (tools.read(1, "position"), "6064:0:i4"),
        (tools.read(1, "2000:0"), "no such object"),
        (tools.read(40, "6064:0"), "does not answer"),
    ):
        with pytest.raises(BoardError, match=reason):
            link.converse(conversation)


def test_a_drive_that_is_silent_gets_no_torque_of_its_last_readings(link: Any) -> None:
    protocol = CiA402Protocol(DEVICES, TORQUE)
    link.converse(protocol.startup())
    link.converse(protocol.enable(True))
    for _ in range(SILENT_CYCLES):
        assert codec.RPDO1 + 1 in dict(protocol.command(HOLD).frames())
        answers = link.exchange(protocol.request())
        mine = (answers.ids & 0x7F) == 12
        protocol.receive(select(answers, mine))
        protocol.readings()
    torque = {
        identifier: int.from_bytes(payload[6:], "little", signed=True)
        for identifier, payload in protocol.command(HOLD).frames()
    }
    assert torque[codec.RPDO1 + 1] == 0
    assert torque[codec.RPDO1 + 12] != 0
