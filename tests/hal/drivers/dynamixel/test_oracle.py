"""ROBOTIS' own SDK talks to the emulated servos, and reads what our driver reads."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dynamixel_easy_sdk
import dynamixel_sdk
import numpy as np
import pytest

from humanoid_hal.driver import Command
from humanoid_hal.drivers.dynamixel.models import MODELS
from humanoid_hal.drivers.dynamixel.registers import X_SERIES

BAUD = 1_000_000
OK = dynamixel_sdk.COMM_SUCCESS
_FILES = Path(dynamixel_easy_sdk.__file__).parent / "control_table"
_UNIT = 2.69e-3 * 10.6 / 4.4  # [N m] per unit of current of an XM540-W270

#: Our names of registers, in the words of the `.model` files.
_WORDS = {
    "model_number": "Model Number", "firmware": "Firmware Version", "id": "ID",
    "baud_rate": "Baud Rate", "return_delay": "Return Delay Time", "drive_mode": "Drive Mode",
    "operating_mode": "Operating Mode", "protocol_type": "Protocol Type",
    "homing_offset": "Homing Offset", "temperature_limit": "Temperature Limit",
    "voltage_max": "Max Voltage Limit", "voltage_min": "Min Voltage Limit",
    "velocity_limit": "Velocity Limit", "position_max": "Max Position Limit",
    "position_min": "Min Position Limit", "shutdown": "Shutdown",
    "torque_enable": "Torque Enable", "status_return": "Status Return Level",
    "hardware_error": "Hardware Error Status", "position_d": "Position D Gain",
    "position_i": "Position I Gain", "position_p": "Position P Gain",
    "bus_watchdog": "Bus Watchdog", "goal_velocity": "Goal Velocity",
    "profile_acceleration": "Profile Acceleration", "profile_velocity": "Profile Velocity",
    "goal_position": "Goal Position", "present_velocity": "Present Velocity",
    "present_position": "Present Position", "voltage": "Present Input Voltage",
    "temperature": "Present Temperature", "indirect_address": "Indirect Address 1",
    "indirect_data": "Indirect Data 1",
}  # fmt: skip
_WITH_CURRENT = {
    "current_limit": "Current Limit",
    "goal_current": "Goal Current",
    "present_current": "Present Current",
}


@pytest.fixture
def sdk(threaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    # It waits for twice this [ms] and no longer; a busy computer may need more than 32.
    monkeypatch.setattr(dynamixel_sdk.port_handler, "LATENCY_TIMER", 1000)
    port = dynamixel_sdk.PortHandler(threaded.port)
    assert port.openPort()
    assert port.setBaudRate(BAUD)
    yield port, dynamixel_sdk.PacketHandler(2.0)
    port.closePort()


def _model_file(name: str) -> dict[str, list[str]]:
    """Rows of a vendor's table: registers by their last column, settings by their first."""
    text = (_FILES / f"{name.lower().replace('-', '_')}.model").read_text()
    rows = [line.split("\t") for line in text.splitlines()]
    return {row[-1]: row for row in rows if len(row) == 3} | {
        row[0] + " unit" * (len(row) == 4): row for row in rows if len(row) in (2, 4)
    }


@pytest.mark.parametrize("name", MODELS)
def test_registers_and_resolutions_are_those_of_the_vendors_tables(name: str) -> None:
    model, rows = MODELS[name], _model_file(name)
    words = _WORDS | (_WITH_CURRENT if model.current_unit else {})
    for ours, theirs in words.items():
        address, size, _ = rows[theirs]
        assert (model.table[ours].address, model.table[ours].size) == (int(address), int(size)), (
            ours
        )
    half_turn = int(rows["value_of_max_radian_position"][1]) - model.zero
    assert abs(half_turn - model.counts / 2) <= 1  # theirs ends one count short of a half turn
    assert model.zero == int(rows["value_of_zero_radian_position"][1])
    speed = float(_model_file(name)["Present Velocity unit"][1])
    assert model.table["present_velocity"].scale == pytest.approx(speed, 1e-3)


def test_model_numbers_are_the_vendors() -> None:
    lines = (_FILES / "dynamixel.model").read_text().splitlines()[1:]
    numbers = {line.split("\t")[1]: int(line.split("\t")[0]) for line in lines}
    for name, model in MODELS.items():
        assert numbers[f"{name.lower().replace('-', '_')}.model"] == model.number


def test_the_sdk_finds_every_servo(sdk) -> None:
    port, packets = sdk
    found, result = packets.broadcastPing(port)
    assert result == OK
    assert found == {id: [1120, 52] for id in (1, 2, 3, 7, 200)}
    assert packets.ping(port, 7) == (1120, OK, 0)


