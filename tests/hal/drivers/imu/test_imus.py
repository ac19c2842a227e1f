"""Every sensor family, against its emulated device: configured, read back, and in REP-145."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from humanoid_hal.bus.families import BUILT_IN, find_protocol
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.driver import ImuSample
from humanoid_hal.drivers.bno085.protocol import Bno085Rvc
from humanoid_hal.drivers.hipnuc.protocol import Hipnuc, HipnucOptions
from humanoid_hal.drivers.imu.axes import about, multiply, rotate
from humanoid_hal.drivers.imu.stream import ImuOptions, StreamedImu
from humanoid_hal.drivers.microstrain.protocol import Microstrain, MicrostrainOptions
from humanoid_hal.drivers.vectornav.protocol import VectorNav, VectorNavOptions
from humanoid_hal.drivers.witmotion import codec as witmotion
from humanoid_hal.drivers.witmotion.protocol import WitMotion, WitMotionOptions
from humanoid_hal.drivers.xsens_mti import codec as xsens
from humanoid_hal.drivers.xsens_mti.protocol import XsensMti, XsensOptions
from humanoid_hal.emulation.bno085 import EmulatedBno085
from humanoid_hal.emulation.boards import BoardFault, find_emulator
from humanoid_hal.emulation.hipnuc import EmulatedHipnuc
from humanoid_hal.emulation.imu import EmulatedImu
from humanoid_hal.emulation.microstrain import EmulatedMicrostrain
from humanoid_hal.emulation.vectornav import EmulatedVectorNav
from humanoid_hal.emulation.witmotion import EmulatedWitMotion
from humanoid_hal.emulation.xsens_mti import EmulatedXsens


@dataclass
class Case:
    protocol: type[StreamedImu]
    sensor: type[EmulatedImu]
    rate: float  # [Hz] with default options
    resolution: tuple[float, float, float] = (1e-5, 1e-5, 1e-5)  # rate, force, orientation


class FiveSeries(EmulatedMicrostrain):
    legacy = True


CASES = {
    "xsens": Case(XsensMti, EmulatedXsens, 400.0),
    "microstrain": Case(Microstrain, EmulatedMicrostrain, 500.0),
    "microstrain_5": Case(Microstrain, FiveSeries, 500.0),
    "vectornav": Case(VectorNav, EmulatedVectorNav, 400.0),
    "witmotion": Case(WitMotion, EmulatedWitMotion, 200.0, (1e-3, 5e-3, 1e-4)),
    "bno085": Case(Bno085Rvc, EmulatedBno085, 100.0, (0.0, 5e-3, 1e-4)),
    "hipnuc": Case(Hipnuc, EmulatedHipnuc, 500.0),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_after_startup_it_streams_at_the_rate_asked_for(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    remarks = wire.converse(protocol.startup())
    assert all(isinstance(remark, str) for remark in remarks)
    protocol.request()
    before = protocol.counters.good
    protocol.receive(wire.run(0.5))
    frames = 3 if case.protocol is WitMotion else 1  # of one measurement
    assert (protocol.counters.good - before) / frames == pytest.approx(case.rate * 0.5, abs=2)


def test_startup_can_be_repeated_while_it_streams(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    assert wire.converse(protocol.startup()) == wire.converse(protocol.startup())


def test_motion_comes_through_in_rep_145(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    motion = wire.sensor.motion
    assert motion.orientation is not None
    motion.angular_velocity[:] = 0.1, -0.2, 0.3
    motion.orientation[:] = multiply(about(2, 2.0), multiply(about(1, 0.3), about(0, -0.4)))
    motion.linear_acceleration[:] = 1.0, -2.0, 9.0
    protocol.request()
    protocol.receive(wire.run(1.5 / case.rate))
    assert protocol.complete
    sample = protocol.reading()
    assert sample is not None
    rate, force, orientation = case.resolution
    if case.protocol.gyroscope:
        assert sample.angular_velocity == pytest.approx(motion.angular_velocity, abs=rate)
    else:
        assert np.isnan(sample.angular_velocity).all()
    assert sample.linear_acceleration == pytest.approx(motion.linear_acceleration, abs=force)
    assert sample.orientation is not None
    assert abs(float(sample.orientation @ motion.orientation)) == pytest.approx(
        1.0, abs=orientation
    )


def test_a_silent_sensor_is_an_error_with_a_next_step(case: Case, line: Any) -> None:
    class Dead(EmulatedImu):
        def answer(self, data: bytes, now: float) -> bytes:
            return b""

        def measurement(self, count: int) -> bytes:
            return b""

    with pytest.raises(BoardError, match="power"):
        line(Dead()).converse(case.protocol().startup())


def test_noise_is_no_sensor(case: Case, line: Any) -> None:
    class Noise(EmulatedImu):
        def answer(self, data: bytes, now: float) -> bytes:
            return b"\x00\xff"

        def measurement(self, count: int) -> bytes:
            return np.random.default_rng(count).bytes(50)

    with pytest.raises(BoardError, match="baud rate"):
        line(Noise()).converse(case.protocol().startup())


def test_another_scale_is_found_at_startup(case: Case, line: Any) -> None:
    wire = line(case.sensor())
    wire.sensor.motion.linear_acceleration[:] = 0.0, 0.0, 1.0  # sends g where m/s^2 is expected
    with pytest.raises(BoardError, match=r"0\.10 g at start-up"):
        wire.converse(case.protocol().startup())


def test_an_orientation_against_gravity_is_remarked(case: Case, line: Any) -> None:
    wire = line(case.sensor())
    wire.sensor.motion.orientation[:] = about(0, 1.0)
    remarks = wire.converse(case.protocol().startup())
    assert any("57 degrees off" in remark for remark in remarks)


def test_a_case_mounted_upside_down_reads_upward(case: Case, line: Any) -> None:
    protocol = case.protocol(case.protocol.Options(rpy=np.array([np.pi, 0.0, 0.0])))
    wire = line(case.sensor())
    wire.sensor.motion.linear_acceleration[:] = 0.0, 0.0, -9.81
    wire.sensor.motion.orientation[:] = about(0, np.pi)
    wire.converse(protocol.startup())
    protocol.request()
    protocol.receive(wire.run(0.02))
    sample = protocol.reading()
    assert sample is not None
    assert sample.linear_acceleration == pytest.approx([0, 0, 9.81], abs=0.01)
    assert sample.orientation is not None
    assert rotate(sample.orientation, np.array([0.0, 0.0, 1.0]))[2] == pytest.approx(1.0)


def test_what_comes_between_two_cycles_belongs_to_the_later_one(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    protocol.reading()
    protocol.receive(wire.run(1.5 / case.rate))
    protocol.request()
    assert protocol.complete
    assert protocol.reading() is not None
    protocol.request()
    assert not protocol.complete
    assert protocol.reading() is None


def test_several_readings_of_a_cycle_are_averaged(line: Any) -> None:
    protocol, wire = Hipnuc(), line(EmulatedHipnuc())
    wire.converse(protocol.startup())
    protocol.reading()
    protocol.request()
    for rate in (1.0, 2.0, 3.0):
        wire.sensor.motion.angular_velocity[0] = rate
        wire.sensor.motion.orientation[:] = about(2, rate)
        protocol.receive(wire.run(0.002))
    sample = protocol.reading()
    assert sample is not None
    assert sample.angular_velocity[0] == pytest.approx(2.0)
    assert sample.orientation == pytest.approx(about(2, 3.0), abs=1e-6)


@pytest.mark.parametrize("what", ["linear_acceleration", "angular_velocity"])
def test_a_number_that_is_not_finite_makes_no_reading(what: str, line: Any) -> None:
    protocol, wire = XsensMti(), line(EmulatedXsens())
    wire.converse(protocol.startup())
    before = protocol.counters.corrupt
    getattr(wire.sensor.motion, what)[1] = np.nan
    protocol.request()
    protocol.receive(wire.run(0.01))
    assert protocol.reading() is None
    assert protocol.counters.corrupt >= before + 4


@pytest.mark.parametrize("bad", [np.nan, 7.0])
def test_an_orientation_that_is_none_leaves_the_rest(bad: float, line: Any) -> None:
    protocol, wire = XsensMti(), line(EmulatedXsens())
    wire.converse(protocol.startup())
    wire.sensor.motion.orientation[2] = bad
    protocol.request()
    protocol.receive(wire.run(0.01))
    sample = protocol.reading()
    assert sample is not None
    assert sample.orientation is None
    assert np.isfinite(sample.angular_velocity).all()


def test_an_mti_that_cannot_do_the_rate_is_refused(line: Any) -> None:
    with pytest.raises(BoardError, match="0x8020 at 400 Hz"):
        line(EmulatedXsens()).converse(XsensMti(XsensOptions(rate=800)).startup())


def test_an_mti_without_orientation_filter_says_so(line: Any) -> None:
    sensor = EmulatedXsens()
    sensor.rates = {k: v for k, v in sensor.rates.items() if k != xsens.QUATERNION}
    with pytest.raises(BoardError, match="refused 'set the outputs'"):
        line(sensor).converse(XsensMti().startup())
    protocol, wire = XsensMti(XsensOptions(orientation=False)), line(sensor)
    wire.converse(protocol.startup())
    protocol.receive(wire.run(0.01))
    sample = protocol.reading()
    assert sample is not None
    assert sample.orientation is None


def test_a_rate_that_does_not_divide_the_base_rate_is_refused(line: Any) -> None:
    with pytest.raises(BoardError, match="1000 Hz, which `rate` 300"):
        line(EmulatedMicrostrain()).converse(Microstrain(MicrostrainOptions(rate=300)).startup())
    with pytest.raises(BoardError, match="does not divide"):
        VectorNav(VectorNavOptions(rate=300))


def test_a_microstrain_without_the_quaternion_is_refused(line: Any) -> None:
    sensor = EmulatedMicrostrain()
    sensor.fields = sensor.fields[:2]
    with pytest.raises(BoardError, match="invalid parameter"):
        line(sensor).converse(Microstrain().startup())


def test_a_vectornav_that_keeps_its_old_output_is_refused(line: Any) -> None:
    sensor = EmulatedVectorNav()
    sensor._write = lambda number, values: True  # type: ignore[method-assign]
    with pytest.raises(BoardError, match="binary output is 0,1,00"):
        line(sensor).converse(VectorNav().startup())


def test_a_locked_witmotion_is_refused(line: Any) -> None:
    class Locked(EmulatedWitMotion):
        def _command(self, command: bytes, now: float) -> bytes:
            return b"" if command == witmotion.make_unlock() else super()._command(command, now)

    with pytest.raises(BoardError, match="content 0x001E"):
        line(Locked()).converse(WitMotion(WitMotionOptions(rate=100)).startup())


def test_a_witmotion_measurement_is_whole_or_none(line: Any) -> None:
    protocol, wire = WitMotion(), line(EmulatedWitMotion())
    wire.converse(protocol.startup())
    first, second = wire.run(0.005), wire.run(0.005)
    assert (len(first), len(second)) == (33, 33)
    for lost in range(3):
        kept = bytearray(first)
        kept[11 * lost + 4] ^= 0xFF
        protocol.request()
        protocol.receive(bytes(kept))
        assert not protocol.complete
    protocol.receive(second)
    assert protocol.complete


def test_readings_of_before_a_restart_are_gone_after_it(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    protocol.receive(wire.run(0.02))
    assert protocol.complete
    wire.converse(protocol.startup())
    assert not protocol.complete


def test_a_hipnuc_on_a_slow_line_is_refused(line: Any) -> None:
    sensor = EmulatedHipnuc()
    sensor.highest_rate = 200.0
    with pytest.raises(BoardError, match="200 frames a second instead of 500"):
        line(sensor).converse(Hipnuc(HipnucOptions()).startup())


def test_a_sensor_behind_physics_without_orientation_makes_its_own(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    force = rotate(about(0, -0.5), np.array([0.0, 0.0, 9.81]))
    wire.sensor.feel(ImuSample(np.zeros(3), force))
    assert not any("degrees off" in remark for remark in wire.converse(protocol.startup()))


@pytest.mark.parametrize("kind", ["off", "garbage", "intermittent", "reboot"])
def test_a_failing_sensor_gives_no_wrong_reading(case: Case, kind: Any, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    wire.sensor.inject(BoardFault(kind, 0))
    protocol.receive(wire.run(0.2))
    sample = protocol.reading()
    if sample is not None:
        assert sample.linear_acceleration == pytest.approx([0, 0, 9.80665], abs=0.01)
    if kind == "off":
        assert sample is None
    if kind == "garbage":
        assert protocol.counters.corrupt > 0
    wire.sensor.clear()
    wire.converse(protocol.startup())
    protocol.receive(wire.run(0.02))
    assert protocol.reading() is not None


def test_a_stuck_sensor_repeats_itself_to_the_bit(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    wire.run(0.02)
    wire.sensor.inject(BoardFault("stuck", 0))
    wire.sensor.motion.linear_acceleration[2] = 5.0
    protocol.receive(wire.run(0.02))
    sample = protocol.reading()
    assert sample is not None
    assert sample.linear_acceleration[2] == pytest.approx(9.81, abs=0.01)


def test_a_delayed_sensor_is_one_measurement_behind(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    wire.sensor.inject(BoardFault("delayed", 0))
    wire.run(0.02)
    newest = wire.sensor.measurement(wire.sensor.count)
    assert wire.sensor._through_fault(wire.sensor.count + 1) == newest


def test_a_wrong_sensor_feels_more_than_there_is(case: Case, line: Any) -> None:
    protocol, wire = case.protocol(), line(case.sensor())
    wire.converse(protocol.startup())
    wire.sensor.inject(BoardFault("wrong", 0, 2.0))
    protocol.receive(wire.run(0.02))
    sample = protocol.reading()
    assert sample is not None
    assert sample.linear_acceleration == pytest.approx([0, 0, 11.81], abs=0.01)


def test_a_fault_that_no_sensor_can_have_is_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="overheat"):
        case.sensor().inject(BoardFault("overheat", 0))


def test_the_bno085_says_that_it_is_not_enough_for_balance(line: Any) -> None:
    (remark,) = line(EmulatedBno085()).converse(Bno085Rvc().startup())
    assert "no balance" in remark
    assert not Bno085Rvc.gyroscope


def test_hardware_files_know_them_by_name() -> None:
    for case in CASES.values():
        (name,) = (name for name in BUILT_IN if find_protocol(name) is case.protocol)
        assert issubclass(case.sensor, find_emulator(name))
    assert all(issubclass(case.protocol.Options, ImuOptions) for case in CASES.values())
