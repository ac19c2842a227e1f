"""Falls foreseen: the capture point is beyond what any step reaches.

The capture point is where a foot would have to be put now for the robot to come to rest over it
(Pratt, Carff, Drakunov, Goswami, "Capture point: a step toward humanoid push recovery", Humanoids
2006): the centre of mass plus its velocity over sqrt(g/h). It runs away exponentially, so a robot
whose capture point has left its reach will fall, though it is hardly tilted yet. Perception's
detector (tilt and its rate) stays behind this as the last word.
"""

from dataclasses import dataclass
from math import hypot, sqrt

import pinocchio as pin

from humanoid_control.controller import State
from humanoid_control.ramps import Stopwatch
from humanoid_control.tilt import tilt
from humanoid_description.dynamics import pinocchio_model
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import key

#: [m] The least height of the centre of mass that is reckoned with: lower, it lies.
_LOWEST = 0.1


@dataclass(frozen=True)
class FallPredictionConfig:
    """From where on a fall is certain: the key `falls` of ``control.yaml``."""

    reach: float = key(
        0.6, above=0.0, unit="m", doc="capture point from the nearest sole, for modes that step"
    )
    reach_standing: float = key(
        0.3, above=0.0, unit="m", doc="... for modes that keep their feet where they are"
    )
    tilt: float = key(0.2, min=0.0, unit="rad", doc="of the base, below which nothing is foreseen")
    delay: float = key(0.02, min=0.0, unit="s", doc="it must last so long")


class FallPredictor:
    """Looks at each sample of a robot that balances."""

    def __init__(self, robot: RobotDescription, config: FallPredictionConfig) -> None:
        self._config = config
        self._model = pinocchio_model(robot)
        self._data = self._model.createData()
        self._soles = [self._model.getFrameId(foot.name) for foot in robot.feet]
        self._gravity = -float(self._model.gravity.linear[2])
        self._watch = Stopwatch()
        self._beyond = 0.0  # [s] for which the capture point has been out of reach

    def update(self, state: State, steps: bool) -> str:
        """Why the robot will fall, or "". `steps`: the controller moves its feet to catch it."""
        dt = self._watch.advance(state.stamp)
        config = self._config
        angle = tilt(state.q) if state.valid else 0.0
        if angle < config.tilt:
            self._beyond = 0.0
            return ""
        distance = self._distance(state)
        reach = config.reach if steps else config.reach_standing
        self._beyond = self._beyond + dt if distance > reach else 0.0
        if distance <= reach or self._beyond < config.delay:
            return ""
        return (
            f"the capture point is {distance:.2f} m from the nearest sole (in reach: {reach:g} m), "
            f"tilt {angle:.2f} rad"
        )

    def _distance(self, state: State) -> float:
        """From the capture point to the nearest sole's origin, on the ground [m]."""
        model, data = self._model, self._data
        pin.centerOfMass(model, data, state.q, state.v)
        soles = [pin.updateFramePlacement(model, data, sole).translation for sole in self._soles]
        com, velocity = data.com[0], data.vcom[0]
        height = max(float(com[2] - min(sole[2] for sole in soles)), _LOWEST)
        time = sqrt(height / self._gravity)
        x, y = com[:2] + velocity[:2] * time
        return min(hypot(x - sole[0], y - sole[1]) for sole in soles)