def test_both_read_the_same_values(threaded, sdk, make_protocol, run_cycle) -> None:
    protocol = make_protocol(threaded)
    port, packets = sdk
    port.closePort()
    exchange, link = threaded.link(protocol)
    exchange.converse([(link, protocol.startup())])
    readings = run_cycle(exchange, link)
    link.close()
    port.openPort()
    group = dynamixel_sdk.GroupSyncRead(port, packets, 126, 10)
    for servo in protocol.servos:
        group.addParam(servo.id)
    assert group.txRxPacket() == OK
    for index, servo in enumerate(protocol.servos):
        current, velocity, position = (
            _signed(group.getData(servo.id, address, size), size)
            for address, size in ((126, 2), (128, 4), (132, 4))
        )
        assert readings.position[index] == pytest.approx((position - 2048) * 2 * np.pi / 4096)
        assert readings.velocity[index] == pytest.approx(velocity * 0.0239808, rel=1e-4)
        assert readings.effort[index] == pytest.approx(current * _UNIT)
    np.testing.assert_allclose(readings.position, threaded.motors.position, atol=0.8e-3)
    np.testing.assert_allclose(readings.velocity, threaded.motors.velocity, atol=0.013)
    np.testing.assert_allclose(readings.effort, threaded.motors.torque, atol=0.0035)


@pytest.mark.parametrize("fast", [False, True])
def test_the_sdks_group_reads_work_and_agree(threaded, sdk, fast: bool) -> None:
    port, packets = sdk
    group = dynamixel_sdk.GroupSyncRead(port, packets, 132, 4)
    for id in (1, 2, 3, 7, 200):
        group.addParam(id)
    assert (group.fastSyncRead() if fast else group.txRxPacket()) == OK
    counts = [_signed(group.getData(id, 132, 4), 4) for id in (1, 2, 3, 7, 200)]
    assert counts == [round(q / (2 * np.pi) * 4096) + 2048 for q in threaded.motors.position]


def test_what_the_sdk_writes_moves_the_motor(threaded, sdk) -> None:
    port, packets = sdk
    assert packets.write1ByteTxRx(port, 3, 11, 0) == (OK, 0)
    assert packets.write1ByteTxRx(port, 3, 64, 1) == (OK, 0)
    assert packets.write2ByteTxRx(port, 3, 102, 0x10000 - 100) == (OK, 0)
    assert threaded.motors.effort[2] == pytest.approx(-100 * _UNIT)
    assert threaded.motors.powered.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("address", "value", "error"),
    [(11, 3, 7), (132, 5, 7), (7, 253, 4), (102, 2048, 6)],
    ids=["EEPROM while torque is on", "a read-only register", "no such id", "beyond the limit"],
)
def test_what_a_servo_refuses_the_sdk_is_told(sdk, address: int, value: int, error: int) -> None:
    port, packets = sdk
    packets.write1ByteTxRx(port, 1, 64, 0 if address == 7 else 1)
    size = {11: 1, 7: 1, 102: 2}.get(address, 4)
    result = getattr(packets, f"write{size}ByteTxRx")(port, 1, address, value)
    assert result == (OK, error)


def test_a_stuffed_value_survives_the_sdk(sdk) -> None:
    port, packets = sdk
    assert packets.write4ByteTxRx(port, 2, 116, 0x00FDFFFF) == (OK, 0)
    assert packets.read4ByteTxRx(port, 2, 116) == (0x00FDFFFF, OK, 0)


def test_nobody_hears_a_wrong_baud_rate(threaded) -> None:
    port = dynamixel_sdk.PortHandler(threaded.port)
    port.openPort()
    port.setBaudRate(57600)
    assert dynamixel_sdk.PacketHandler(2.0).ping(port, 1)[1] != OK
    port.closePort()


def test_our_command_arrives_as_the_sdk_reads_it(threaded, sdk, make_protocol: Callable) -> None:
    port, packets = sdk
    port.closePort()
    protocol = make_protocol(threaded)
    exchange, link = threaded.link(protocol)
    exchange.converse([(link, protocol.startup())])
    exchange.converse([(link, protocol.enable(True))])
    zero = np.zeros(5)
    link.send(protocol.command(Command(zero, zero, np.array([1.0, -2.0, 0, 3, 99]), zero, zero)))
    link.close()
    port.openPort()
    goals = [_signed(packets.read2ByteTxRx(port, id, 102)[0], 2) for id in (1, 2, 3, 7, 200)]
    assert goals == [*(round(tau / _UNIT) for tau in (1.0, -2.0, 0.0, 3.0)), 2047]
    watchdogs = [
        packets.read1ByteTxRx(port, id, X_SERIES["bus_watchdog"].address)[0] for id in (1, 7)
    ]
    assert watchdogs == [5, 5]  # 100 ms


def _signed(value: int, size: int) -> int:
    return value - (1 << 8 * size) if value >> (8 * size - 1) else value
