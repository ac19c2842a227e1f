"""The torques with which a robot stands at rest, so that it does not sag before control begins."""

import numpy as np
import pinocchio as pin

from humanoid_description import RobotDescription, pinocchio_model
from humanoid_hal.driver import Array


def standing_torques(robot: RobotDescription, pose: str = "ready", slope: float = 0.0) -> Array:
    """Joint torques [N m], shape (n,), of rest in `pose` with both soles on a floor of `slope` [rad].

    The soles' wrenches are the smallest that carry the weight: the six rows of the floating base in
    ``g(q) = S^T tau + J^T f`` give f, the others tau.
    """
    model = pinocchio_model(robot)
    data = model.createData()
    q = pin.neutral(model)
    q[3:7] = pin.Quaternion(pin.rpy.rpyToMatrix(0.0, -slope, 0.0)).coeffs()
    q[7:] = robot.poses[pose]
    gravity = pin.computeGeneralizedGravity(model, data, q)
    pin.computeJointJacobians(model, data, q)
    pin.updateFramePlacements(model, data)
    jacobian = np.vstack([
        pin.getFrameJacobian(model, data, model.getFrameId(foot.name), pin.LOCAL)
        for foot in robot.feet
    ])  # fmt: skip
    wrenches = np.linalg.pinv(jacobian[:, :6].T) @ gravity[:6]
    torques: Array = gravity[6:] - jacobian[:, 6:].T @ wrenches
    return torques
