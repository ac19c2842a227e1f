"""The whole-body inverse-dynamics problem: tasks in, torques out."""

from humanoid_control.whole_body.config import WholeBodyConfig
from humanoid_control.whole_body.dynamics import Dynamics
from humanoid_control.whole_body.problem import Solution
from humanoid_control.whole_body.tasks import MomentumTask, OrientationTask, PoseTask, Task
from humanoid_control.whole_body.whole_body import WholeBody, WholeBodyError

__all__ = [
    "Dynamics",
    "MomentumTask",
    "OrientationTask",
    "PoseTask",
    "Solution",
    "Task",
    "WholeBody",
    "WholeBodyConfig",
    "WholeBodyError",
]
