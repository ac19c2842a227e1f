"""The modes there are. A new one is a file with its controller and a line here."""

from humanoid_control.config import ControlConfig
from humanoid_control.damping import DampingController
from humanoid_control.ready import ReadyController
from humanoid_control.sit import SitController
from humanoid_control.stand import StandController
from humanoid_control.supervisor import Mode
from humanoid_control.walking.walk import WalkController
from humanoid_description.robot import RobotDescription


def build_modes(
    robot: RobotDescription, config: ControlConfig, ready_height: float
) -> tuple[Mode, ...]:
    """The graph of modes of `robot`; `ready_height` [m] of base_link above the soles when ready."""

    def stand() -> StandController:
        return StandController(robot, config.stand, config.whole_body)

    return (
        Mode(DampingController(robot), down=True),
        Mode(ReadyController(robot, config.ready), after=("damping", "stand")),
        Mode(stand(), after=("ready", "walk")),
        Mode(WalkController(robot, config.walk, config.stand, config.whole_body), after=("stand",)),
        Mode(
            SitController(robot, config.sit, stand(), ready_height),
            after=("ready", "stand"),
            down=True,
        ),
    )
