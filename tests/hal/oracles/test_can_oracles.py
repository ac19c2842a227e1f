"""The packages of others speak with our emulated CAN boards, and mean the same.

python-can is always there; the others come with ``requirements/oracles.txt``.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import can
import numpy as np
import pytest

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.drivers.cia402 import codec as canopen_codec
from humanoid_hal.drivers.cia402 import objects
from humanoid_hal.drivers.mit import codec as mit
from humanoid_hal.drivers.mit.models import CUBEMARS, DAMIAO, agreed_scale, stack
from humanoid_hal.drivers.mit.protocol import known_scale
from humanoid_hal.emulation.cia402 import CiA402Boards
from humanoid_hal.emulation.damiao import DamiaoBoards
from humanoid_hal.emulation.fdcanusb import FdcanusbAdapter
from humanoid_hal.emulation.mit import CubeMarsBoards
from humanoid_hal.emulation.moteus import MoteusBoards
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.odrive import ODriveBoards
from humanoid_hal.emulation.robstride import RobStrideBoards
from humanoid_hal.emulation.slcan import SlcanAdapter

Serve = Callable[[Any, Any], str]
TURN = 2.0 * np.pi
#: [s] a busy machine may take for an answer.
PATIENCE = 10.0


def moving(*devices: Device) -> Motors:
    """Motors at 0.5 rad, -1.5 rad/s, 2.5 N m."""
    motors = Motors(devices)
    motors.position[:], motors.velocity[:], motors.torque[:] = 0.5, -1.5, 2.5
    return motors


@pytest.fixture
def slcan(serve: Serve) -> Iterator[Callable[[Any], can.BusABC]]:
    """A function that opens python-can's own slcan on emulated boards."""
    buses: list[can.BusABC] = []

    def start(boards: Any) -> can.BusABC:
        path = serve(boards, SlcanAdapter())
        bus = can.Bus(interface="slcan", channel=path, bitrate=1_000_000, sleep_after_open=0)
        buses.append(bus)
        return bus

    yield start
    for bus in buses:
        if not bus._is_shutdown:  # canopen closes its own
            bus.shutdown()


def test_python_cans_slcan_speaks_with_our_adapter(slcan: Callable[[Any], can.BusABC]) -> None:
    bus = slcan(DamiaoBoards(moving(Device("", 4, "DM-J4310"))))
    bus.send(can.Message(arbitration_id=4, data=b"\xff" * 7 + b"\xfd", is_extended_id=False))
    answer = bus.recv(PATIENCE)
    assert answer is not None
    assert (answer.arbitration_id, answer.dlc, answer.data[0]) == (0x14, 8, 4)


def test_damiao_motor_commands_and_reads_our_damiao(slcan: Callable[[Any], can.BusABC]) -> None:
    oracle: Any = pytest.importorskip("damiao_motor.core.motor")
    boards = DamiaoBoards(moving(Device("", 4, "DM-J4310")))
    bus = slcan(boards)
    motor = oracle.DaMiaoMotor(4, 0x14, bus, motor_type="4310")
    bus.send(can.Message(arbitration_id=4, data=motor.encode_enable_msg(), is_extended_id=False))
    told = motor.decode_sensor_feedback(bytes(bus.recv(PATIENCE).data))
    assert (told["status"], told["can_id"]) == ("ENABLED", 4)
    data = motor.encode_cmd_msg(1.0, -2.0, 3.0, 20.0, 1.5)
    bus.send(can.Message(arbitration_id=4, data=data, is_extended_id=False))
    told = motor.decode_sensor_feedback(bytes(bus.recv(PATIENCE).data))
    step = stack([agreed_scale(DAMIAO, "DM-J4310")]).step[:, 0]
    for name, value, size in zip(("pos", "vel", "torq"), (0.5, -1.5, 2.5), step, strict=False):
        assert told[name] == pytest.approx(value, abs=0.51 * size)
    motors = boards.motors
    law = (motors.target, motors.speed, motors.effort, motors.stiffness, motors.damping)
    for told_law, value, size in zip(law, (1.0, -2.0, 3.0, 20.0, 1.5), step, strict=True):
        assert told_law[0] == pytest.approx(value, abs=1.01 * size)
    ours = mit.pack_command(
        stack([agreed_scale(DAMIAO, "DM-J4310")]),
        *(np.array([value]) for value in (1.0, -2.0, 3.0, 20.0, 1.5)),
    )
    difference = int.from_bytes(ours[0].tobytes(), "big") - int.from_bytes(data, "big")
    assert difference >= 0  # the nearest code, where the package cuts off


