"""What tests and operators may do to the simulated world."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from humanoid_description import RobotDescription
from humanoid_hal.driver import Array, World

if TYPE_CHECKING:
    from humanoid_hal.drivers.mujoco.driver import MujocoDriver

#: [s] How far the stamps jump when the world is put back: beyond what estimators take for a gap
#: (`clock_jump` of perception.yaml, 0.1 s by default).
RESET_PAUSE = 1.0


@dataclass
class _Push:
    body: int
    force: Array  # shape (3,), [N] world frame
    steps: int  # physics steps left


class MujocoWorld(World):
    """The world of one :class:`MujocoDriver`."""

    def __init__(self, driver: "MujocoDriver", robot: RobotDescription) -> None:
        self._driver = driver
        self._base = robot.base_link
        self._aliases = {foot.name: foot.link for foot in robot.feet} | robot.frames
        self._pushes: list[_Push] = []

    def push(self, link: str, force: Array, duration: float) -> None:
        """See :meth:`World.push`. `link` is a URDF link or a REP-120 frame; '' is the torso.

        The force acts at the link's centre of mass, for whole physics steps, from the next one on,
        and adds to other pushes.
        """
        force = np.array(force, dtype=float)
        if force.shape != (3,) or not np.isfinite(force).all():
            raise ValueError(f"force must be three finite numbers [N] (got {force.tolist()})")
        if not (np.isfinite(duration) and duration > 0):
            raise ValueError(f"duration must be finite and above 0 s (got {duration})")
        steps = max(1, round(duration / self._driver.model.opt.timestep))
        self._pushes.append(_Push(self._body(link), force, steps))

    def reset(self) -> None:
        """See :meth:`World.reset`. Pushes under way end.

        The stamps jump by RESET_PAUSE: estimators take a jump for a new start, and what they knew
        of the robot before it was put back must not count.
        """
        self._pushes.clear()
        self._driver.restart(RESET_PAUSE)

    def truth(self) -> tuple[Array, Array]:
        """See :meth:`World.truth`."""
        model, data = self._driver.model, self._driver.data
        body = model.body(self._base).id
        twist = np.empty(6)
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, twist, 1)
        pose = np.concatenate([data.xpos[body], np.roll(data.xquat[body], -1)])
        return pose, np.roll(twist, 3)

    def apply(self) -> None:
        """Set the forces of one physics step; the driver calls it before each."""
        if not self._pushes:
            return
        model, data = self._driver.model, self._driver.data
        data.qfrc_applied[:] = 0.0
        for push in self._pushes:
            if push.steps > 0:
                mujoco.mj_applyFT(
                    model, data, push.force, np.zeros(3), data.xipos[push.body], push.body,
                    data.qfrc_applied,
                )  # fmt: skip
            push.steps -= 1
        # A push is kept for one step more than it acts, in which its force is taken away.
        self._pushes = [push for push in self._pushes if push.steps >= 0]

    def _body(self, link: str) -> int:
        name = self._aliases.get(link or "torso", link)
        body = mujoco.mj_name2id(self._driver.model, mujoco.mjtObj.mjOBJ_BODY, name)
        if body > 0:
            return int(body)
        known = [self._driver.model.body(i).name for i in range(1, self._driver.model.nbody)]
        known += self._aliases
        near = get_close_matches(link, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
        raise ValueError(f"unknown link '{link}'; {hint}")
