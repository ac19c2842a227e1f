"""What can be chosen about the simulated robot and its world."""

from dataclasses import dataclass, field

from humanoid_description.strict_yaml import key

GRAVITY = 9.80665  # [m/s^2] standard gravity (ISO 80000-3), what a datasheet's "g" stands for
_DEGREE = 0.017453292519943295  # [rad]


@dataclass(frozen=True)
class NoiseOptions:
    """Standard deviations of the sensors' errors. All zero: perfect sensors.

    The IMU's defaults are those of the Xsens MTi 1-series, a mid-grade MEMS unit: noise density
    0.007 °/s/√Hz and 120 µg/√Hz, bias instability 10 °/h and 0.03 mg (datasheet values as in
    doi:10.2478/tar-2023-0022). A bias instability B is taken as a random walk of B/√100 per √s: B
    after 100 s. The initial biases are what is assumed to be left after factory calibration and
    warm-up: 0.1 °/s and 2 mg. Model: Trawny and Roumeliotis, "Indirect Kalman filter for 3D
    attitude estimation", 2005; the units are those of Kalibr's IMU noise model.
    """

    gyroscope: float = key(0.007 * _DEGREE, unit="rad/s/sqrt(Hz)", min=0.0)
    gyroscope_bias: float = key(0.1 * _DEGREE, unit="rad/s", min=0.0)
    gyroscope_walk: float = key(10 / 3600 / 10 * _DEGREE, unit="rad/s^2/sqrt(Hz)", min=0.0)
    accelerometer: float = key(120e-6 * GRAVITY, unit="m/s^2/sqrt(Hz)", min=0.0)
    accelerometer_bias: float = key(2e-3 * GRAVITY, unit="m/s^2", min=0.0)
    accelerometer_walk: float = key(0.03e-3 / 10 * GRAVITY, unit="m/s^3/sqrt(Hz)", min=0.0)
    # Quantisation of a 14-bit encoder on the joint: step 2 pi / 2^14 over sqrt(12).
    position: float = key(1.1e-4, unit="rad", min=0.0)
    # The next four are assumed; of the size seen on geared drives and foot-sized six-axis sensors.
    velocity: float = key(0.01, unit="rad/s", min=0.0)
    effort: float = key(0.1, unit="N m", min=0.0)
    force: float = key(0.5, unit="N", min=0.0)
    torque: float = key(0.01, unit="N m", min=0.0)


PERFECT = NoiseOptions(**dict.fromkeys(NoiseOptions.__dataclass_fields__, 0.0))


@dataclass(frozen=True)
class MujocoOptions:
    """The MuJoCo driver's configuration."""

    # How often read() returns a sample; the HAL sets it.
    control_rate: float = key(500.0, unit="Hz", above=0.0, max=2000.0)
    # Longest physics step; the step used divides the control period evenly.
    timestep: float = key(0.001, unit="s", min=1e-5, max=0.001)
    # Of all random numbers: the same seed gives the same bytes.
    seed: int = key(1, min=0)
    noise: NoiseOptions = field(default_factory=NoiseOptions)
    # Give every foot a force sensor; false: samples carry wrenches only if the table says so.
    force_sensors: bool = True
    # Named pose of the robot's table it starts in.
    pose: str = "ready"
    # Height of the soles above the floor at the start; 0: it stands on the floor.
    clearance: float = key(0.0, unit="m", min=0.0, max=2.0)
    # Coulomb friction between soles and floor.
    friction: float = key(0.8, min=0.0, max=5.0)
    # Inclination of the floor; positive: uphill is forward (+x).
    slope: float = key(0.0, unit="rad", min=-0.5, max=0.5)
    # Inclination of the floor from 1 m ahead of the robot on; before it is level. Without slope.
    ramp: float = key(0.0, unit="rad", min=-0.5, max=0.5)
    # From 0.5 m ahead on, slabs of this height lie on the floor, 0.25 to 0.65 m long and apart.
    steps: float = key(0.0, unit="m", min=0.0, max=0.1)
    # True masses and inertias over those of the description: what the controller does not know.
    mass_scale: float = key(1.0, min=0.5, max=2.0)
    # Control periods between write() and the drives acting on it, beyond the current one.
    latency: int = key(0, unit="periods", min=0, max=50)
    # Opens MuJoCo's window.
    viewer: bool = False
    # Writes the motion to this .npz file for the video; empty: not recorded.
    record: str = ""
    record_rate: float = key(25.0, unit="Hz", above=0.0, max=200.0)
