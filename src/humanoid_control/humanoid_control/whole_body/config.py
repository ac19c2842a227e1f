"""Configuration of the whole-body problem: the key `whole_body` of ``control.yaml``."""

from dataclasses import dataclass

from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class WholeBodyConfig:
    """What every motion of the whole body respects."""

    friction: float = key(0.6, above=0.0, unit="-", doc="coefficient that the ground surely has")
    force_min: float = key(5.0, min=0.0, unit="N", doc="least normal force of a supporting foot")
    effort_scale: float = key(
        0.95, above=0.0, max=1.0, unit="-", doc="part of the table's effort limits that may be used"
    )
    contact_damping: float = key(
        10.0, min=0.0, unit="1/s", doc="slows a foot that is measured to move"
    )
    limit_rate: float = key(
        12.0,
        above=0.0,
        unit="1/s",
        doc="fastest approach to a joint limit, per distance; low: early braking",
    )
    leg_margin: float = key(
        0.05,
        min=0.0,
        max=0.3,
        unit="-",
        doc="legs keep this share of their range to each limit; a straight knee could not bend again",
    )
    force_weight: float = key(
        1.0e-5,
        above=0.0,
        unit="1/N^2",
        doc="cost of contact forces; spreads the load over the feet",
    )
    torque_weight: float = key(
        1.0e-3, above=0.0, unit="1/(N m)^2", doc="cost of sole torques; centres the pressure"
    )
    stale_limit: int = key(
        5,
        min=0,
        unit="samples",
        doc="samples in a row that reuse the last solution if solving fails",
    )
