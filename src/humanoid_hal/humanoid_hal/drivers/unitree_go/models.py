"""Models of Unitree's RS-485 motors that speak the 17-byte protocol."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """What the wire does not say."""

    gear: float  # rotor turns per turn of the output
    torque: float  # [N m] peak, at the output
    velocity: float  # [rad/s] at the output


#: Source: Unitree's product page of the GO-M8010-6; the ratio also in unitree_actuator_sdk
#: (queryGearRatio, example/example_goM8010_6_motor.cpp).
MODELS = {"GO-M8010-6": Model(gear=6.33, torque=23.7, velocity=30.0)}
