"""Robots as data: the joint table, the URDF it fits, and the models made from both."""

from typing import TYPE_CHECKING, Any

from humanoid_description.load import load_robot
from humanoid_description.problems import DescriptionError
from humanoid_description.robot import Foot, Imu, Joint, RobotDescription
from humanoid_description.strict_yaml import ConfigError, load_config
from humanoid_description.urdf_reader import UrdfError

if TYPE_CHECKING:
    from humanoid_description.dynamics import (
        pinocchio_model,
        standing_configuration,
        standing_torques,
    )
    from humanoid_description.mujoco_model import build_mujoco
    from humanoid_description.scene import SceneOptions

__all__ = [
    "ConfigError",
    "DescriptionError",
    "Foot",
    "Imu",
    "Joint",
    "RobotDescription",
    "SceneOptions",
    "UrdfError",
    "build_mujoco",
    "load_config",
    "load_robot",
    "pinocchio_model",
    "standing_configuration",
    "standing_torques",
]

# Imported on first use: hardware needs no simulator, and a driver no pinocchio.
_LAZY = {
    "pinocchio_model": "dynamics",
    "standing_configuration": "dynamics",
    "standing_torques": "dynamics",
    "SceneOptions": "scene",
    "build_mujoco": "mujoco_model",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
