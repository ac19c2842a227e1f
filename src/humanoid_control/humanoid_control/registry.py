"""The modes there are. A new one is a file with its controller and a line here.

Learned ones come by configuration alone: the key `policies` of ``control.yaml``.
"""

from humanoid_control.config import ControlConfig
from humanoid_control.damping import DampingController
from humanoid_control.get_up import GetUpController
from humanoid_control.get_up_motion import FILE, load_get_up
from humanoid_control.modes import Mode
from humanoid_control.policy.policy import PolicyController, load_policy
from humanoid_control.ready import ReadyController
from humanoid_control.sit import SitController
from humanoid_control.stand import StandController
from humanoid_control.walking.walk import WalkController
from humanoid_description.robot import RobotDescription


def missing_modes(robot: RobotDescription) -> dict[str, str]:
    """Modes that an operator may expect and `robot` does not have: name -> why, and what to do."""
    if (robot.directory / FILE).is_file():
        return {}
    return {
        "get_up": f"{robot.name} has no motion to get up with ({FILE}): lift it onto its feet or "
        "hang it up, then 'humanoid rearm --mode ready'"
    }


def build_modes(
    robot: RobotDescription, config: ControlConfig, ready_height: float
) -> tuple[Mode, ...]:
    """The graph of modes of `robot`; `ready_height` [m] of base_link above the soles when ready.

    Raises ConfigError when a policy, or the motion to get up with, does not fit the robot.
    """
    learned = tuple(
        PolicyController(robot, load_policy(name, entry, robot))
        for name, entry in config.policies.items()
    )
    names = tuple(controller.name for controller in learned)
    walking = ("walk", *names)
    motion = load_get_up(robot)
    getting_up = (
        Mode(GetUpController(robot, motion), after=("damping",), then="stand"),
    ) if motion else ()  # fmt: skip

    def stand() -> StandController:
        return StandController(robot, config.stand, config.whole_body)

    return (
        Mode(DampingController(robot), down=True),
        Mode(ReadyController(robot, config.ready), after=("damping", "stand", "get_up")),
        Mode(stand(), after=("ready", *walking)),
        Mode(
            WalkController(robot, config.walk, config.stand, config.whole_body),
            after=("stand", *names),
        ),
        *(
            Mode(
                controller,
                after=("stand", *(name for name in walking if name != controller.name)),
                in_motion=True,
                fallback=("walk", "stand"),  # which balances on the spot, and steps if it must
            )
            for controller in learned
        ),
        Mode(
            SitController(robot, config.sit, stand(), ready_height),
            after=("ready", "stand"),
            down=True,
        ),
        *getting_up,
    )
