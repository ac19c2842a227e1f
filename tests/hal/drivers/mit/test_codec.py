"""The MIT bytes are those of the makers' packages, and every value comes back within half a step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.drivers.mit import codec
from humanoid_hal.drivers.mit.models import DAMIAO, Scale, agreed_scale, stack

DM4310 = stack([Scale(12.5, 30.0, 10.0)])
#: (position, velocity, torque, kp, kd) to the payload made by damiao-motor 1.0.6, which cuts off.
GOLDEN = [
    ((0.0, 0.0, 0.0, 0.0, 0.0), "7fff7ff0000007ff"),
    ((1.0, -2.0, 3.0, 20.0, 1.5), "8a3c7770a34cca65"),
    ((-12.5, -30.0, -10.0, 0.0, 0.0), "0000000000000000"),
    ((-0.3, 12.25, -7.5, 333.0, 4.2), "7cedb43aa7d6f1ff"),
]
UNIT = st.floats(-1.2, 1.2)


def pack(scales: codec.Scales, *values: float) -> np.ndarray:
    return codec.pack_command(scales, *(np.array([v]) for v in values))


def fields(payload: bytes) -> tuple[int, ...]:
    bits = int.from_bytes(payload, "big")
    return bits >> 48, bits >> 36 & 0xFFF, bits >> 24 & 0xFFF, bits >> 12 & 0xFFF, bits & 0xFFF


@pytest.mark.parametrize(("values", "payload"), GOLDEN)
def test_a_command_is_at_most_one_code_above_the_makers(values: tuple, payload: str) -> None:
    ours = fields(pack(DM4310, *values)[0].tobytes())
    for mine, theirs in zip(ours, fields(bytes.fromhex(payload)), strict=True):
        assert 0 <= mine - theirs <= 1


@given(st.tuples(UNIT, UNIT, UNIT, UNIT, UNIT))
def test_a_command_comes_back_within_half_a_step_of_its_clipped_value(units: tuple) -> None:
    full = np.array([12.5, 30.0, 10.0, 500.0, 5.0])
    wanted = np.clip(np.array(units) * full, [-12.5, -30.0, -10.0, 0.0, 0.0], full)
    p, v, t, kp, kd = codec.unpack_command(DM4310, pack(DM4310, *wanted))
    steps = DM4310.step[:, 0]
    error = np.abs(np.array([p[0], v[0], t[0], kp[0], kd[0]]) - wanted)
    assert (error <= 0.5001 * steps).all() or wanted[0] >= 12.5 - 2 * steps[0]


@pytest.mark.parametrize("name", [n for n in DAMIAO if len(DAMIAO[n]) == 1])
def test_the_ends_of_every_field_are_exact(name: str) -> None:
    scale = agreed_scale(DAMIAO, name)
    scales = stack([scale, scale, scale])
    at = np.array([-1.0, 0.0, 1.0])
    gain = np.array([0.0, 0.5, 1.0])
    data = codec.pack_command(
        scales,
        at * scale.position,
        at[::-1] * scale.velocity,
        at * scale.torque,
        gain * 500.0,
        gain * 5.0,
    )
    p, v, t, kp, kd = codec.unpack_command(scales, data)
    for got, want, step in zip(
        (p, v, t, kp, kd),
        (
            at * scale.position,
            at[::-1] * scale.velocity,
            at * scale.torque,
            gain * 500.0,
            gain * 5.0,
        ),
        scales.step,
        strict=True,
    ):
        np.testing.assert_allclose(got, want, atol=0.5001 * step[0])


def test_no_command_reads_as_a_special_payload() -> None:
    for torque in np.linspace(9.97, 10.0, 16):
        payload = pack(DM4310, 12.5, 30.0, torque, 500.0, 5.0)[0].tobytes()
        assert payload[:6] != b"\xff" * 6
    assert codec.special(codec.ENABLE, 1)[0].tobytes() == b"\xff" * 7 + b"\xfc"


@given(UNIT, UNIT, UNIT)
def test_a_state_comes_back_within_half_a_step(p: float, v: float, t: float) -> None:
    full = np.array([12.5, 30.0, 10.0])
    wanted = np.clip(np.array([p, v, t]), -1, 1) * full
    data = codec.pack_state(DM4310, *(wanted[i : i + 1] for i in range(3)))
    back = np.concatenate(codec.unpack_state(DM4310, data))
    steps = DM4310.step[:3, 0]
    assert (np.abs(back - wanted) <= 0.5001 * steps).all()


def test_a_state_is_read_as_the_maker_reads_it() -> None:
    # damiao-motor 1.0.6, decode_sensor_feedback(14 8a3d 777 333 28 2a) for a DM4310.
    data = np.array([[0x14, 0x8A, 0x3D, 0x77, 0x73, 0x33, 0x28, 0x2A]], np.uint8)
    p, v, t = codec.unpack_state(DM4310, data)
    assert p[0] == pytest.approx(35389 * 25 / 65535 - 12.5)
    assert v[0] == pytest.approx(0x777 * 60 / 4095 - 30)
    assert t[0] == pytest.approx(0x333 * 20 / 4095 - 10)


def test_a_flipped_bit_stays_within_the_scale() -> None:
    golden = codec.pack_state(DM4310, np.array([1.0]), np.array([-2.0]), np.array([3.0]))
    for bit in range(64):
        data = golden.copy()
        data[0, bit // 8] ^= 1 << bit % 8
        p, v, t = codec.unpack_state(DM4310, data)
        assert abs(p[0]) <= 12.5
        assert abs(v[0]) <= 30.0
        assert abs(t[0]) <= 10.0 + 1e-12


def test_motors_of_a_bus_keep_their_own_scales() -> None:
    scales = stack([Scale(12.5, 30.0, 10.0), Scale(4 * np.pi, 15.0, 120.0, 5000.0, 100.0)])
    one = np.ones(2)
    p, v, t, kp, kd = codec.unpack_command(
        scales, codec.pack_command(scales, one, one, one, one, one)
    )
    np.testing.assert_allclose(p, 1.0, atol=2e-4)
    np.testing.assert_allclose(v, 1.0, atol=8e-3)
    np.testing.assert_allclose(t, 1.0, atol=0.03)
    np.testing.assert_allclose(kp, 1.0, atol=0.62)
    np.testing.assert_allclose(kd, 1.0, atol=0.0123)
