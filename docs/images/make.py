"""Draws the README's picture: the G1 walking in MuJoCo, five moments of two steps.

Run with the environment's Python: ``.venv/bin/python docs/images/make.py``.
"""

from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from humanoid_bringup.closed_loop import ClosedLoop
from humanoid_bringup.render import Studio

SPEED = 0.6  # [m/s]
MOMENTS = 5
BETWEEN = 0.17  # [s]
SIZE = (320, 600)  # [pixels] of one moment


def main() -> None:
    """Walk until the gait is steady, then draw."""
    loop = ClosedLoop("g1", startup_mode="walk")
    loop.run(2.0)
    _walk(loop, 4.0)
    pictures = []
    for _ in range(MOMENTS):
        _walk(loop, BETWEEN)
        with Studio(loop.robot, SIZE, fine=True) as studio:  # a new one aims at the robot anew
            pictures.append(studio.draw(loop.driver.data.qpos))
    loop.close()
    path = Path(__file__).with_name("g1_walking.png")
    imageio.imwrite(path, np.hstack(pictures), optimize=True)


def _walk(loop: ClosedLoop, seconds: float) -> None:
    for _ in range(round(seconds / loop.period)):
        loop.control.on_velocity(np.array([SPEED, 0.0, 0.0]))
        loop.step()


if __name__ == "__main__":
    main()
