"""ODrive axes: found streaming, armed with their watchdog where it can be, driven, and watched."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.can import CanBatch, joined
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.odrive import codec
from humanoid_hal.drivers.odrive.codec import Cmd
from humanoid_hal.drivers.odrive.protocol import ODriveOptions, ODriveProtocol
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.odrive import ODriveBoards

DEVICES = (Device("hip", 1, "ODrive"), Device("knee", 12, "ODrive"))
HOLD = Command(*(np.full(2, v) for v in (0.5, 0.1, 1.0, 20.0, 2.0)))
WATCHED = ODriveOptions(firmware="0.6.10", enable_watchdog=200, watchdog_timeout=201)


class Stream:
    """A wire on which boards talk by themselves."""

    def __init__(self, boards: ODriveBoards) -> None:
        self.boards, self.now = boards, 0.0

    def step(self) -> CanBatch:
        self.now += 0.002
        return joined([reply.payload for reply in self.boards.tick(self.now)])

    def send(self, payload: CanBatch) -> CanBatch:
        return joined([r.payload for r in self.boards.receive(payload, self.now)])

    def converse(self, conversation: Any) -> Any:
        answer = None
        while True:
            try:
                ask = conversation.send(answer)
            except StopIteration as stop:
                return stop.value
            answer, until = self.send(ask.payload), self.now + ask.timeout
            while self.now < until and not (ask.until and ask.until(answer)):
                answer = joined([answer, self.step()])

    def cycle(self, protocol: ODriveProtocol, command: Command | None = None) -> Any:
        protocol.receive(joined([self.step(), self.send(protocol.request())]))
        readings = protocol.readings()
        if command is not None:
            protocol.receive(self.send(protocol.command(command)))
        return readings


@pytest.fixture
def boards() -> ODriveBoards:
    motors = Motors(DEVICES)
    motors.position[:] = 0.1, -20.0
    return ODriveBoards(motors, WATCHED)


@pytest.fixture
def link(boards: ODriveBoards) -> Stream:
    return Stream(boards)


@pytest.fixture
def protocol(link: Stream) -> ODriveProtocol:
    protocol = ODriveProtocol(DEVICES, WATCHED)
    assert link.converse(protocol.startup()) == ()
    return protocol


def test_the_state_streams_in(protocol: ODriveProtocol, link: Stream) -> None:
    link.cycle(protocol)
    readings = link.cycle(protocol)
    np.testing.assert_allclose(readings.position, [0.1, -20.0], atol=1e-5)
    assert readings.fresh.all()
    assert readings.voltage.tolist() == [24.0, 24.0]
    assert readings.temperature.tolist() == [25.0, 25.0]
    assert not protocol.readings().fresh.any()  # read once, fresh once
    assert protocol.counters.foreign == 0


def test_a_thermistor_that_is_not_connected_leaves_the_other(
    protocol: ODriveProtocol, link: Stream
) -> None:
    """Firmware 0.6 tells NaN for it."""
    nothing = np.full(2, np.nan)
    ids = [device.id for device in DEVICES]
    protocol.receive(codec.make_pairs(ids, Cmd.TEMPERATURE, np.array([41.0, 42.0]), nothing))
    assert protocol.readings().temperature.tolist() == [41.0, 42.0]
    protocol.receive(codec.make_pairs(ids, Cmd.TEMPERATURE, nothing, nothing))
    assert protocol.readings().temperature.tolist() == [41.0, 42.0]  # the newest known


def test_arming_sets_the_watchdog_and_reads_it_back(
    protocol: ODriveProtocol, link: Stream, boards: ODriveBoards
) -> None:
    link.converse(protocol.enable(True))
    assert boards.motors.powered.all()
    assert not boards.motors.stiffness.any()
    for endpoints in boards.endpoints:
        assert endpoints[200] == b"\1\0\0\0"
        assert np.frombuffer(endpoints[201], "<f4")[0] == np.float32(0.1)
    assert ODriveProtocol.has_watchdog(WATCHED)


def test_another_firmware_than_that_of_the_endpoint_numbers_is_refused(link: Stream) -> None:
    options = ODriveOptions(firmware="0.6.9", enable_watchdog=200, watchdog_timeout=201)
    with pytest.raises(BoardError, match=r"firmware 0\.6\.10.*of 0\.6\.9"):
        link.converse(ODriveProtocol(DEVICES, options).enable(True))


def test_without_endpoint_numbers_no_watchdog_is_promised(wire: Callable[[Any], Any]) -> None:
    link = Stream(ODriveBoards(Motors(DEVICES)))
    protocol = ODriveProtocol(DEVICES)
    (remark,) = link.converse(protocol.startup())
    assert "not checked" in remark
    assert not ODriveProtocol.has_watchdog(None)
    link.converse(protocol.enable(True))


def test_commands_are_the_torque_law_and_gains_are_sent_when_they_change(
    protocol: ODriveProtocol, link: Stream, boards: ODriveBoards
) -> None:
    link.converse(protocol.enable(True))
    link.cycle(protocol, HOLD)
    motors = boards.motors
    for told, wanted in zip(
        (motors.target, motors.speed, motors.effort, motors.stiffness, motors.damping),
        (0.5, 0.1, 1.0, 20.0, 2.0),
        strict=True,
    ):
        np.testing.assert_allclose(told, wanted, rtol=0.04)
    assert len(protocol.command(HOLD)) == 2
    softer = Command(
        HOLD.position, HOLD.velocity, HOLD.effort, np.array([20.0, 10.0]), HOLD.damping
    )
    assert len(protocol.command(softer)) == 4
    link.converse(protocol.enable(False))
    assert not motors.powered.any()


def test_what_cannot_be_told_is_said(protocol: ODriveProtocol, link: Stream) -> None:
    link.converse(protocol.enable(True))
    odd = Command(
        HOLD.position, HOLD.velocity, np.array([40.0, 0.0]), HOLD.stiffness, np.array([2.0, 0.0])
    )
    protocol.command(odd)
    faults = {(f.device, f.name, f.reason) for f in protocol.readings().faults}
    assert faults == {
        (0, "command_limit", "effort 40 is cut at the board's 32.77"),
        (1, "command_limit", "stiffness without damping cannot be told to it"),
    }


@pytest.mark.parametrize(
    ("word", "value", "fault"),
    [
        ("overheat", 120.0, "over_temperature"),
        ("brownout", 9.0, "under_voltage"),
        ("overload", 0.0, "overload"),
        ("reboot", 0.0, "board_rebooted"),
    ],
)
def test_what_happens_to_an_axis_is_a_fault_of_the_table(
    protocol: ODriveProtocol,
    link: Stream,
    boards: ODriveBoards,
    word: Any,
    value: float,
    fault: str,
) -> None:
    link.converse(protocol.enable(True))
    boards.inject(BoardFault(word, 12, value))
    names = {(f.device, f.name) for _ in range(80) for f in link.cycle(protocol, HOLD).faults}
    assert names == {(1, fault)}
    assert boards.motors.powered.tolist() == [True, False]


def test_the_watchdog_acts_and_says_so(
    protocol: ODriveProtocol, link: Stream, boards: ODriveBoards
) -> None:
    link.converse(protocol.enable(True))
    names = {f.name for _ in range(120) for f in link.cycle(protocol).faults}  # no commands
    assert names == {"board_rebooted"}
    assert not boards.motors.powered.any()


def test_a_dead_axis_is_not_fresh_and_is_asked_again(
    protocol: ODriveProtocol, link: Stream, boards: ODriveBoards
) -> None:
    boards.inject(BoardFault("off", 1))
    link.cycle(protocol)
    readings = link.cycle(protocol)
    assert readings.fresh.tolist() == [False, True]
    with pytest.raises(BoardError, match=r"hip \(id 1\)"):
        link.converse(protocol.enable(True))
    assert not boards.motors.powered.any()


def test_an_axis_that_does_not_stream_is_said_and_asked(link: Stream, boards: ODriveBoards) -> None:
    tick = boards.tick
    boards.tick = lambda now: [  # type: ignore[method-assign]
        r for r in tick(now) if not (r.payload.ids & 0x1F == codec.Cmd.ESTIMATES).any()
    ]
    protocol = ODriveProtocol(DEVICES, WATCHED)
    (remark,) = link.converse(protocol.startup())
    assert "encoder_msg_rate_ms" in remark
    protocol.receive(link.send(protocol.request()))
    assert not protocol.complete
    protocol.receive(link.send(protocol.retry()))
    assert protocol.readings().fresh.all()


def test_tools(link: Stream, boards: ODriveBoards) -> None:
    tools = ODriveProtocol.tools
    found = link.converse(tools.scan())
    assert [(f.id, f.firmware, f.voltage) for f in found] == [
        (1, "0.6.10", 24.0),
        (12, "0.6.10", 24.0),
    ]
    link.converse(tools.write(12, "345", 1.5))
    assert link.converse(tools.read(12, "345")) == 1.5
    link.converse(tools.reboot(12))
    for conversation, reason in (
        (tools.set_id(1, 2), "odrivetool"),
        (tools.set_baud(1, 500_000), "odrivetool"),
        (tools.read(1, "kp"), "number of an endpoint"),
        (tools.read(40, "345"), "does not answer"),
    ):
        with pytest.raises(BoardError, match=reason):
            link.converse(conversation)
