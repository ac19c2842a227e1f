"""CANSimple frames, byte for byte as ODrive's DBC file has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.can.frames import REMOTE
from humanoid_hal.drivers.odrive import codec
from humanoid_hal.drivers.odrive.codec import Cmd
from humanoid_hal.drivers.odrive.protocol import ODriveProtocol

TURN = 2 * np.pi


def one(value: float) -> np.ndarray:
    return np.array([value])


# cantools 45 with odrive-cansimple-0.6.10.dbc of odrive-can 2.1.0, messages Axis3_*.
@pytest.mark.parametrize(
    ("frames", "identifier", "payload"),
    [
        (
            codec.make_input([3], one(0.25 * TURN), one(-0.5 * TURN), one(2.0)),
            0x6C,
            "0000803e0cfed007",
        ),
        (codec.make_state([3], codec.CLOSED_LOOP), 0x67, "0800000000000000"),
        (codec.make_mode([3]), 0x6B, "0300000001000000"),
        (codec.make_pos_gain([3], one(20.0)), 0x7A, "0000a04100000000"),
        (codec.make_vel_gains([3], one(1.0)), 0x7B, "db0fc94000000000"),
        (codec.make_clear([3]), 0x78, "00"),
        (codec.make_pairs([3], Cmd.ESTIMATES, one(0.5), one(-1.5)), 0x69, "0000003f0000c0bf"),
        (codec.make_pairs([3], Cmd.TORQUES, one(1.0), one(2.5)), 0x7C, "0000803f00002040"),
        (codec.make_heartbeat(3, 0x1000000, 1, 3), 0x61, "0000000101030100"),
        (codec.make_sdo([3], 0x1234), 0x64, "0034120000000000"),
        (codec.make_sdo([3], 0x1234, b"\1\2\3\4"), 0x64, "0134120001020304"),
        (codec.make_ask([3], Cmd.VERSION), REMOTE | 0x60, ""),
    ],
)
def test_frames(frames: CanBatch, identifier: int, payload: str) -> None:
    assert frames.frames() == [(identifier, bytes.fromhex(payload))]


def test_answers_are_read() -> None:
    assert codec.version_of(bytes.fromhex("0204043a00060a00")) == "0.6.10"
    assert codec.parse_heartbeat(bytes.fromhex("0000000101030100")) == (1 << 24, 1, 3)
    batch = CanBatch.of([(0x69, bytes.fromhex("0000003f0000c0bf"))])
    assert codec.pairs(batch.data).tolist() == [[0.5, -1.5]]
    nodes, commands = codec.split(batch)
    assert (nodes[0], commands[0]) == (3, Cmd.ESTIMATES)


@given(st.floats(-100, 100), st.floats(-40, 40), st.floats(-40, 40))
def test_inputs_come_back_within_half_a_step_of_what_fits(p: float, v: float, t: float) -> None:
    ((_, data),) = codec.make_input([1], one(p * TURN), one(v * TURN), one(t)).frames()
    position, fields = np.frombuffer(data[:4], "<f4")[0], np.frombuffer(data[4:], "<i2")
    assert position == pytest.approx(p, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(fields * 0.001, np.clip((v, t), -32.767, 32.767), atol=0.000501)


@given(st.integers(0, 0xFFFF_FFFF), st.binary(max_size=8))
def test_any_frame_is_taken_without_harm(identifier: int, payload: bytes) -> None:
    protocol = ODriveProtocol([Device("hip", 3, "ODrive")])
    protocol.receive(CanBatch.of([(identifier, payload)]))
    readings = protocol.readings()
    assert np.isfinite(readings.position[readings.fresh]).all()
    assert protocol.counters.total == 1


def test_a_flipped_bit_is_rejected_or_finite() -> None:
    golden = codec.make_pairs([3], Cmd.ESTIMATES, one(0.5), one(-1.5))
    for bit in range(64):
        protocol = ODriveProtocol([Device("hip", 3, "ODrive")])
        data = golden.data.copy()
        data[0, bit // 8] ^= 1 << bit % 8
        protocol.receive(CanBatch(golden.ids, golden.lengths, data))
        readings = protocol.readings()
        assert np.isfinite(readings.position[readings.fresh]).all()
    for bit in range(11):
        protocol = ODriveProtocol([Device("hip", 3, "ODrive")])
        protocol.receive(CanBatch(golden.ids ^ np.uint32(1 << bit), golden.lengths, golden.data))
        assert not protocol.readings().fresh.any()  # another node, or another message
