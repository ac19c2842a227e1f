"""Feetech servos: codec, driver and emulator, with Feetech's own SDK as the judge."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scservo_sdk
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.feetech import codec
from humanoid_hal.drivers.feetech.codec import scanner
from humanoid_hal.drivers.feetech.protocol import FeetechScs, FeetechSts
from humanoid_hal.drivers.feetech.registers import BAUD_RATES, SCS, STS, Register
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.feetech import FeetechBoards
from humanoid_hal.emulation.motors import Motors

IDS = (1, 2, 9, 20)
OK = scservo_sdk.COMM_SUCCESS
#: Feetech, "Communication Protocol User Manual": ping of id 1, and its answer; reading the position.
PING_1, PONG_1 = bytes.fromhex("ffff010201fb"), bytes.fromhex("ffff010200fc")
READ_1 = bytes.fromhex("ffff0104023802be")


@pytest.fixture(params=["sts", "scs"])
def servos(request: pytest.FixtureRequest, tmp_path: Path, make_served: Callable) -> Iterator[Any]:
    """Four servos of either series."""
    model = {"sts": "STS3215", "scs": "SCS0009"}[request.param]
    motors = Motors([Device(f"joint_{id}", id, model) for id in IDS])
    motors.position[:] = [-2.0, -0.5, 0.0, 2.2]
    motors.velocity[:] = [-1.0, 0.5, 0.0, 2.0]
    motors.voltage[:] = 7.4
    served = make_served(motors, FeetechBoards(motors), tmp_path / "tty")
    served.kind = {"sts": FeetechSts, "scs": FeetechScs}[request.param]
    yield served
    served.bus.port.unplug()


@pytest.fixture
def started(servos):
    protocol = servos.kind(servos.motors.devices)
    exchange, link = servos.link(protocol)
    exchange.converse([(link, protocol.startup())])
    yield exchange, link, protocol
    link.close()


def test_the_examples_of_the_manual() -> None:
    assert codec.make_ping(1) == PING_1
    assert codec.make_read(1, 56, 2) == READ_1
    assert codec.packets(PONG_1) == [codec.Packet(1, 0, b"")]


@given(st.lists(st.tuples(st.integers(0, 253), st.integers(0, 255), st.binary(max_size=40))))
def test_packets_come_through_in_single_bytes(sent) -> None:
    data = b"".join(codec.make_packet(*packet) for packet in sent)
    reader = scanner()
    found = [packet for byte in data for packet in reader.feed(bytes([byte]))]
    assert [(p.id, p.kind, p.parameters) for p in found] == sent


@given(st.binary(max_size=100))
def test_after_any_noise_good_frames_are_found_again(noise: bytes) -> None:
    frame = codec.make_packet(7, 0, bytes(range(1, 9)))
    reader = scanner()
    list(reader.feed(noise))
    found = [packet for _ in range(30) for packet in reader.feed(frame)]
    assert found
    assert found[-1] == codec.Packet(7, 0, bytes(range(1, 9)))


def test_every_flipped_bit_of_a_frame_is_noticed() -> None:
    """But for the header's: those lose the frame, which is the same to the reader."""
    frame = codec.make_packet(7, 0, bytes(range(8)))
    for bit in range(8 * len(frame)):
        spoiled = bytearray(frame)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert codec.packets(bytes(spoiled) + bytes(300)) == []


@given(st.integers(-2047, 2047))
def test_sign_and_magnitude(value: int) -> None:
    entry = Register(31, 2, sign=11)
    assert entry.decode(entry.encode(value, "big"), "big") == value


def test_a_number_beyond_its_register_is_refused() -> None:
    with pytest.raises(OverflowError):
        Register(31, 2, sign=11).encode(2048, "little")


def test_registers_and_baud_rates_are_those_of_the_vendors_sdk() -> None:
    words = {
        "id": "ID", "baud_rate": "BAUD_RATE", "model_number": "MODEL_L",
        "position_min": "MIN_ANGLE_LIMIT_L", "position_max": "MAX_ANGLE_LIMIT_L",
        "torque_enable": "TORQUE_ENABLE", "goal_position": "GOAL_POSITION_L",
        "goal_time": "GOAL_TIME_L", "goal_speed": "GOAL_SPEED_L", "lock": "LOCK",
        "present_position": "PRESENT_POSITION_L", "present_speed": "PRESENT_SPEED_L",
        "present_load": "PRESENT_LOAD_L", "voltage": "PRESENT_VOLTAGE",
        "temperature": "PRESENT_TEMPERATURE", "moving": "MOVING",
    }  # fmt: skip
    for table, prefix in ((STS, "SMS_STS"), (SCS, "SCSCL")):
        for ours, theirs in words.items():
            if (prefix, theirs) != ("SCSCL", "ID"):
                assert table[ours].address == getattr(scservo_sdk, f"{prefix}_{theirs}")
    rates = {"1M": 1e6, "0_5M": 5e5, "250K": 25e4, "128K": 128e3, "115200": 115200,
             "76800": 76800, "57600": 57600, "38400": 38400}  # fmt: skip
    assert {
        getattr(scservo_sdk, f"SMS_STS_{name}"): rate for name, rate in rates.items()
    } == BAUD_RATES


