"""What the running controller will clamp an order to, from the files that its node was given.

The controller clamps in any case; this is how the command line can say so before it sends.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from humanoid_bringup.link import Link
    from humanoid_control.config import ControlConfig
    from humanoid_description import RobotDescription


@dataclass(frozen=True)
class Clamped:
    """An order as it will be taken."""

    values: tuple[float, ...]
    changes: tuple[str, ...] = ()  # one line for each value that was out of its range


def velocity(link: "Link", mode: str, twist: tuple[float, ...]) -> Clamped:
    """`twist`: forward, left [m/s], turning [rad/s], in the walking `mode`."""
    files = _files(link)
    if files is None:
        return Clamped(twist)
    from humanoid_control.policy.description import load_description
    from humanoid_control.velocity import NAMES

    robot, config = files
    limits = config.references.velocity
    lower, upper = limits.lower, limits.upper
    if mode in config.policies:
        description, _ = load_description(config.policies[mode].description, robot)
        lower, upper = description.command_lower, description.command_upper
    return _clamped(twist, lower, upper, NAMES)


def body_pose(link: "Link", pose: tuple[float, ...]) -> Clamped:
    """`pose`: CoM forward and left [m], height [m] (0: at rest), roll, pitch, yaw [rad]."""
    files = _files(link)
    if files is None:
        return Clamped(pose)
    from humanoid_control.anatomy import ready_height
    from humanoid_control.references import NAMES, body_range

    robot, config = files
    height = ready_height(robot)
    lower, upper = body_range(config.references, height)
    return _clamped((*pose[:2], pose[2] or height, *pose[3:]), lower, upper, NAMES)


def _clamped(
    asked: tuple[float, ...],
    lower: "NDArray[np.float64] | tuple[float, ...]",
    upper: "NDArray[np.float64] | tuple[float, ...]",
    names: tuple[str, ...],
) -> Clamped:
    import numpy as np

    from humanoid_control.velocity import clamp

    values, changes = clamp(np.array(asked), lower, upper, names)
    return Clamped(tuple(map(float, values)), changes)


def _files(link: "Link") -> "tuple[RobotDescription, ControlConfig] | None":
    """What the control node was given; None where it does not say, or the files are elsewhere."""
    from humanoid_bringup.graph import CONTROL
    from humanoid_control.config import load_control_config
    from humanoid_description import DescriptionError, load_robot

    link.discover(lambda: link.absolute(CONTROL) in link.nodes())
    told = link.parameters(CONTROL, ("robot", "config"))
    if not told or not Path(told["robot"]).is_file():
        return None
    beside = Path(told["robot"]).parent / "control.yaml"
    config = told["config"] or (beside if beside.is_file() else None)
    try:
        return load_robot(told["robot"]), load_control_config(config)
    except (DescriptionError, OSError):  # changed since the start: the node's own is good
        return None
