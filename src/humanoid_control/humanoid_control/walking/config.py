"""Configuration of walking: the key `walk` of ``control.yaml``."""

from dataclasses import dataclass

from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class WalkConfig:
    """The gait, the body and the swing foot. Weights act on squared errors."""

    # The gait.
    step_duration: float = key(0.36, above=0.1, max=2.0, unit="s", doc="of a step, as planned")
    step_shortest: float = key(0.2, above=0.05, unit="s", doc="a step may be hastened to this")
    step_longest: float = key(0.55, above=0.1, unit="s", doc="a step may be stretched to this")
    double_support: float = key(
        0.02, min=0.0, unit="s", doc="both feet carry for so long after a touchdown"
    )
    width: float = key(0.2, above=0.0, unit="m", doc="between the soles, walking straight on")
    narrowest: float = key(0.11, above=0.0, unit="m", doc="least lateral distance of the soles")
    widest: float = key(0.46, above=0.0, unit="m", doc="largest lateral distance of the soles")
    longest: float = key(0.5, above=0.0, unit="m", doc="largest distance forward or backward")
    turn: float = key(0.5, above=0.0, max=1.5, unit="rad", doc="largest turn of a step")
    time_weight: float = key(
        0.02, above=0.0, unit="m^2", doc="cost of another step duration, in growth of the DCM"
    )
    offset_weight: float = key(
        100.0, above=0.0, unit="-", doc="cost of another capture point after the step"
    )
    foot_acceleration: float = key(
        60.0, above=0.0, unit="m/s^2", doc="largest of the swing foot, as planned"
    )
    # Balance within a step.
    capture_gain: float = key(
        1.7, above=1.0, unit="-", doc="pressure under the foot per error of the capture point"
    )
    pressure_margin: float = key(
        0.005, min=0.0, unit="m", doc="planned pressure stays so far inside the sole"
    )
    # The body.
    friction: float = key(
        0.4, above=0.0, unit="-", doc="that the ground surely has, in the place of whole_body's"
    )
    ankle_limit_rate: float = key(
        30.0, above=0.0, unit="1/s", doc="whole_body's limit_rate of the ankles, which level a sole"
    )
    off_balance: float = key(
        0.04,
        above=0.0,
        unit="m",
        doc="a capture point that lands so far from its place lets whole_body's friction count",
    )
    load: float = key(
        1.25, above=1.0, unit="-", doc="largest normal force of a foot, in weights of the robot"
    )
    height: float = key(0.96, above=0.5, max=1.0, doc="of the base, share of the ready pose's")
    height_speed: float = key(0.1, above=0.0, unit="m/s", doc="down to it and up again")
    height_stiffness: float = key(100.0, min=0.0, unit="1/s^2")
    height_damping: float = key(20.0, min=0.0, unit="1/s")
    com_weight: float = key(
        1000.0, above=0.0, unit="s^4/m^2", doc="CoM acceleration, horizontal: the planned pressure"
    )
    height_weight: float = key(150.0, above=0.0, unit="s^4/m^2", doc="CoM acceleration, vertical")
    momentum_weight: tuple[float, float, float] = key(
        (0.0, 0.0, 0.0), min=0.0, unit="1/(N m)^2", doc="rate of the angular momentum, x y z"
    )
    momentum_damping: float = key(5.0, min=0.0, unit="1/s", doc="slows the angular momentum")
    torso_weight: tuple[float, float, float] = key(
        (20.0, 20.0, 1.0), min=0.0, unit="s^4/rad^2", doc="rolling, pitching, turning"
    )
    torso_stiffness: float = key(200.0, min=0.0, unit="1/s^2")
    torso_damping: float = key(28.0, min=0.0, unit="1/s")
    posture_weight: float = key(5.0, above=0.0, unit="s^4/rad^2", doc="joints of the trunk")
    limb_weight: float = key(0.02, above=0.0, unit="s^4/rad^2", doc="joints of arms and head")
    leg_weight: float = key(1.0e-3, above=0.0, unit="s^4/rad^2", doc="joints of the legs")
    posture_stiffness: float = key(100.0, min=0.0, unit="1/s^2")
    posture_damping: float = key(20.0, min=0.0, unit="1/s")
    joint_damping: float = key(
        0.2, min=0.0, unit="-", doc="share of the table's damping on the drives' velocity error"
    )
    # The swing foot.
    step_height: float = key(0.05, above=0.0, unit="m", doc="of the sole in mid-swing")
    swing_weight: float = key(200.0, above=0.0, unit="s^4/m^2", doc="motion of the swing foot")
    level_weight: float = key(10.0, above=0.0, unit="s^4/rad^2", doc="its rolling and pitching")
    swing_stiffness: float = key(1200.0, min=0.0, unit="1/s^2")
    swing_damping: float = key(60.0, min=0.0, unit="1/s")
    touchdown_speed: float = key(
        0.4, min=0.0, unit="m/s", doc="a foot that finds no ground in time sinks so fast"
    )
    touch: float = key(
        0.03, above=0.0, max=1.0, unit="-", doc="load, of the weight, that lands a foot that is due"
    )
    early: float = key(
        0.45, min=0.0, max=1.0, doc="share of the step before which a contact is a stumble"
    )
    # Starting and stopping.
    still: float = key(0.02, min=0.0, unit="m/s", doc="slower orders are none")
    recovery: float = key(
        -0.01, unit="m", doc="standing, step if the capture point is so far outside the feet"
    )
    square: float = key(
        0.04, above=0.0, unit="m", doc="feet this close to their place count as square"
    )