def test_both_read_the_same_values(servos, started, run_cycle, in_thread) -> None:
    exchange, link, _ = started
    readings = run_cycle(exchange, link)
    assert readings.fresh.all()
    link.close()
    sts = servos.kind is FeetechSts
    with in_thread(servos):
        port = scservo_sdk.PortHandler(servos.port)
        assert port.openPort()
        assert port.setBaudRate(1_000_000)
        sdk = scservo_sdk.sms_sts(port) if sts else scservo_sdk.scscl(port)
        for index, id in enumerate(IDS):
            assert sdk.ping(id)[:2] == (777 if sts else 1284, OK)
            position, speed, result, error = sdk.ReadPosSpeed(id)
            assert (result, error) == (OK, 0)
            step = 2 * np.pi / 4096 if sts else np.radians(300) / 1024
            zero = 2048 if sts else 512
            assert readings.position[index] == pytest.approx((position - zero) * step)
            assert readings.velocity[index] == pytest.approx(speed * step)
        port.closePort()
    np.testing.assert_allclose(readings.position, servos.motors.position, atol=step / 2)


def test_what_the_sdk_writes_moves_the_motor(servos, in_thread) -> None:
    sts = servos.kind is FeetechSts
    with in_thread(servos):
        port = scservo_sdk.PortHandler(servos.port)
        port.openPort()
        port.setBaudRate(1_000_000)
        sdk = scservo_sdk.sms_sts(port) if sts else scservo_sdk.scscl(port)
        assert sdk.write1ByteTxRx(9, 40, 1)[0] == OK
        written = sdk.WritePosEx(9, 3000, 0, 0) if sts else sdk.WritePos(9, 700, 0, 0)
        assert written == (OK, 0)
        if sts:
            group = scservo_sdk.GroupSyncRead(sdk, 56, 4)
            for id in IDS:
                group.addParam(id)
            assert group.txRxPacket() == OK
        port.closePort()
    step, counts = (2 * np.pi / 4096, 3000 - 2048) if sts else (np.radians(300) / 1024, 700 - 512)
    assert servos.motors.target[2] == pytest.approx(counts * step)
    assert servos.motors.powered.tolist() == [False, False, True, False]


def test_capabilities_are_those_of_servos_that_follow_positions(servos) -> None:
    assert not servos.kind.honours_effort(servos.kind.Options())
    assert not servos.kind.has_watchdog(servos.kind.Options())


