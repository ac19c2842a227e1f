"""GO motors get their commands in turns, whoever is dead; without a watchdog it says so."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import Command
from humanoid_hal.drivers.unitree_go import codec
from humanoid_hal.drivers.unitree_go.protocol import UnitreeGo
from humanoid_hal.emulation.boards import BoardFault
from humanoid_hal.emulation.motors import Motors
from humanoid_hal.emulation.unitree_go import EmulatedUnitreeGo


class Bus:
    """A perfect wire between a protocol and its emulated motors."""

    def __init__(self, count: int = 4) -> None:
        self.devices = [Device(f"joint_{id}", id, "GO-M8010-6") for id in range(count)]
        self.motors = Motors(self.devices)
        self.boards = EmulatedUnitreeGo(self.motors)
        self.protocol = UnitreeGo(self.devices)
        self.sent: list[bytes] = []

    def exchange(self, payload: bytes | None, retries: int = 1) -> None:
        """What the exchange does from sending on: replies, following, one retry in a silence."""
        while payload or retries:
            if not payload:
                payload, retries = self.protocol.retry(), retries - 1
                continue
            self.sent.append(payload)
            replies = self.boards.receive(payload, 0.0, 4_000_000)
            payload = None
            for reply in replies:
                self.protocol.receive(reply.payload)
                payload = self.protocol.following()

    def cycle(self, command: Command | None = None) -> Any:
        if command is not None:
            self.exchange(self.protocol.command(command))
        self.exchange(self.protocol.request())
        return self.protocol.readings()

    def converse(self, conversation: Any) -> Any:
        data = None
        while True:
            try:
                ask = conversation.send(data)
            except StopIteration as stop:
                return stop.value
            replies = self.boards.receive(ask.payload, 0.0, 4_000_000)
            data = b"".join(reply.payload for reply in replies)

    def inject(self, kind: Any, ids: Sequence[int], value: float = 0.0) -> None:
        for id in ids:
            self.boards.inject(BoardFault(kind, id, value))


def law(bus: Bus, **values: float) -> Command:
    n = len(bus.devices)
    return Command(*(np.full(n, values.get(field, 0.0)) for field in Command.__slots__))


@pytest.fixture
def bus() -> Bus:
    return Bus()


def test_startup_brakes_and_warns_of_lost_turns(bus: Bus) -> None:
    bus.motors.powered[:] = True
    (remark,) = bus.converse(bus.protocol.startup())
    assert "power-up" in remark
    assert not bus.motors.powered.any()


def test_without_torque_the_state_is_asked_for_with_brakes(bus: Bus) -> None:
    bus.motors.position[:] = 0.1, 0.2, -0.3, 4.0
    readings = bus.cycle()
    assert readings.fresh.all()
    assert readings.position == pytest.approx([0.1, 0.2, -0.3, 4.0], abs=1e-4)
    assert readings.temperature.tolist() == [25.0] * 4
    assert {codec.parse_command(frame)[1] for frame in bus.sent} == {codec.BRAKE}


def test_every_frame_waits_for_the_reply_to_the_last(bus: Bus) -> None:
    bus.cycle()
    assert [len(payload) for payload in bus.sent] == [17] * 4


def test_the_torque_law_reaches_the_output_shaft(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.cycle(law(bus, position=0.5, velocity=-1.0, effort=2.0, stiffness=60.0, damping=1.5))
    motors = bus.motors
    assert motors.powered.all()
    assert motors.target == pytest.approx([0.5] * 4, abs=1e-4)
    assert motors.speed == pytest.approx([-1.0] * 4, abs=0.002)
    assert motors.effort == pytest.approx([2.0] * 4, abs=0.02)
    assert motors.stiffness == pytest.approx([60.0] * 4, abs=0.02)
    assert motors.damping == pytest.approx([1.5] * 4, abs=0.02)


def test_replies_to_a_command_are_the_next_readings(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.sent.clear()
    bus.motors.torque[:] = 3.0
    readings = bus.cycle(law(bus, effort=3.0))
    assert len(bus.sent) == 4  # no further request
    assert readings.fresh.all()
    assert readings.effort == pytest.approx([3.0] * 4, abs=0.02)


def test_without_a_command_the_last_one_is_repeated(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.cycle(law(bus, position=0.25, stiffness=50.0))
    first = bus.sent[-4:]
    assert bus.cycle().fresh.all()
    assert bus.sent[-4:] == first


def test_torque_on_moves_nothing(bus: Bus) -> None:
    bus.motors.position[:] = 1.0
    bus.cycle()
    bus.converse(bus.protocol.enable(True))
    assert bus.motors.powered.all()
    assert not bus.motors.stiffness.any()
    assert not bus.motors.damping.any()


@pytest.mark.parametrize("dead", [[0], [3], [1, 2], [0, 1, 2]])
def test_the_living_are_commanded_whoever_is_dead(bus: Bus, dead: list[int]) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.cycle(law(bus))
    bus.inject("off", dead)
    for _ in range(len(dead) + 1):
        bus.cycle(law(bus))  # one silence is noticed per cycle
    living = [id for id in range(4) if id not in dead]
    readings = bus.cycle(law(bus, position=0.7, stiffness=10.0))
    assert readings.fresh.tolist() == [id in living for id in range(4)]
    assert bus.motors.target[living] == pytest.approx([0.7] * len(living), abs=1e-3)
    assert not bus.protocol.complete


def test_the_dead_are_tried_in_turn_and_come_back(bus: Bus) -> None:
    bus.cycle()
    bus.inject("off", [1, 2, 3])
    for _ in range(4):
        bus.cycle()
    bus.boards.clear()
    for _ in range(4):
        readings = bus.cycle()
    assert readings.fresh.all()


def test_a_corrupted_reply_is_no_reading(bus: Bus) -> None:
    bus.inject("garbage", [2])
    bus.cycle()
    readings = bus.cycle()
    assert readings.fresh.tolist() == [True, True, False, True]
    assert np.isnan(readings.position[2])
    assert bus.protocol.counters.corrupt > 0


def test_a_reply_too_many_is_foreign(bus: Bus) -> None:
    bus.cycle()
    extra = codec.make_reply(codec.RotorState(1, 0, 9.0, 0.0, 0.0, 20.0, 0, 0))
    bus.protocol.receive(extra)
    assert bus.protocol.counters.foreign == 1
    assert bus.protocol.readings().position[1] == 0.0


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [("overheat", 95.0, "over_temperature"), ("overload", 0.0, "overload")],
)
def test_errors_have_names_of_the_fault_table(bus: Bus, kind: str, value: float, name: str) -> None:
    bus.inject(kind, [1], value)
    (fault,) = bus.cycle().faults
    assert (fault.device, fault.name) == (1, name)


def test_a_broken_encoder_makes_the_reading_worthless(bus: Bus) -> None:
    bus.protocol.request()
    bus.protocol.receive(codec.make_reply(codec.RotorState(0, 0, 1.0, 0.0, 0.0, 20.0, 4, 0)))
    assert not bus.protocol.readings().fresh[0]


def test_a_restarted_motor_is_told_from_a_controlled_one(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    assert not bus.cycle(law(bus)).faults
    bus.inject("reboot", [3])
    bus.protocol.request()
    reply = codec.RotorState(3, codec.BRAKE, 0.0, 0.0, 0.0, 25.0, 0, 0)
    bus.protocol.receive(codec.make_reply(reply))
    (fault,) = bus.protocol.readings().faults
    assert (fault.device, fault.name) == (3, "board_rebooted")


def test_a_motor_back_from_silence_is_braked_until_torque_is_switched_anew(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.inject("off", [1])
    bus.motors.relax(1)
    for _ in range(30):
        bus.cycle(law(bus, effort=1.0))
    bus.boards.clear()
    for _ in range(3):
        readings = bus.cycle(law(bus, effort=1.0))
        assert [fault.name for fault in readings.faults] == ["board_rebooted"]
        assert readings.fresh.all()
    assert bus.motors.powered.tolist() == [True, False, True, True]
    bus.converse(bus.protocol.enable(True))
    readings = bus.cycle(law(bus, effort=1.0))
    assert readings.fresh.all()
    assert not readings.faults
    assert bus.motors.powered.all()


def test_a_rotor_that_jumps_has_lost_its_turns(bus: Bus) -> None:
    bus.cycle()
    bus.converse(bus.protocol.enable(True))
    bus.cycle(law(bus, effort=1.0))
    bus.motors.position[2] += 2 * np.pi / 6.33
    (fault,) = bus.cycle(law(bus, effort=1.0)).faults
    assert (fault.device, fault.name) == (2, "board_rebooted")
    bus.cycle(law(bus, effort=1.0))
    assert bus.motors.powered.tolist() == [True, True, False, True]


def test_one_lost_reply_is_no_restart(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.cycle(law(bus))
    bus.inject("off", [1])
    bus.cycle(law(bus))
    bus.boards.clear()
    assert not bus.cycle(law(bus)).faults


def test_stop_is_one_frame_that_all_obey(bus: Bus) -> None:
    bus.converse(bus.protocol.enable(True))
    bus.cycle(law(bus, effort=5.0))
    assert bus.boards.receive(bus.protocol.stop(), 0.0, 4_000_000) == []
    assert not bus.motors.powered.any()
    assert bus.cycle().fresh.all()
    assert not bus.motors.powered.any()


def test_a_missing_motor_is_named(bus: Bus) -> None:
    bus.inject("off", [2])
    with pytest.raises(BoardError, match=r"joint_2 \(id 2\)"):
        bus.converse(bus.protocol.startup())


def test_it_says_that_no_board_watches(bus: Bus) -> None:
    assert not UnitreeGo.has_watchdog(None)
    assert UnitreeGo.honours_effort(None)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (Device("j", 15, "GO-M8010-6"), "0..14"),
        (Device("j", 1, "GO-1"), "known: GO-M8010-6"),
        (Device("j", 1, "GO-M8010-6", settings={"kt": 1.0}), "no settings"),
    ],
)
def test_what_a_hardware_file_cannot_say(device: Device, message: str) -> None:
    with pytest.raises(BoardError, match=message):
        UnitreeGo([device])


def test_a_scan_lists_who_answers(bus: Bus) -> None:
    found = bus.converse(UnitreeGo.tools.scan())
    assert [device.id for device in found] == [0, 1, 2, 3]
    with pytest.raises(BoardError, match="changeid"):
        bus.converse(UnitreeGo.tools.set_id(0, 1))
