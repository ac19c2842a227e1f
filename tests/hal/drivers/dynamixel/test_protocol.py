"""The driver's side: start-up, torque, faults, and what it does about servos that misbehave."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.dynamixel.codec import Instruction, make_packet
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.protocol import DynamixelProtocol
from humanoid_hal.drivers.dynamixel.registers import X_SERIES
from humanoid_hal.drivers.dynamixel.talk import read, write
from humanoid_hal.emulation.boards import BoardFault

IDS = [1, 2, 3, 7, 200]


@pytest.fixture
def started(servos, make_protocol):
    """(exchange, link, protocol) after start-up."""
    protocol = make_protocol(servos)
    exchange, link = servos.link(protocol)
    exchange.converse([(link, protocol.startup())])
    yield exchange, link, protocol
    link.close()


def servo(served, id: int):
    return next(servo for servo in served.boards.servos if servo.id == id)


def test_start_up_sets_what_differs_and_says_so(servos, make_protocol) -> None:
    protocol = make_protocol(servos)
    exchange, link = servos.link(protocol)
    (remarks,) = exchange.converse([(link, protocol.startup())])
    assert "joint_1 (id 1): return_delay was 0.0005, is 0 now" in remarks
    (remarks,) = exchange.converse([(link, protocol.startup())])
    assert remarks == ()
    link.close()


def test_another_model_than_the_file_says_is_refused(servos) -> None:
    protocol = DynamixelProtocol([Device("knee", 2, "XM430-W350")])
    exchange, link = servos.link(protocol)
    with pytest.raises(BoardError, match=r"knee \(id 2\): is a XM540-W270, .*says XM430-W350"):
        exchange.converse([(link, protocol.startup())])


def test_a_missing_servo_is_named_with_the_next_step(servos) -> None:
    protocol = DynamixelProtocol([Device("knee", 99, "XM540-W270")])
    exchange, link = servos.link(protocol)
    with pytest.raises(BoardError, match=r"knee \(id 99\): id 99 does not answer .*humanoid scan"):
        exchange.converse([(link, protocol.startup())])


def test_a_late_answer_to_an_earlier_question_is_not_taken_for_this_one() -> None:
    goal = X_SERIES["goal_current"]
    writing = write(1, goal, 0.0, "goal current")
    state = make_packet(1, Instruction.STATUS, bytes(11))  # of the cycle before
    done = make_packet(1, Instruction.STATUS, b"\0")
    kept = make_packet(1, Instruction.STATUS, bytes(1 + goal.size))
    ask = next(writing)
    assert not ask.until(state)
    assert ask.until(state + done)
    ask = writing.send(state + done)
    assert not ask.until(done)
    with pytest.raises(StopIteration):
        writing.send(done + kept)


def test_a_second_answer_to_a_question_asked_twice_is_waited_for() -> None:
    reading = read(1, X_SERIES["operating_mode"], "operating mode")
    first = next(reading)
    assert reading.send(b"").payload == first.payload
    answer = make_packet(1, Instruction.STATUS, b"\0\3")
    assert reading.send(answer).payload == b""  # only listens
    with pytest.raises(StopIteration) as end:
        reading.send(answer)
    assert end.value.value == 3.0


def test_torque_of_a_former_life_is_taken_off(servos, make_protocol) -> None:
    servo(servos, 3).write(64, b"\x01")
    protocol = make_protocol(servos)
    exchange, link = servos.link(protocol)
    (remarks,) = exchange.converse([(link, protocol.startup())])
    assert "joint_3 (id 3) had torque on; it was taken off" in remarks
    assert not servos.motors.powered.any()
    link.close()


@pytest.mark.parametrize("fast", [False, True])
def test_readings_are_those_of_the_motors(servos, make_protocol, run_cycle, fast: bool) -> None:
    protocol = make_protocol(servos, fast=fast, slow_every=1 if not fast else 0)
    exchange, link = servos.link(protocol)
    exchange.converse([(link, protocol.startup())])
    for _ in range(len(IDS)):
        readings = run_cycle(exchange, link)
        assert readings.fresh.all()
    np.testing.assert_allclose(readings.position, servos.motors.position, atol=0.8e-3)
    if not fast:  # each had its turn
        assert readings.temperature.tolist() == [25.0] * 5
        assert readings.voltage.tolist() == [24.0] * 5
    assert (protocol.counters.corrupt, protocol.counters.foreign) == (0, 0)
    link.close()


def test_the_torque_law_goes_out_as_currents(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    exchange.converse([(link, protocol.enable(True))])
    readings = run_cycle(exchange, link)
    ones = np.ones(5)
    link.send(protocol.command(Command(readings.position + 0.1, 0 * ones, ones, 10 * ones, ones)))
    wanted = 1.0 + 10 * 0.1 - readings.velocity
    link.send(protocol.request())
    exchange.collect(time.monotonic() + 2.0, 1.0)
    np.testing.assert_allclose(servos.motors.effort, wanted, atol=0.004)


@pytest.mark.parametrize("mode", ["position", "extended_position", "current_position"])
def test_goal_positions_in_the_other_modes(servos, make_protocol, run_cycle, mode: str) -> None:
    protocol = make_protocol(servos, mode=mode)
    assert not protocol.honours_effort(protocol.options)
    exchange, link = servos.link(protocol)
    exchange.converse([(link, protocol.startup())])
    exchange.converse([(link, protocol.enable(True))])
    np.testing.assert_allclose(servos.motors.target, servos.motors.position, atol=0.8e-3)
    target = np.array([0.1, -0.2, 1.0, 0.0, 2.0])
    zero = np.zeros(5)
    link.send(protocol.command(Command(target, zero, zero, zero + 50, zero)))
    run_cycle(exchange, link)
    np.testing.assert_allclose(servos.motors.target, target, atol=0.8e-3)
    link.close()


def test_watchdogs_are_set_and_go_off_when_nobody_speaks(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    exchange.converse([(link, protocol.enable(True))])
    assert [servo(servos, id).get("bus_watchdog") for id in IDS] == [5] * 5
    zero = np.zeros(5)
    link.send(protocol.command(Command(zero, zero, zero + 2.0, zero, zero)))
    run_cycle(exchange, link)
    assert (servos.motors.effort > 1.9).all()
    servos.bus.tick(time.monotonic() + 0.2)
    assert (servos.motors.effort == 0.0).all()
    assert (servos.motors.damping > 0.0).all()
    assert [servo(servos, id).get("bus_watchdog") for id in IDS] == [-1] * 5


def test_no_servo_has_torque_before_all_have_their_watchdog(servos, started, monkeypatch) -> None:
    exchange, link, protocol = started
    seen = []
    for one in servos.boards.servos:

        def tell(address, data, one=one, write=one.write):
            error = write(address, data)
            if any(other.torque for other in servos.boards.servos):
                seen.append([other.get("bus_watchdog") for other in servos.boards.servos])
            return error

        monkeypatch.setattr(one, "write", tell)
    exchange.converse([(link, protocol.enable(True))])
    assert len(seen) == 5  # torque comes to all with one packet
    assert all(watchdogs == [5] * 5 for watchdogs in seen)


def test_a_watchdog_that_goes_off_meanwhile_refuses_torque(servos, started, monkeypatch) -> None:
    exchange, link, protocol = started
    last = servos.boards.servos[-1]
    write = last.write

    def stall(address, data):
        error = write(address, data)
        if last.torque:
            last.set("bus_watchdog", -1)
        return error

    with monkeypatch.context() as patch:
        patch.setattr(last, "write", stall)
        with pytest.raises(BoardError, match="its bus watchdog went off while it got torque"):
            exchange.converse([(link, protocol.enable(True))])
    exchange.converse([(link, protocol.enable(True))])  # the next attempt finds no trace of it
    assert [servo(servos, id).get("bus_watchdog") for id in IDS] == [5] * 5


def test_a_servo_that_did_not_hear_of_torque_is_told_again(servos, started, monkeypatch) -> None:
    exchange, link, protocol = started
    first = servos.boards.servos[0]
    address, write, lost = first.table["torque_enable"].address, first.write, []

    def deaf(at, data):
        if at == address and not lost:
            lost.append(data)
            return 0
        return write(at, data)

    monkeypatch.setattr(first, "write", deaf)
    exchange.converse([(link, protocol.enable(True))])
    assert lost == [b"\1"]
    assert servos.motors.powered.all()


def test_torque_goes_off_on_request_and_by_the_stop_frame(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    for off in ("enable", "stop"):
        exchange.converse([(link, protocol.enable(True))])
        assert servos.motors.powered.all()
        if off == "enable":
            exchange.converse([(link, protocol.enable(False))])
        else:
            link.send(protocol.stop())
            run_cycle(exchange, link)
        assert not servos.motors.powered.any()


def test_one_dead_servo_leaves_the_others_fresh_and_is_asked_rarely(
    servos, started, run_cycle
) -> None:
    exchange, link, protocol = started
    servos.boards.inject(BoardFault("off", 2))
    for number in range(5):
        readings = run_cycle(exchange, link)
        assert readings.fresh.tolist() == [True, False, True, True, True], number
    assert protocol.complete  # nobody waits for it any more
    servos.boards.clear()
    for _ in range(30):
        readings = run_cycle(exchange, link)
    assert readings.fresh.all()


def test_corrupted_answers_are_dropped_and_counted(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    servos.boards.inject(BoardFault("garbage", 7))
    for _ in range(3):
        readings = run_cycle(exchange, link)
        assert readings.fresh.tolist() == [True, True, True, False, True]
    before = protocol.counters.corrupt
    servos.bus.wire.corrupt = 1.0
    servos.boards.clear()
    assert not run_cycle(exchange, link).fresh.any()
    assert protocol.counters.corrupt > before
    servos.bus.wire.corrupt = 0.0
    assert [run_cycle(exchange, link).fresh.all() for _ in range(26)][-1]


def test_a_rebooted_servo_is_known_by_its_first_answer(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    exchange.converse([(link, protocol.enable(True))])
    run_cycle(exchange, link)
    servos.boards.inject(BoardFault("reboot", 3))
    readings = run_cycle(exchange, link)
    assert readings.fresh.tolist() == [True, True, False, True, True]
    assert [(f.device, f.name) for f in readings.faults] == [(2, "board_rebooted")]


def test_a_hardware_error_is_named_within_the_cycles_of_one_round(
    servos, started, run_cycle
) -> None:
    exchange, link, protocol = started
    exchange.converse([(link, protocol.enable(True))])
    servos.boards.inject(BoardFault("overload", 200))
    names: set[tuple[int, str]] = set()
    for _ in range(2 + len(IDS)):
        names |= {(f.device, f.name) for f in run_cycle(exchange, link).faults}
    assert (4, "overload") in names


def test_heat_and_a_weak_supply_are_read_and_latched(servos, started, run_cycle) -> None:
    exchange, link, _ = started
    servos.boards.inject(BoardFault("overheat", 1, 90.0))
    servos.boards.inject(BoardFault("brownout", 2, 9.0))
    servos.bus.tick(time.monotonic())
    for _ in range(2 + len(IDS)):
        readings = run_cycle(exchange, link)
    assert readings.temperature[0] == 90.0
    assert readings.voltage[1] == pytest.approx(9.0)
    names = {(fault.device, fault.name) for fault in readings.faults}
    assert {(0, "over_temperature"), (1, "under_voltage")} <= names


@pytest.mark.parametrize(
    ("devices", "options", "reason"),
    [
        ([Device("a", 1, "XM450")], {}, "unknown Dynamixel model 'XM450'; did you mean"),
        ([Device("a", 253, "XM540-W270")], {}, "id is 0 to 252"),
        ([Device("a", 1, "XL430-W250")], {}, "has no current control; use `position`"),
        ([Device("a", 1, "XM540-W270", settings={"tork": 1})], {}, "unknown setting 'tork'"),
        (
            [Device("a", 1, "XM540-W270"), Device("b", 2, "PH54-200-S500")],
            {},
            "another series",
        ),
        ([Device("a", 1, "XL330-M288")], {"mode": "current_position"}, "indirect registers"),
    ],
)
def test_what_cannot_work_is_refused_at_once(devices, options, reason: str) -> None:
    with pytest.raises(BoardError, match=reason):
        DynamixelProtocol(devices, DynamixelOptions(**options))


def talk(served, conversation: Callable):
    protocol = DynamixelProtocol(served.motors.devices)
    exchange, link = served.link(protocol)
    try:
        return exchange.converse([(link, conversation(protocol.tools))])[0]
    finally:
        link.close()


def test_tools_scan_read_write_and_set_ids(servos) -> None:
    found = talk(servos, lambda tools: tools.scan())
    assert [(item.id, item.model, item.voltage) for item in found] == [
        (id, "XM540-W270", 24.0) for id in IDS
    ]
    talk(servos, lambda tools: tools.write(1, "position_p", 400))
    assert talk(servos, lambda tools: tools.read(1, "position_p")) == 400
    talk(servos, lambda tools: tools.set_id(1, 42))
    assert [item.id for item in talk(servos, lambda tools: tools.scan([1, 42]))] == [42]
    with pytest.raises(BoardError, match="id 7 is taken"):
        talk(servos, lambda tools: tools.set_id(42, 7))
    with pytest.raises(BoardError, match="no register 'positon_p'; did you mean 'position_p'"):
        talk(servos, lambda tools: tools.read(42, "positon_p"))


def test_tools_set_a_baud_rate_that_is_then_spoken(servos) -> None:
    talk(servos, lambda tools: tools.set_baud(2, 57600))
    assert [item.id for item in talk(servos, lambda tools: tools.scan())] == [1, 3, 7, 200]


def test_tools_stop_and_reboot(servos) -> None:
    servo(servos, 1).write(64, b"\x01")
    servo(servos, 1).fail(5)
    talk(servos, lambda tools: tools.reboot(1))
    assert not servo(servos, 1).alert
    servo(servos, 1).write(64, b"\x01")
    exchange, link = servos.link(DynamixelProtocol(servos.motors.devices))
    link.send(link.protocol.tools.stop(IDS))
    exchange.converse([(link, link.protocol.tools.read(1, "torque_enable"))])
    assert not servos.motors.powered.any()
    link.close()
