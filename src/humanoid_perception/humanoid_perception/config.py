"""``perception.yaml``: everything about perception that a robot may need to set."""

from dataclasses import dataclass, field
from math import radians
from pathlib import Path

from humanoid_description import load_config
from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class FilterConfig:
    """Noise of the base estimator: standard deviations.

    The defaults of the inertial sensor are a few times the datasheet of a mid-grade MEMS unit (see
    the MuJoCo driver's options), to leave room for vibration, which a datasheet does not count.
    """

    gyroscope: float = key(5e-4, unit="rad/s/sqrt(Hz)", above=0.0, doc="white noise")
    accelerometer: float = key(5e-3, unit="m/s^2/sqrt(Hz)", above=0.0, doc="white noise")
    gyroscope_walk: float = key(2e-5, unit="rad/s/sqrt(s)", min=0.0, doc="drift of the bias")
    accelerometer_walk: float = key(1e-4, unit="m/s^2/sqrt(s)", min=0.0, doc="drift of the bias")
    gyroscope_bias: float = key(0.01, unit="rad/s", min=0.0, doc="bias at the start")
    accelerometer_bias: float = key(0.05, unit="m/s^2", min=0.0, doc="bias at the start")
    tilt: float = key(
        radians(2.0), unit="rad", above=0.0, doc="first attitude from the accelerometer"
    )
    velocity: float = key(0.05, unit="m/s", above=0.0, doc="first velocity, taken as zero")
    encoder: float = key(3e-4, unit="rad", above=0.0, doc="joint angle, white")
    sole_position: float = key(5e-4, unit="m", above=0.0, doc="sole of a foot beyond the encoders")
    sole_rotation: float = key(
        3e-3, unit="rad", above=0.0, doc="sole of a foot beyond the encoders"
    )
    slip: float = key(2e-3, unit="m/sqrt(s)", above=0.0, doc="creep of a foot in contact")
    roll: float = key(
        0.05, unit="rad/sqrt(s)", above=0.0, doc="rocking of a foot about its pressure"
    )
    turn: float = key(5e-3, unit="rad/sqrt(s)", above=0.0, doc="turning of a foot in contact")
    #: Factor on slip, roll and turn of a foot that hardly carries anything.
    light: float = key(10.0, min=1.0, doc="more slip of a foot without load")
    gate: float = key(1e-6, above=0.0, max=0.01, doc="ignore a foot less probable than this")
    reanchor: float = key(
        0.01, unit="s", above=0.0, doc="ignored for so long: the foot slipped, place it anew"
    )


@dataclass(frozen=True)
class ContactConfig:
    """Contact decision. Loads are fractions of the robot's weight on one foot."""

    touch: float = key(0.08, above=0.0, max=0.5, doc="in contact from this load on")
    lift: float = key(0.04, above=0.0, max=0.5, doc="no longer in contact below this load")
    touch_delay: float = key(0.004, unit="s", min=0.0, max=0.1, doc="load must last so long")
    lift_delay: float = key(0.004, unit="s", min=0.0, max=0.1, doc="absence must last so long")
    torque_touch: float = key(0.15, above=0.0, max=0.5, doc="`touch` of wrenches from torques")
    torque_lift: float = key(0.08, above=0.0, max=0.5, doc="`lift` of wrenches from torques")
    torque_filter: float = key(0.003, unit="s", min=0.0, max=0.1, doc="their time constant")

    def __post_init__(self) -> None:
        for low, high in (("lift", "touch"), ("torque_lift", "torque_touch")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} must be below {high}")


@dataclass(frozen=True)
class FallConfig:
    """Row 17 of the fault table. Tilt: angle between the base's z axis and the vertical."""

    falling: float = key(
        radians(40.0), unit="rad", above=0.0, max=1.57, doc="falling beyond this tilt"
    )
    rate: float = key(
        4.0, unit="rad/s", above=0.0, doc="falling when upright and tilting so fast; less with tilt"
    )
    delay: float = key(0.04, unit="s", min=0.0, max=0.2, doc="either must last so long")
    fallen: float = key(
        radians(60.0), unit="rad", above=0.0, max=1.57, doc="lying beyond this tilt ..."
    )
    still: float = key(0.5, unit="rad/s", above=0.0, doc="... when turning slower than this ...")
    still_delay: float = key(0.2, unit="s", min=0.0, doc="... for so long")
    upright: float = key(
        radians(25.0), unit="rad", above=0.0, max=1.57, doc="upright again below this tilt ..."
    )
    upright_delay: float = key(0.5, unit="s", min=0.0, doc="... for so long")

    def __post_init__(self) -> None:
        if not self.upright < self.falling < self.fallen:
            raise ValueError("upright must be below falling, and falling below fallen")


@dataclass(frozen=True)
class HealthConfig:
    """Rows 10, 11 and 18 of the fault table, and when the estimator may start."""

    prediction: float = key(0.02, unit="s", min=0.0, max=0.1, doc="bridge a lost IMU for so long")
    imu_rate: float = key(
        0.9, min=0.0, max=1.0, doc="smallest share of samples with new IMU values"
    )
    clock_jump: float = key(0.1, unit="s", above=0.0, doc="a longer step of the stamps starts anew")
    still_rate: float = key(
        0.3, unit="rad/s", above=0.0, doc="at rest: turning slower than this ..."
    )
    still_acceleration: float = key(0.8, unit="m/s^2", above=0.0, doc="... and so close to gravity")
    coast: float = key(0.5, unit="s", above=0.0, doc="valid without contact or rest for so long")
    jump_position: float = key(0.05, unit="m", above=0.0, doc="largest correction in one sample")
    jump_velocity: float = key(0.5, unit="m/s", above=0.0, doc="largest correction in one sample")
    speed: float = key(5.0, unit="m/s", above=0.0, doc="faster is not believed")
    gyroscope_bias: float = key(0.1, unit="rad/s", above=0.0, doc="larger is not believed")
    accelerometer_bias: float = key(1.0, unit="m/s^2", above=0.0, doc="larger is not believed")
    gate_delay: float = key(
        0.08, unit="s", above=0.0, max=1.0, doc="every foot ignored for so long"
    )
    gravity: float = key(
        radians(15.0), unit="rad", above=0.0, doc="attitude against the accelerometer's"
    )
    gravity_delay: float = key(0.08, unit="s", above=0.0, max=0.1, doc="must last so long")


@dataclass(frozen=True)
class PerceptionConfig:
    """The file ``perception.yaml``. Every key has a default that suits a human-sized robot."""

    filter: FilterConfig = field(default_factory=FilterConfig)
    contact: ContactConfig = field(default_factory=ContactConfig)
    fall: FallConfig = field(default_factory=FallConfig)
    health: HealthConfig = field(default_factory=HealthConfig)


def load_perception(path: str | Path) -> PerceptionConfig:
    """Read ``perception.yaml``. Raises :class:`humanoid_description.ConfigError`."""
    return load_config(path, PerceptionConfig)