def test_torque_starts_where_the_servo_is_and_goals_follow(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    exchange.converse([(link, protocol.enable(True))])
    np.testing.assert_allclose(servos.motors.target, servos.motors.position, atol=0.003)
    zero, goal = np.zeros(4), np.array([1.0, -1.0, 0.3, 0.0])
    link.send(protocol.command(Command(goal, zero, zero + 0.5, zero + 9.0, zero)))
    run_cycle(exchange, link)
    np.testing.assert_allclose(servos.motors.target, goal, atol=0.003)
    exchange.converse([(link, protocol.enable(False))])
    assert not servos.motors.powered.any()


def test_a_known_stiffness_turns_effort_into_a_goal_beyond() -> None:
    soft = FeetechSts([Device("a", 1, "STS3215", settings={"stiffness": 10.0})])
    soft._lower[:], soft._upper[:] = 0, 4095
    zero = np.zeros(1)
    frame = soft.command(Command(zero + 0.5, zero, zero + 2.0, zero, zero))
    (packet,) = codec.packets(frame)
    counts = int.from_bytes(packet.parameters[3:5], "little")
    assert (counts - 2048) * 2 * np.pi / 4096 == pytest.approx(0.7, abs=1e-3)


def test_a_dead_servo_leaves_the_others_fresh(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    servos.boards.inject(BoardFault("off", 2))
    for _ in range(6):
        readings = run_cycle(exchange, link)
        assert readings.fresh.tolist() == [True, False, True, True]
    assert protocol.complete


def test_garbage_is_dropped_and_the_others_stay(servos, started, run_cycle) -> None:
    exchange, link, _ = started
    servos.boards.inject(BoardFault("garbage", 20))
    readings = run_cycle(exchange, link)
    assert readings.fresh.tolist() == [True, True, True, False]


def test_error_bits_become_faults(servos, started, run_cycle) -> None:
    exchange, link, protocol = started
    exchange.converse([(link, protocol.enable(True))])
    servos.boards.inject(BoardFault("overload", 9))
    servos.boards.inject(BoardFault("overheat", 1, 80.0))
    servos.boards.inject(BoardFault("brownout", 2, 3.0))
    servos.bus.tick(time.monotonic())
    faults = {(fault.device, fault.name) for fault in run_cycle(exchange, link).faults}
    assert faults == {(2, "overload"), (0, "over_temperature"), (1, "under_voltage")}


def test_start_up_refuses_another_model(servos) -> None:
    other = {"sts": "STS3250", "scs": "SCS0009"}[servos.kind.series]
    devices = [Device("knee", 1, other), Device("hip", 77, other)]
    protocol = servos.kind(devices)
    exchange, link = servos.link(protocol)
    with pytest.raises(BoardError, match=r"knee .* says STS3250|hip .*does not answer"):
        exchange.converse([(link, protocol.startup())])
    link.close()


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (Device("a", 1, "STS3216"), "unknown Feetech model 'STS3216'; did you mean 'STS3215'"),
        (Device("a", 1, "SCS0009"), "speaks protocol feetech_scs"),
        (Device("a", 254, "STS3215"), "id is 0 to 253"),
        (Device("a", 1, "STS3215", settings={"stiff": 1.0}), "unknown setting 'stiff'"),
        (Device("a", 1, "STS3215", settings={"stiffness": 0.0}), "above 0 N m/rad"),
    ],
)
def test_what_cannot_work_is_refused_at_once(device: Device, reason: str) -> None:
    with pytest.raises(BoardError, match=reason):
        FeetechSts([device])


def test_tools_scan_unlock_write_and_set_ids(servos) -> None:
    def talk(conversation: Callable) -> Any:
        exchange, link = servos.link(servos.kind(servos.motors.devices))
        try:
            return exchange.converse([(link, conversation(servos.kind.tools))])[0]
        finally:
            link.close()

    model = "STS3215" if servos.kind is FeetechSts else "SCS0009"
    found = talk(lambda tools: tools.scan([1, 3, 9]))
    assert [(item.id, item.model) for item in found] == [(1, model), (9, model)]
    assert found[0].voltage == pytest.approx(7.4)
    talk(lambda tools: tools.write(1, "position_p", 16))
    assert talk(lambda tools: tools.read(1, "position_p")) == 16
    assert talk(lambda tools: tools.read(1, "lock")) == 1
    talk(lambda tools: tools.set_id(1, 42))
    assert [item.id for item in talk(lambda tools: tools.scan([1, 42]))] == [42]
    with pytest.raises(BoardError, match="id 9 is taken"):
        talk(lambda tools: tools.set_id(42, 9))
    talk(lambda tools: tools.set_baud(42, 115_200))
    assert talk(lambda tools: tools.scan([42])) == ()


@pytest.mark.parametrize("mute", [2, 3])
def test_a_write_that_fails_leaves_no_eeprom_open(servos, monkeypatch, mute) -> None:
    """The answers to the write (and to what comes after it) get lost; it is heard."""
    heard = servos.boards._single
    lock = servos.boards.servos[0].table["lock"].address
    opened = []

    def single(packet, servo):
        replies = heard(packet, servo)
        opened.append(packet.kind == codec.Instruction.WRITE and packet.parameters[0] == lock)
        return replies if len(opened) < mute else []

    monkeypatch.setattr(servos.boards, "_single", single)
    exchange, link = servos.link(servos.kind(servos.motors.devices))
    with pytest.raises(BoardError, match="id 1 does not answer"):
        exchange.converse([(link, servos.kind.tools.write(1, "position_p", 16))])
    link.close()
    assert servos.boards.servos[0].get("lock") == 1


def test_start_up_locks_an_open_eeprom(servos) -> None:
    servos.boards.servos[1].set("lock", 0)
    protocol = servos.kind(servos.motors.devices)
    exchange, link = servos.link(protocol)
    (remarks,) = exchange.converse([(link, protocol.startup())])
    link.close()
    assert "joint_2 (id 2): its EEPROM was open; it is locked now" in remarks
    assert servos.boards.servos[1].get("lock") == 1


def test_a_locked_eeprom_keeps_its_values(servos) -> None:
    servo = servos.boards.servos[0]
    servo.write(servo.table["id"].address, b"\x63")
    assert servo.id == 1
