"""A robot of three joints, and how to ask its gate for something."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humanoid_description import Foot, Imu, Joint, RobotDescription
from humanoid_hal.driver import Capabilities, ImuSample, Sample
from humanoid_hal.gate import Request
from humanoid_hal.hardware import ArmingConfig, HardwareConfig

_URDF = """<robot name="tiny">
  <link name="base"/><link name="thigh"/><link name="sole_link"/><link name="hand"/>
  <joint name="hip" type="revolute"><parent link="base"/><child link="thigh"/></joint>
  <joint name="knee" type="revolute"><parent link="thigh"/><child link="sole_link"/></joint>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="hand"/></joint>
  <transmission name="t"><joint name="hip"/></transmission>
</robot>"""


def _joint(name: str, effort: float) -> Joint:
    return Joint(
        name,
        lower=-1.0,
        upper=2.0,
        velocity=10.0,
        effort=effort,
        armature=0.01,
        stiffness=100.0,
        damping=5.0,
        temperature=80.0,
    )


@pytest.fixture(scope="session")
def robot() -> RobotDescription:
    return RobotDescription(
        name="tiny",
        directory=Path(),
        urdf_path=Path(),
        urdf=_URDF,
        base_link="base",
        frames={"torso": "base"},
        joints=(_joint("hip", 50.0), _joint("knee", 50.0), _joint("shoulder", 20.0)),
        locked={},
        feet=(Foot("l_sole", "sole_link", np.zeros(3), np.zeros((4, 3)), force_sensor=True),),
        imu=Imu("base", np.zeros(3), np.zeros(3)),
        poses={"ready": np.array([0.1, 0.2, 0.3])},
    )


@pytest.fixture
def config() -> HardwareConfig:
    return HardwareConfig("mock", arming=ArmingConfig(samples=2, ramp=0.0))


def _request(stamp: int, sequence: int, **changes: object) -> Request:
    """A command that holds the ready pose."""
    values: dict[str, object] = {
        "names": ["hip", "knee", "shoulder"],
        "position": [0.1, 0.2, 0.3],
        "velocity": [0.0] * 3,
        "effort": [0.0] * 3,
        "stiffness": [100.0] * 3,
        "damping": [5.0] * 3,
    }
    return Request(stamp, sequence, **{**values, **changes})


def _sample(stamp: int, **changes: object) -> Sample:
    """A healthy reading of the ready pose; the IMU trembles as real ones do."""
    values: dict[str, object] = {
        "position": np.array([0.1, 0.2, 0.3]),
        "velocity": np.zeros(3),
        "effort": np.zeros(3),
        "fresh": np.ones(3, dtype=bool),
        "imu": ImuSample(np.full(3, stamp * 1e-15), np.array([0.0, 0.0, 9.81])),
    }
    return Sample(stamp, **{**values, **changes})


@pytest.fixture
def make_request() -> Callable[..., Request]:
    """Builds a command; see :func:`_request`."""
    return _request


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """Builds a sample; see :func:`_sample`."""
    return _sample


@pytest.fixture
def simulated() -> Capabilities:
    return Capabilities(simulated=True, effort=True, wrenches=True, imu=True, board_watchdog=True)


@pytest.fixture
def on_hardware() -> Capabilities:
    return Capabilities(simulated=False, effort=True, wrenches=True, imu=True, board_watchdog=True)
