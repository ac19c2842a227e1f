"""What can be chosen about emulated boards and the robot behind them."""

from dataclasses import dataclass, field, replace
from typing import Literal

from humanoid_description.strict_yaml import key
from humanoid_hal.drivers.boards.options import BoardsOptions
from humanoid_hal.drivers.mujoco import MujocoOptions, NoiseOptions


def _quiet_joints() -> MujocoOptions:
    """Joint readings are as coarse as the boards make them; the IMU has its errors."""
    noise = NoiseOptions(position=0.0, velocity=0.0, effort=0.0)
    return MujocoOptions(noise=noise, force_sensors=False)


@dataclass(frozen=True)
class EmulatedOptions(BoardsOptions):
    """The options of boards; their ports are names only. The rest is about the emulation."""

    # mujoco: the robot in its world. motors: every joint a free inertia, nothing to balance.
    plant: Literal["mujoco", "motors"] = "mujoco"
    # The simulated world; `control_rate`, `seed`, `viewer` and `record` are taken from here above.
    mujoco: MujocoOptions = field(default_factory=_quiet_joints)
    # Set by the HAL, see the driver `mujoco`.
    seed: int = key(1, min=0)
    viewer: bool = False
    record: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.feet and self.plant == "mujoco" and not self.mujoco.force_sensors:
            raise ValueError(
                "the boards of `feet` have nothing to feel: set `mujoco: {force_sensors: true}`"
            )

    @property
    def physics(self) -> MujocoOptions:
        """The whole options of the simulated world."""
        return replace(
            self.mujoco,
            control_rate=self.control_rate,
            seed=self.seed,
            viewer=self.viewer,
            record=self.record,
        )

    @property
    def feels_the_ground(self) -> bool:
        """Whether the simulated feet have force sensors."""
        return self.plant == "mujoco" and self.mujoco.force_sensors