def test_mini_cheetah_motor_driver_commands_and_reads_our_cubemars(
    slcan: Callable[[Any], can.BusABC], monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle: Any = pytest.importorskip("motor_driver.canmotorlib")
    settings = {"position_max": 12.5, "velocity_max": 25.64, "torque_max": 18.0}
    device = Device("", 6, "AK80-9", settings=settings)
    boards = CubeMarsBoards(moving(device))
    boards.length = 6  # what it reads
    bus = slcan(boards)
    kind = oracle.CanMotorController  # it knows SocketCAN only

    def send(motor: Any, data: bytes) -> None:
        bus.send(can.Message(arbitration_id=6, data=data, is_extended_id=False))

    def receive(motor: Any) -> tuple[int, int, bytes]:
        message = bus.recv(PATIENCE)
        assert message is not None
        return message.arbitration_id, message.dlc, bytes(message.data)

    monkeypatch.setattr(kind, "_send_can_frame", send)
    monkeypatch.setattr(kind, "_recv_can_frame", receive)
    monkeypatch.setattr(kind, "can_socket_declared", True)
    motor = kind("none", 6, "AK80_9_V2")
    scales = stack([known_scale(CUBEMARS, device)])
    step = scales.step[:, 0]
    motor.enable_motor()  # makes 0.5 rad its zero
    assert boards.motors.powered.all()
    told = motor.send_rad_command(1.0, -2.0, 20.0, 1.5, 3.0)
    for value, theirs, size in zip((0.0, -1.5, 2.5), told, step, strict=False):
        assert theirs == pytest.approx(value, abs=0.51 * size)
    motors = boards.motors
    law = (motors.target, motors.speed, motors.effort, motors.stiffness, motors.damping)
    for heard, value, size in zip(law, (1.5, -2.0, 3.0, 20.0, 1.5), step, strict=True):
        assert heard[0] == pytest.approx(value, abs=1.01 * size)
    motor.disable_motor()
    assert not boards.motors.powered.any()


def test_robstride_dynamics_commands_and_reads_our_robstride(
    slcan: Callable[[Any], can.BusABC],
) -> None:
    oracle: Any = pytest.importorskip("robstride_dynamics.bus")
    boards = RobStrideBoards(moving(Device("", 7, "RS04")))
    bus = oracle.RobstrideBus("none", {"knee": oracle.Motor(7, "rs-04")})
    bus.channel_handler = slcan(boards)  # it knows SocketCAN only
    try:
        bus.enable("knee")
        assert boards.motors.powered.all()
        bus.write_operation_frame("knee", 1.0, 20.0, 1.5, velocity=-2.0, torque=3.0)
        position, velocity, torque, temperature = bus.read_operation_frame("knee")
        assert (position, velocity) == (pytest.approx(0.5, abs=1e-3), pytest.approx(-1.5, abs=1e-3))
        assert (torque, temperature) == (pytest.approx(2.5, abs=1e-2), pytest.approx(25.0))
        motors = boards.motors
        assert motors.target[0] == pytest.approx(1.0, abs=1e-3)
        assert motors.stiffness[0] == pytest.approx(20.0, abs=0.1)
        parameter: Any = pytest.importorskip("robstride_dynamics.protocol").ParameterType
        assert bus.read("knee", parameter.MECHANICAL_POSITION) == pytest.approx(0.5)
    finally:
        bus.channel_handler = None


def test_moteus_library_commands_and_reads_our_moteus(serve: Serve) -> None:
    oracle: Any = pytest.importorskip("moteus")
    boards = MoteusBoards(moving(Device("", 5, "moteus")))
    boards.boards[0].config["servo.default_timeout_s"] = 30.0  # longer than a busy machine takes
    path = serve(boards, FdcanusbAdapter())

    async def talk() -> tuple[Any, float]:
        transport = oracle.Fdcanusb(path)
        controller = oracle.Controller(id=5, transport=transport)
        await controller.set_stop()
        while True:  # it calibrates its current sensors first
            told = await controller.set_position(
                position=0.25, velocity=-0.5, feedforward_torque=2.0, query=True
            )
            if told.values[oracle.Register.MODE] == oracle.Mode.POSITION:
                break
        stream = oracle.Stream(controller)
        limit = float(
            await stream.command(b"conf get servo.default_timeout_s", allow_any_response=True)
        )
        return told.values, limit

    values, limit = asyncio.run(asyncio.wait_for(talk(), 6 * PATIENCE))
    register = oracle.Register
    assert values[register.POSITION] == pytest.approx(0.5 / TURN, abs=2e-4)
    assert values[register.VELOCITY] == pytest.approx(-1.5 / TURN, abs=2e-3)
    assert values[register.TORQUE] == pytest.approx(2.5, abs=0.02)
    assert values[register.MODE] == oracle.Mode.POSITION
    assert limit == pytest.approx(30.0)
    assert boards.motors.target[0] == pytest.approx(0.25 * TURN, abs=1e-3)
    assert boards.motors.effort[0] == pytest.approx(2.0, abs=0.02)


def test_odrives_dbc_reads_our_axis() -> None:
    cantools: Any = pytest.importorskip("cantools")
    package: Any = pytest.importorskip("odrive_can")
    file = Path(package.__file__).parent / "dbc" / "odrive-cansimple-0.6.10.dbc"
    database = cantools.database.load_file(file, strict=False)
    boards = ODriveBoards(moving(Device("", 3, "ODrive")))
    told: dict[str, Any] = {}
    for reply in boards.tick(0.0):
        for identifier, payload in reply.payload.frames():
            told |= database.decode_message(identifier, payload)
    assert told["Pos_Estimate"] == pytest.approx(0.5 / TURN)
    assert told["Vel_Estimate"] == pytest.approx(-1.5 / TURN)
    assert told["Torque_Estimate"] == pytest.approx(2.5)
    assert (told["Bus_Voltage"], told["FET_Temperature"]) == (24.0, 25.0)
    message = database.get_message_by_name("Axis3_Set_Axis_State")
    batch = CanBatch.of([(message.frame_id, message.encode({"Axis_Requested_State": 8}))])
    (reply,) = boards.receive(batch, 0.0)
    ((identifier, payload),) = reply.payload.frames()
    told = database.decode_message(identifier, payload)
    assert int(getattr(told["Axis_State"], "value", told["Axis_State"])) == 8
    assert boards.motors.powered.all()


def test_canopen_takes_our_drive_through_its_states(slcan: Callable[[Any], can.BusABC]) -> None:
    oracle: Any = pytest.importorskip("canopen")
    boards = CiA402Boards(moving(Device("", 12, "")))
    network = oracle.Network(slcan(boards))
    network.connect()
    try:
        node = network.add_node(12, oracle.ObjectDictionary())
        node.sdo.RESPONSE_TIMEOUT = PATIENCE
        assert int.from_bytes(node.sdo.upload(0x1000, 0), "little") & 0xFFFF == objects.PROFILE
        here = int.from_bytes(node.sdo.upload(0x6064, 0)[:4], "little", signed=True)
        assert here * boards.increment == pytest.approx(0.5, abs=1e-4)
        for word, state in ((6, 0x21), (7, 0x23), (15, 0x27)):
            node.sdo.download(0x6040, 0, word.to_bytes(2, "little"))
            status = int.from_bytes(node.sdo.upload(0x6041, 0)[:2], "little")
            assert status & 0x6F == state
        assert boards.motors.powered.all()
    finally:
        network.disconnect()


def test_our_sdo_reads_and_writes_a_canopen_node() -> None:
    oracle: Any = pytest.importorskip("canopen")
    dictionary = oracle.ObjectDictionary()
    target = oracle.objectdictionary.ODVariable("target position", 0x607A, 0)
    target.data_type, target.default = oracle.objectdictionary.INTEGER32, -2
    dictionary.add_object(target)
    answers: list[tuple[int, bytes]] = []
    done = threading.Event()

    class Wire:
        """What canopen calls a bus."""

        channel_info = "wire"

        def send(self, message: can.Message) -> None:
            answers.append((message.arbitration_id, bytes(message.data)))
            done.set()

    network = oracle.Network()
    network.bus = Wire()
    node = network.create_node(5, dictionary)
    item = objects.TARGET_POSITION
    for batch in (
        canopen_codec.make_read([5], item),
        canopen_codec.make_write([5], item, 77),
        canopen_codec.make_read([5], item),
    ):
        ((identifier, payload),) = batch.frames()
        network.notify(identifier, bytearray(payload), 0.0)
    read, write = (canopen_codec.hear_sdo(item, write=w) for w in (False, True))
    assert [read(*answers[0]), write(*answers[1]), read(*answers[2])] == [(5, -2), (5, 0), (5, 77)]
    assert node.id == 5
