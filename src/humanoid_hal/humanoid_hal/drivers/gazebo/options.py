"""What can be chosen about Gazebo."""

from dataclasses import dataclass
from typing import Literal

from humanoid_description.strict_yaml import key


@dataclass(frozen=True)
class GazeboOptions:
    """The Gazebo driver's configuration."""

    # How often read() returns a sample; the HAL sets it.
    control_rate: float = key(500.0, unit="Hz", above=0.0, max=1000.0)
    # Longest physics step; the step used divides the control period evenly.
    timestep: float = key(0.001, unit="s", min=1e-4, max=0.002)
    # lockstep: the world waits for each command; paced: Gazebo's clock runs, commands come as they may.
    mode: Literal["lockstep", "paced"] = "lockstep"
    # own: start a server with our world and end it; attach: use the one that runs.
    server: Literal["own", "attach"] = "own"
    world: Literal["flat", "slope", "steps", "push"] = "flat"
    # Coulomb friction between soles and floor.
    friction: float = key(0.8, min=0.0, max=5.0)
    # True masses over those of the description: what the controller does not know.
    mass_scale: float = key(1.0, min=0.5, max=2.0)
    # Real time without a word from the server after which it counts as lost (row 1).
    timeout: float = key(1.0, unit="s", min=0.1, max=60.0)
    # How long the start of a server may take.
    patience: float = key(60.0, unit="s", min=1.0, max=600.0)
    # Simulated time without a command after which the server lets go of the torques.
    watchdog: float = key(0.1, unit="s", min=0.01, max=1.0)
    # Opens Gazebo's window.
    viewer: bool = False
