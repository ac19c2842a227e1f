"""RobStride's private frames, byte for byte as the maker's package writes and reads them."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.can import EXTENDED, CanBatch
from humanoid_hal.drivers.mit.models import ROBSTRIDE, agreed_scale, stack
from humanoid_hal.drivers.robstride import codec, parameters

RS01 = stack([agreed_scale(ROBSTRIDE, "RS01")])
UNIT = st.floats(-1.0, 1.0)


@pytest.mark.parametrize(
    ("frames", "identifier", "payload"),
    [
        # robstride-dynamics 0.0.1: type << 24 | extra << 8 | id; here with its host id replaced by ours.
        (codec.make_get_id([7]), 0x0000FD07, "0000000000000000"),
        (codec.make_enable([7]), 0x0300FD07, "0000000000000000"),
        (codec.make_stop([7]), 0x0400FD07, "0000000000000000"),
        (codec.make_stop([7], clear=True), 0x0400FD07, "0100000000000000"),
        (codec.make_set_zero([7]), 0x0600FD07, "0100000000000000"),
        (codec.make_set_id([7], 9), 0x0709FD07, "0000000000000000"),
        (codec.make_read([7], parameters.MECH_POS), 0x1100FD07, "1970000000000000"),
        (codec.make_write([7], parameters.RUN_MODE, 0), 0x1200FD07, "0570000000000000"),
        (codec.make_write([7], parameters.CAN_TIMEOUT, 2000), 0x1200FD07, "28700000d0070000"),
        (codec.make_save([7]), 0x1600FD07, "0102030405060708"),
    ],
)
def test_frames_of_orders(frames: CanBatch, identifier: int, payload: str) -> None:
    assert frames.frames() == [(EXTENDED | identifier, bytes.fromhex(payload))]


def vendor_control(p: float, v: float, kp: float, kd: float, t: float) -> tuple[int, bytes]:
    """write_operation_frame of robstride-dynamics 0.0.1 for an RS01, restated."""
    codes = [
        int((p / (4 * np.pi) + 1.0) * 0x7FFF),
        int((v / 44 + 1.0) * 0x7FFF),
        int(kp / 500.0 * 0xFFFF),
        int(kd / 5.0 * 0xFFFF),
    ]
    return int((t / 17 + 1.0) * 0x7FFF), struct.pack(">HHHH", *codes)


@given(UNIT, UNIT, st.floats(0, 1), st.floats(0, 1), UNIT)
def test_a_command_is_within_two_codes_of_the_vendors(
    p: float, v: float, kp: float, kd: float, t: float
) -> None:
    values = (p * 4 * np.pi, v * 44, kp * 500, kd * 5, t * 17)
    torque, payload = vendor_control(*values)
    arrays = [np.array([x]) for x in values]
    ours = codec.make_control([7], RS01, arrays[0], arrays[1], arrays[4], arrays[2], arrays[3])
    ((identifier, data),) = ours.frames()
    assert identifier & 0xFF == 7
    assert abs((identifier >> 8 & 0xFFFF) - torque) <= 2
    for mine, theirs in zip(struct.unpack(">4H", data), struct.unpack(">4H", payload), strict=True):
        assert abs(mine - theirs) <= 2
    back = codec.parse_control(RS01, ours)
    np.testing.assert_allclose(
        np.concatenate(back), [values[i] for i in (0, 1, 4, 2, 3)], atol=4e-3
    )


@given(UNIT, UNIT, UNIT, st.floats(0, 200), st.integers(0, 63), st.integers(0, 3))
def test_feedback_comes_back(
    p: float, v: float, t: float, temperature: float, faults: int, mode: int
) -> None:
    frames = codec.make_feedback(
        [7], codec.HOST, RS01, np.array([p * 4 * np.pi]), np.array([v * 44]), np.array([t * 17]),
        np.array([temperature]), [faults], [mode],
    )  # fmt: skip
    assert codec.feedback_ids(frames).tolist() == [7]
    read = codec.parse_feedback(RS01, frames)
    assert (read.ids[0], read.faults[0], read.mode[0]) == (7, faults, mode)
    assert read.position[0] == pytest.approx(p * 4 * np.pi, abs=2e-4)
    assert read.velocity[0] == pytest.approx(v * 44, abs=7e-4)
    assert read.torque[0] == pytest.approx(t * 17, abs=3e-4)
    assert read.temperature[0] == pytest.approx(temperature, abs=0.0501)


def test_only_feedback_for_this_host_counts() -> None:
    others = [(0x0280_07FD, bytes(8)), (EXTENDED | 0x0280_07FC, bytes(8)),
              (EXTENDED | 0x0380_07FD, bytes(8)), (EXTENDED | 0x0280_07FD, bytes(7))]  # fmt: skip
    assert codec.feedback_ids(CanBatch.of(others)).tolist() == [-1] * 4


def test_a_flipped_bit_of_feedback_is_another_motor_or_harmless() -> None:
    zero = np.zeros(1)
    ((identifier, payload),) = codec.make_feedback(
        [7], codec.HOST, RS01, zero, zero, zero, zero, [0], [codec.MODE_RUN]
    ).frames()
    for bit in range(29):
        flipped = CanBatch.of([(identifier ^ 1 << bit, payload)])
        motor = codec.feedback_ids(flipped)[0]
        assert motor != 7 or 16 <= bit <= 23  # a fault more, or another mode: never another value
    for bit in range(64):
        data = bytearray(payload)
        data[bit // 8] ^= 1 << bit % 8
        read = codec.parse_feedback(RS01, CanBatch.of([(identifier, bytes(data))]))
        assert abs(read.position[0]) <= 4 * np.pi + 1e-9
        assert abs(read.velocity[0]) <= 44 + 1e-9


def test_answers_are_read() -> None:
    answer = codec.parse_parameter(
        EXTENDED | 0x1100_07FD, bytes.fromhex("19700000") + struct.pack("<f", 1.5)
    )
    assert answer is not None
    assert (answer.board, answer.index, answer.ok) == (7, 0x7019, True)
    assert parameters.MECH_POS.unpack(answer.raw) == 1.5
    missing = codec.parse_parameter(EXTENDED | 0x1101_07FD, bytes(8))
    assert missing is not None
    assert not missing.ok
    identity = codec.parse_identity(EXTENDED | 0x0000_07FE, bytes(range(8)))
    assert identity == codec.Identity(7, bytes(range(8)))
    fault = codec.parse_fault(EXTENDED | 0x1500_07FD, struct.pack("<II", 1 << 2 | 1 << 14, 1))
    assert fault == codec.FaultReport(7, ("under-voltage", "stall overload"), warning=True)


@given(st.integers(0, 0xFFFF_FFFF), st.binary(max_size=8))
def test_any_frame_is_read_or_refused(identifier: int, payload: bytes) -> None:
    frames = CanBatch.of([(identifier, payload)])
    codec.feedback_ids(frames)
    codec.parse_parameter(identifier, payload)
    codec.parse_identity(identifier, payload)
    codec.parse_fault(identifier, payload)
