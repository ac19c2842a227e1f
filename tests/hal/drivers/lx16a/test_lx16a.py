"""LX-16A servos: codec, driver and emulator."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command, DriverError
from humanoid_hal.drivers.boards import BoardsDriver, BoardsOptions, BusOptions, JointOptions
from humanoid_hal.drivers.lx16a import codec
from humanoid_hal.drivers.lx16a.protocol import TURNAROUND, Lx16a, Lx16aOptions
from humanoid_hal.drivers.lx16a.registers import RADIAN, TABLE, find
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.bus import EmulatedBus
from humanoid_hal.emulation.lx16a import BOOT, Lx16aBoards
from humanoid_hal.emulation.motors import Motors

IDS = (1, 2, 9)
#: Frames that pylx16a 1.1.1 sends to id 7 for these calls; the first is the example that
#: tlfong01.blog (2020-09-10) reads off a BusLinker with an oscilloscope.
GOLDEN = {
    (1, 27, b""): "555501031be0",  # get_vin() of id 1
    (7, 28, b""): "555507031cd9",  # get_physical_angle()
    (7, 26, b""): "555507031adb",  # get_temp()
    (7, 1, b"\xf4\x01\xf4\x01"): "5555070701f401f40106",  # move(120, 500)
    (7, 31, b"\1"): "555507041f01d4",  # enable_torque()
    (7, 31, b"\0"): "555507041f00d5",  # disable_torque()
    (7, 20, b"\x64\x00\x84\x03"): "555507071464008403f2",  # set_angle_limits(24, 216)
    (7, 22, b"\x64\x19\xe0\x2e"): "55550707166419e02e50",  # set_vin_limits(6500, 12000)
    (7, 24, b"\x55"): "55550704185587",  # set_temp_limit(85)
    (7, 35, b"\7"): "555507042307ca",  # set_led_error_triggers(True, True, True)
    (7, 29, bytes(4)): "555507071d00000000d4",  # servo_mode()
    (7, 18, b""): "5555070312e3",  # set_angle_offset(…, permanent=True)
    (7, 13, b"\xfd"): "555507040dfdea",  # set_id(253)
    (253, 14, b""): "5555fd030ef1",  # get_id()
}


class Bench:
    """Three servos, and time that is ours."""

    def __init__(self, wire: Callable[..., Any], options: Lx16aOptions | None = None) -> None:
        self.motors = Motors([Device(f"joint_{id}", id, "LX-16A") for id in IDS])
        self.motors.position[:] = [-2.0, 0.25, 2.0]
        self.boards = Lx16aBoards(self.motors)
        self.protocol = Lx16a(self.motors.devices, options)
        self.wire = wire(self.boards, Lx16a.default_baud)
        self.talk, self.pass_time = self.wire.converse, self.wire.wait
        self.sent: list[codec.Packet] = []  # in cycles

    def tell(self, payload: bytes | None) -> bytes:
        """What is answered."""
        self.sent += codec.packets(payload or b"")
        answer: bytes = self.wire.exchange(payload or b"")
        return answer

    def cycle(self) -> Any:
        protocol, retried = self.protocol, False
        question = protocol.request()
        while not protocol.complete:
            answer = self.tell(question)
            if answer:
                protocol.receive(answer)
                question = protocol.following()
            elif retried:
                break
            else:
                question, retried = protocol.retry(), True
        self.pass_time(0.02)
        return protocol.readings()

    def command(self, goal: float) -> None:
        zero = np.zeros(3)
        self.tell(self.protocol.command(Command(zero + goal, zero, zero, zero, zero)))

    def armed(self) -> "Bench":
        self.talk(self.protocol.startup())
        self.talk(self.protocol.enable(True))
        return self


@pytest.fixture
def bench(wire: Callable[..., Any]) -> Bench:
    return Bench(wire)


@pytest.fixture
def armed(bench: Bench) -> Bench:
    return bench.armed()


@pytest.fixture
def served(tmp_path: Path, make_served: Callable) -> Iterator[Any]:
    motors = Motors([Device(f"joint_{id}", id, "LX-16A") for id in IDS])
    motors.position[:] = [-2.0, 0.25, 2.0]
    made = make_served(motors, Lx16aBoards(motors), tmp_path / "tty")
    yield made
    made.bus.port.unplug()


# -- bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("packet", "frame"), GOLDEN.items())
def test_the_frames_of_others_are_ours(packet: tuple[int, int, bytes], frame: str) -> None:
    assert codec.make_packet(*packet) == bytes.fromhex(frame)
    assert codec.packets(bytes.fromhex(frame)) == [codec.Packet(*packet)]


@given(
    st.lists(st.integers(0, 253), min_size=1, max_size=20, unique=True),
    st.integers(0, 1000),
    st.integers(0, 30000),
    st.data(),
)
def test_moves_of_all_servos_at_once_are_the_single_ones(ids, first, time, data) -> None:
    counts = np.linspace(first, 1000 - first, len(ids))
    who = np.array(data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))))
    frames = codec.MoveWriter(ids).encode(counts, time / 1000, who)
    single = [
        codec.make_packet(id, 1, round(count).to_bytes(2, "little") + time.to_bytes(2, "little"))
        for id, count, yes in zip(ids, counts.tolist(), who, strict=True)
        if yes
    ]
    assert frames == b"".join(single)


def test_a_frame_of_a_length_that_its_command_does_not_have_is_none() -> None:
    move = bytes.fromhex("5555070701f401f40106")
    shorter = bytearray(move)
    shorter[3] ^= 4  # ~(07 + 03 + 01) is f4: the checksum of the shorter frame holds
    assert codec.packets(bytes(shorter)) == []


@pytest.mark.parametrize("name", TABLE)
def test_a_register_takes_back_what_it_gives(name: str) -> None:
    entry = find(name)
    value = -7 * entry.scale if name in ("position_offset", "present_position") else 3 * entry.scale
    others = bytes(range(1, entry.size + 1))
    data = entry.encode(value, others)
    assert entry.decode(data) == pytest.approx(value)
    assert len(data) == len(others)


@pytest.mark.parametrize(("name", "value"), [("id", 256), ("position_offset", -129), ("id", -1)])
def test_a_number_beyond_its_register_is_refused(name: str, value: float) -> None:
    with pytest.raises(OverflowError):
        find(name).encode(value, bytes(find(name).size))


# -- the cycle ------------------------------------------------------------------------------------


def test_positions_are_those_of_the_servos_and_speeds_are_not_told(bench: Bench) -> None:
    bench.talk(bench.protocol.startup())
    readings = bench.cycle()
    assert readings.fresh.all()
    np.testing.assert_allclose(readings.position, bench.motors.position, atol=RADIAN / 2)
    assert np.isnan(readings.velocity).all()
    assert (readings.effort == 0.0).all()


def test_a_position_below_zero_is_negative(bench: Bench) -> None:
    bench.talk(bench.protocol.startup())
    bench.motors.position[0] = -2.3  # the shaft turns farther than it can be commanded
    assert bench.cycle().position[0] == pytest.approx(-2.3, abs=RADIAN)


def test_temperature_and_voltage_come_in_turns(bench: Bench) -> None:
    bench.talk(bench.protocol.startup())
    assert np.isnan(bench.cycle().temperature).all()
    bench.motors.temperature[:] = [31, 32, 39]
    for _ in range(12):
        readings = bench.cycle()
    assert readings.temperature.tolist() == [31, 32, 39]
    assert readings.voltage == pytest.approx([7.4] * 3)


def test_torque_begins_where_the_servos_stand_and_goals_follow_in_their_time(armed: Bench) -> None:
    motors = armed.motors
    assert motors.powered.all()
    np.testing.assert_allclose(motors.target, motors.position, atol=RADIAN)
    for _ in range(3):
        armed.command(0.5)
        armed.pass_time(0.02)
    np.testing.assert_allclose(motors.target, 0.5, atol=RADIAN / 2)


def test_a_servo_beyond_its_travel_gets_no_torque(bench: Bench) -> None:
    bench.talk(bench.protocol.startup())
    bench.motors.position[1] = -2.2
    with pytest.raises(BoardError, match="id 2 stands at -25 counts, its travel is 0 to 1000"):
        bench.talk(bench.protocol.enable(True))


def test_a_slow_move_is_on_its_way(wire: Callable[..., Any]) -> None:
    bench = Bench(wire, Lx16aOptions(move_time=1.0)).armed()
    bench.motors.position[:] = 0.25
    bench.armed()
    bench.command(1.25)
    bench.pass_time(0.4)
    bench.boards.servos[0].ahead = 0.0
    bench.boards.servos[0].apply(bench.wire.now)
    assert bench.motors.target[0] == pytest.approx(0.25 + 0.4, abs=2 * RADIAN)


def test_goals_stay_within_the_limits_that_the_servo_keeps(bench: Bench) -> None:
    bench.talk(Lx16a.tools.write(2, "position_max", 600))
    bench.armed()
    bench.command(9.0)
    goals = [int.from_bytes(packet.parameters[:2], "little") for packet in bench.sent]
    assert goals == [1000, 600, 1000]


def test_a_known_stiffness_says_effort_both_ways() -> None:
    settings = {"stiffness": 10.0, "stall_torque": 1.5}
    protocol = Lx16a([Device("a", 1, "LX-16A", settings=settings)])
    zero = np.zeros(1)
    (packet,) = codec.packets(protocol.command(Command(zero + 0.5, zero, zero + 2.0, zero, zero)))
    counts = int.from_bytes(packet.parameters[:2], "little")
    assert (counts - 500) * RADIAN == pytest.approx(0.7, abs=RADIAN)
    protocol._state.counts[:] = counts - round(0.1 / RADIAN)
    assert protocol.readings().effort == pytest.approx([1.0], abs=10 * RADIAN)
    protocol._state.counts[:] = 0
    assert protocol.readings().effort.tolist() == [1.5]


def test_a_dead_servo_leaves_the_others_fresh(armed: Bench) -> None:
    armed.boards.inject(BoardFault("off", 1))
    for _ in range(6):
        assert armed.cycle().fresh.tolist() == [False, True, True]


def test_a_silent_servo_is_told_no_move_until_it_says_that_it_has_torque(armed: Bench) -> None:
    """A restart would be a silence, too, and a move might switch torque on again."""
    armed.boards.inject(BoardFault("off", 2))
    armed.cycle()
    armed.boards.clear()
    told = []
    for _ in range(3):
        armed.sent.clear()
        armed.command(0.3)
        told.append([packet.id for packet in armed.sent])
        assert armed.cycle().faults == ()
    assert told == [[1, 9], [1, 9], [1, 2, 9]]


def test_a_restarted_servo_is_told_and_gets_no_torque_before_it_is_armed_anew(armed: Bench) -> None:
    armed.boards.inject(BoardFault("reboot", 2))
    faults: list[Any] = []
    for _ in range(round(BOOT / 0.02) + 60):
        armed.command(0.3)
        faults += armed.cycle().faults
        assert not armed.motors.powered[1]
    assert {(fault.device, fault.name) for fault in faults} == {(1, "board_rebooted")}
    armed.talk(armed.protocol.enable(True))
    assert armed.motors.powered.all()
    assert armed.cycle().faults == ()


def test_a_restart_that_silences_nothing_is_found_in_turns(armed: Bench) -> None:
    armed.boards.servos[2].values[32] = (0,)
    faults = [fault for _ in range(6) for fault in armed.cycle().faults]
    assert [(fault.device, fault.name) for fault in faults[-1:]] == [(2, "board_rebooted")]


@pytest.mark.parametrize(
    ("fault", "name"),
    [(BoardFault("overheat", 9, 90.0), "over_temperature"),
     (BoardFault("brownout", 9, 6.0), "under_voltage"),
     (BoardFault("brownout", 9, 12.6), "under_voltage")],
)  # fmt: skip
def test_outside_its_limits_a_servo_gives_no_torque_and_it_is_told(armed, fault, name) -> None:
    armed.boards.inject(fault)
    faults = [found for _ in range(13) for found in armed.cycle().faults]
    assert {(found.device, found.name) for found in faults} == {(2, name)}
    assert armed.motors.powered.tolist() == [True, True, False]


def test_start_up_takes_torque_off_and_leaves_motor_mode(bench: Bench) -> None:
    bench.boards.servos[0].values[32] = (1,)
    bench.boards.servos[1].values[30] = (1, 0, 500)
    remarks = bench.talk(bench.protocol.startup())
    assert len(remarks) == 2
    assert "torque on; it was taken off" in remarks[0]
    assert "motor mode" in remarks[1]
    assert not bench.motors.powered.any()
    assert bench.boards.servos[1].values[30] == (0, 0, 500)


def test_disarming_reaches_the_others_and_names_the_silent_one(armed: Bench) -> None:
    armed.boards.inject(BoardFault("off", 1))
    with pytest.raises(BoardError, match="id 1 does not answer"):
        armed.talk(armed.protocol.enable(False))
    assert armed.motors.powered.tolist() == [True, False, False]


def test_one_frame_stops_all(armed: Bench) -> None:
    assert len(armed.protocol.stop()) == 7
    armed.tell(armed.protocol.stop())
    assert not armed.motors.powered.any()


# -- the wire -------------------------------------------------------------------------------------


def test_a_question_takes_its_time_at_115200_baud(served) -> None:
    bus = EmulatedBus("timed", served.bus.port, served.boards)
    _, link = served.link(Lx16a(served.motors.devices))
    link.transport._port.baudrate = 115_200
    link.send(codec.make_packet(2, codec.POS_READ))
    while not bus.pump(1.0):
        pass
    link.close()
    assert bus.due == pytest.approx(1.0 + 14 * 10 / 115_200 + TURNAROUND)


def test_at_another_rate_they_hear_nothing(bench: Bench) -> None:
    assert bench.boards.receive(codec.make_packet(1, codec.ID_READ), 0.0, 1_000_000) == ()


def boards(robot, rate: float, count: int = 3, **more: Any) -> BoardsDriver:
    """A robot of three joints; ids beyond make the bus longer."""
    joints = {name: JointOptions("bus", "LX-16A", id) for id, name in enumerate(robot.joint_names)}
    buses = {"bus": BusOptions(protocol="lx16a", port="/dev/none")}
    return BoardsDriver(robot, BoardsOptions(buses=buses, joints=joints, control_rate=rate, **more))


def test_a_rate_that_the_wire_cannot_keep_is_refused_with_the_one_it_can(robot) -> None:
    with pytest.raises(DriverError, match=r"bus 'bus': 3 devices at 115200 baud allow 106 Hz"):
        boards(robot, 200.0)
    driver = boards(robot, 100.0)
    assert driver.buses[0].fastest(0.6) == pytest.approx(106.0, abs=1.0)
    assert not driver.capabilities.effort
    assert not driver.capabilities.board_watchdog


# -- tools ----------------------------------------------------------------------------------------


def test_tools_scan_write_and_set_ids(bench: Bench) -> None:
    tools = Lx16a.tools
    found = bench.talk(tools.scan([1, 3, 9]))
    assert [(item.id, item.model) for item in found] == [(1, "unknown"), (9, "unknown")]
    assert found[0].voltage == pytest.approx(7.4)
    bench.talk(tools.write(1, "position_min", 100))
    assert bench.talk(tools.read(1, "position_min")) == 100
    assert bench.talk(tools.read(1, "position_max")) == 1000  # written with it, not changed
    bench.talk(tools.set_id(1, 42))
    assert [item.id for item in bench.talk(tools.scan([1, 42]))] == [42]
    with pytest.raises(BoardError, match="id 9 is taken"):
        bench.talk(tools.set_id(42, 9))
    with pytest.raises(BoardError, match="id 77 does not answer"):
        bench.talk(tools.set_id(77, 78))


def test_a_trim_is_kept_without_power_and_shifts_what_is_read(bench: Bench) -> None:
    before = bench.talk(Lx16a.tools.read(2, "present_position"))
    bench.talk(Lx16a.tools.write(2, "position_offset", -25))
    bench.boards.inject(BoardFault("reboot", 2))
    bench.pass_time(BOOT)
    assert bench.talk(Lx16a.tools.read(2, "position_offset")) == -25
    assert bench.talk(Lx16a.tools.read(2, "present_position")) == before + 25


@pytest.mark.parametrize(
    ("conversation", "reason"),
    [
        (lambda tools: tools.set_baud(1, 1_000_000), "115200 baud and nothing else"),
        (lambda tools: tools.write(1, "temperature", 3), "can only be read"),
        (lambda tools: tools.write(1, "id", 300), "cannot be 300"),
        (lambda tools: tools.set_id(1, 254), "0 to 253"),
        (lambda tools: tools.read(1, "positon_min"), "did you mean 'position_min'"),
    ],
)
def test_what_a_servo_cannot_do_is_refused(bench: Bench, conversation, reason) -> None:
    with pytest.raises(BoardError, match=reason):
        bench.talk(conversation(Lx16a.tools))


def test_a_write_that_does_not_hold_is_told(bench: Bench) -> None:
    bench.boards.servos[0].write = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(BoardError, match="did not keep temperature_limit: wrote 70, read 85"):
        bench.talk(Lx16a.tools.write(1, "temperature_limit", 70))


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (Device("a", 1, "LX-16"), "unknown LX-16A model 'LX-16'; did you mean 'LX-16A'"),
        (Device("a", 254, "LX-16A"), "id is 0 to 253"),
        (Device("a", 1, "LX-16A", settings={"stiff": 1.0}), "unknown setting 'stiff'"),
        (Device("a", 1, "LX-16A", settings={"stiffness": 0.0}), "above 0 N m/rad"),
    ],
)
def test_what_cannot_work_is_refused_at_once(device: Device, reason: str) -> None:
    with pytest.raises(BoardError, match=reason):
        Lx16a([device])
