"""CubeMars AK and RobStride in MIT mode: boards that tell little, and what is made of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.mit.cubemars import ERRORS, CubeMarsProtocol
from humanoid_hal.drivers.mit.robstride import RobStrideMitProtocol
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.mit import CubeMarsBoards, RobStrideMitBoards
from humanoid_hal.emulation.motors import Motors

AK = (Device("hip", 1, "AK10-9"), Device("knee", 2, "AK10-9"))
RS = (Device("hip", 1, "RS04"), Device("knee", 2, "RS04"))
HOLD = Command(*(np.full(2, v) for v in (0.5, 0.0, 1.0, 20.0, 1.0)))
Made = tuple[Any, Any, Any]


@pytest.fixture(params=["ak8", "ak6", "rs"])
def bus(request: pytest.FixtureRequest, wire: Callable[[Any], Any]) -> Made:
    """Protocol, wire and boards after start-up, at 0.1 and -0.2 rad."""
    if request.param == "rs":
        boards: Any = RobStrideMitBoards(Motors(RS))
        protocol: Any = RobStrideMitProtocol(RS)
    else:
        boards, protocol = CubeMarsBoards(Motors(AK)), CubeMarsProtocol(AK)
        boards.length = 6 if request.param == "ak6" else 8
    boards.motors.position[:] = 0.1, -0.2
    link = wire(boards)
    assert link.converse(protocol.startup())  # remarks: the model cannot be checked
    return protocol, link, boards


def test_the_state_is_read_without_torque(bus: Made) -> None:
    protocol, link, boards = bus
    readings = link.cycle(protocol)
    assert readings.fresh.all()
    assert not boards.motors.powered.any()
    np.testing.assert_allclose(readings.position, [0.1, -0.2], atol=2e-4)
    short = getattr(boards, "length", 8) == 6
    np.testing.assert_allclose(readings.temperature, np.nan if short else 25.0)


def test_commands_reach_the_shafts(bus: Made) -> None:
    protocol, link, boards = bus
    link.converse(protocol.enable(True))
    readings = [link.cycle(protocol, HOLD) for _ in range(2)][-1]
    np.testing.assert_allclose(boards.motors.target, 0.5, atol=2e-4)
    np.testing.assert_allclose(boards.motors.stiffness, 20.0, atol=0.7)
    assert readings.fresh.all()
    assert readings.faults == ()
    assert protocol.counters.foreign == 0
    link.converse(protocol.enable(False))
    assert not boards.motors.powered.any()


def test_without_a_readable_watchdog_none_is_promised(bus: Made) -> None:
    assert not bus[0].has_watchdog(None)
    assert bus[0].honours_effort(None)


def test_a_scan_finds_boards_and_leaves_torque_off(bus: Made) -> None:
    protocol, link, boards = bus
    assert [item.id for item in link.converse(protocol.tools.scan())] == [1, 2]
    assert not boards.motors.powered.any()
    for refused in ("set_id", "set_baud"):
        with pytest.raises(BoardError, match="maker's program"):
            link.converse(getattr(protocol.tools, refused)(1, 2))


@pytest.mark.parametrize("error", [*ERRORS, 99])
def test_every_error_of_an_ak_is_a_fault_of_the_table(
    wire: Callable[[Any], Any], error: int
) -> None:
    boards = CubeMarsBoards(Motors(AK[:1]))
    protocol, link = CubeMarsProtocol(AK[:1]), wire(boards)
    link.converse(protocol.enable(True))
    boards.error[0] = error
    (fault,) = link.cycle(protocol).faults
    assert fault.name == ERRORS.get(error, ("unknown_fault", ""))[0]
    boards.error[0] = 0
    assert link.cycle(protocol).faults == ()


def test_a_faulty_robstride_refuses_to_arm_until_the_cause_is_gone(
    wire: Callable[[Any], Any],
) -> None:
    boards = RobStrideMitBoards(Motors(RS[:1]))
    protocol, link = RobStrideMitProtocol(RS[:1]), wire(boards)
    link.converse(protocol.startup())
    boards.inject(BoardFault("brownout", 1, 9.0))
    with pytest.raises(BoardError, match=r"hip \(id 1\): under-voltage"):
        link.converse(protocol.enable(True))
    assert not boards.motors.powered.any()
    boards.clear()
    link.converse(protocol.enable(True))
    assert boards.motors.powered.all()


def test_a_disputed_model_needs_a_stated_scale() -> None:
    with pytest.raises(BoardError, match=r"hip \(id 1\): sources disagree"):
        CubeMarsProtocol([Device("hip", 1, "AK80-9")])
    stated = {"position_max": 12.5, "velocity_max": 25.64, "torque_max": 18.0}
    CubeMarsProtocol([Device("hip", 1, "AK80-9", settings=stated)])
