"""Every family of boards keeps every promise on its emulated boards, through real ptys."""

import pytest

from humanoid_hal.bus.families import PROTOCOLS, find_protocol
from humanoid_hal.conformance import Subject
from humanoid_hal.conformance.suite import DriverConformance
from humanoid_hal.drivers.boards.options import BusOptions, ImuOptions, JointOptions
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions
from humanoid_hal.tools.wire import families

#: protocol -> model, gear, transport
FAMILIES = {
    "dynamixel": ("XH540-W270", 4.0, ""),
    "damiao": ("DM-J8009", 1.0, "slcan"),
    "cubemars": ("AK10-9", 1.0, "slcan"),
    "robstride": ("RS03", 1.0, "slcan"),
    "robstride_mit": ("RS03", 1.0, "slcan"),
    "moteus": ("moteus", 1.0, "fdcanusb"),
    "unitree_go": ("GO-M8010-6", 3.0, ""),
    "odrive": ("ODrive", 1.0, "slcan"),
    "cia402": ("cia402", 1.0, "slcan"),
    "feetech_sts": ("STS3215", 1.0, ""),
    "feetech_scs": ("SCS0009", 1.0, ""),
    "lx16a": ("LX-16A", 2.0, ""),
}


#: Options of a bus whose boards have their watchdog only with them.
OPTIONS = {"odrive": {"firmware": "0.6.10", "enable_watchdog": 200, "watchdog_timeout": 201}}
#: IMUs, and rates [Hz] that the slowest of them can follow.
IMUS = {
    "bno085_rvc": 100.0,
    "hipnuc": 200.0,
    "microstrain": 200.0,
    "vectornav": 200.0,
    "witmotion": 200.0,
    "xsens_mti": 200.0,
}


@pytest.fixture
def subject_of(robot):
    def make(protocol, imu="", rate=200.0):
        model, gear, transport = FAMILIES[protocol]
        joints = {
            name: JointOptions("bus", model, number, gear=gear, direction=1 if number % 2 else -1)
            for number, name in enumerate(robot.joint_names, 1)
        }
        own = find_protocol(protocol).Options(**OPTIONS.get(protocol, {}))
        buses = {"bus": BusOptions(port="bus", protocol=protocol, transport=transport, options=own)}
        if imu:
            buses["imu"] = BusOptions(port="imu", protocol=imu)
        options = EmulatedOptions(
            buses=buses, joints=joints, imu=ImuOptions("imu") if imu else None, plant="motors",
            reconnect=0.1, control_rate=rate,
        )  # fmt: skip
        return Subject(EmulatedDriver, robot, options)

    return make


class TestEmulatedBoards(DriverConformance):
    @pytest.fixture(params=FAMILIES)
    def subject(self, request, subject_of):
        return subject_of(request.param)


class TestEmulatedImus(DriverConformance):
    """Beside motors, on a bus of its own."""

    @pytest.fixture(params=IMUS)
    def subject(self, request, subject_of):
        return subject_of("damiao", request.param, IMUS[request.param])


def test_every_family_of_actuators_is_put_to_the_test():
    assert set(FAMILIES) == {*families("serial"), *families("can")}


def test_every_imu_is_put_to_the_test():
    assert set(IMUS) == {name for name in PROTOCOLS.names() if name not in FAMILIES}
