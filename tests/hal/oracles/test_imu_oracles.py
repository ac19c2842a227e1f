"""The packages of others read the bytes of our emulated sensors as we do.

They come with ``requirements/oracles.txt``; without, these tests are skipped.
"""

import io
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.framing import FrameReader
from humanoid_hal.drivers.bno085.protocol import Bno085Rvc
from humanoid_hal.drivers.imu.axes import about, from_frd, from_ned_frd, multiply
from humanoid_hal.drivers.microstrain import codec as mip
from humanoid_hal.drivers.microstrain.protocol import Microstrain
from humanoid_hal.drivers.vectornav.protocol import VectorNav
from humanoid_hal.drivers.witmotion import codec as witmotion
from humanoid_hal.emulation.bno085 import EmulatedBno085
from humanoid_hal.emulation.imu import EmulatedImu
from humanoid_hal.emulation.microstrain import EmulatedMicrostrain
from humanoid_hal.emulation.vectornav import EmulatedVectorNav
from humanoid_hal.emulation.witmotion import EmulatedWitMotion

DEGREE = np.pi / 180.0


def moved(sensor: EmulatedImu) -> EmulatedImu:
    motion = sensor.motion
    assert motion.orientation is not None
    motion.angular_velocity[:] = 0.5, -1.5, 2.5
    motion.linear_acceleration[:] = 1.0, -2.0, 9.5
    motion.orientation[:] = multiply(about(2, 1.0), multiply(about(0, -0.2), about(1, 0.4)))
    return sensor


def stream(sensor: EmulatedImu, seconds: float) -> bytes:
    times = np.arange(0.0, seconds, 0.001)
    return b"".join(reply.payload for now in times for reply in sensor.tick(float(now)))


class Uart(io.BytesIO):
    """What CircuitPython calls a UART."""

    def reset_input_buffer(self) -> None:
        pass


def test_adafruit_reads_our_bno085(monkeypatch: pytest.MonkeyPatch) -> None:
    # It needs no port of its own, only the name.
    monkeypatch.setitem(sys.modules, "busio", SimpleNamespace(UART=object))
    oracle: Any = pytest.importorskip("adafruit_bno08x_rvc")
    data = stream(moved(EmulatedBno085()), 0.05)
    yaw, pitch, roll, *force = oracle.BNO08x_RVC(Uart(data)).heading
    assert [yaw * DEGREE, pitch * DEGREE, roll * DEGREE] == pytest.approx(
        [1.0, -0.2, 0.4], abs=1e-4
    )
    protocol = Bno085Rvc()
    protocol.receive(data)
    sample = protocol.reading()
    assert sample is not None
    assert force == pytest.approx(sample.linear_acceleration, rel=1e-5)


def test_the_package_witmotion_reads_our_witmotion() -> None:
    oracle: Any = pytest.importorskip("witmotion.protocol")
    sensor = moved(EmulatedWitMotion())
    kinds = (witmotion.ACCELERATION, witmotion.RATE, witmotion.QUATERNION)
    sensor.registers[witmotion.CONTENT] = sum(witmotion.CONTENT_BITS[kind] for kind in kinds)
    frames = FrameReader(witmotion.FORMAT).feed(stream(sensor, 0.05))
    for kind, ours in (
        (witmotion.ACCELERATION, witmotion.parse_acceleration),
        (witmotion.RATE, witmotion.parse_rate),
        (witmotion.QUATERNION, witmotion.parse_quaternion),
    ):
        frame = next(frame for frame in frames if frame[1] == kind)
        message = oracle.receive_messages[kind]
        assert message.compute_checksum(frame[2:-1]) == frame[-1]
        theirs = message.parse(frame[2:-1])
        if kind == witmotion.ACCELERATION:
            assert ours(frame) == pytest.approx(np.array(theirs.a) * 9.80665 / 9.8)
        elif kind == witmotion.RATE:
            assert ours(frame) == pytest.approx(np.array(theirs.w) * DEGREE)
        else:
            w, x, y, z = theirs.q
            assert ours(frame) == pytest.approx([x, y, z, w])


def test_mscl_reads_our_microstrain(serve: Callable[[Any, Any], str]) -> None:
    oracle: Any = pytest.importorskip("mscl")
    sensor = moved(EmulatedMicrostrain())
    sensor.format = [
        (field, 10) for field in (mip.SCALED_ACCELERATION, mip.SCALED_GYROSCOPE, mip.QUATERNION)
    ]
    sensor.rate, sensor.streaming = 100.0, True
    protocol = Microstrain()
    protocol.receive(stream(sensor, 0.05))
    ours = protocol.reading()
    assert ours is not None
    path = serve(sensor, None)
    node = oracle.InertialNode(oracle.Connection.Serial(path, Microstrain.default_baud))
    told: dict[str, Any] = {}
    for _ in range(100):  # half a second each
        if "orientQuaternion" in told:
            break
        packets = node.getDataPackets(500, 1)
        told |= {point.channelName(): point for packet in packets for point in packet.data()}
    force, turning = (
        from_frd(np.array([told[f"scaled{kind}{axis}"].as_float() for axis in "XYZ"]))
        for kind in ("Accel", "Gyro")
    )
    assert force * 9.80665 == pytest.approx(ours.linear_acceleration, rel=1e-5)
    assert turning == pytest.approx(ours.angular_velocity, rel=1e-5)
    w, x, y, z = (told["orientQuaternion"].as_Vector().as_floatAt(i) for i in range(4))
    assert from_ned_frd(np.array([x, y, z, w])) == pytest.approx(ours.orientation, abs=1e-5)


def test_the_package_vectornav_reads_our_vectornav(serve: Callable[[Any, Any], str]) -> None:
    oracle: Any = pytest.importorskip("vectornav")
    sensor = moved(EmulatedVectorNav())
    protocol = VectorNav()
    protocol.receive(sensor.measurement(1))
    ours = protocol.reading()
    assert ours is not None
    with oracle.VN200(serve(sensor, None)) as theirs:
        assert theirs.read_model_number() == "VN-100T-CR"
        attitude, force, turning = (
            np.array(list(values.values()))
            for values in (theirs.read_quaternion(), theirs.read_accel(), theirs.read_gyro())
        )
        with pytest.raises(oracle.VN200Error, match="Invalid Register"):
            theirs.read_gps()
    assert from_ned_frd(attitude) == pytest.approx(ours.orientation, abs=1e-5)
    assert from_frd(force) == pytest.approx(ours.linear_acceleration, abs=1e-5)
    assert from_frd(turning) == pytest.approx(ours.angular_velocity, abs=1e-5)
