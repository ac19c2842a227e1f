"""What control derives from the robot model once, at start."""

import pinocchio as pin

from humanoid_description.dynamics import pinocchio_model, standing_configuration
from humanoid_description.robot import RobotDescription


def leg_joints(robot: RobotDescription) -> frozenset[str]:
    """Names of the joints between the base and the soles."""
    model = pinocchio_model(robot)
    joints = set()
    for foot in robot.feet:
        parent = model.frames[model.getFrameId(foot.name)].parentJoint
        joints |= {model.names[joint] for joint in model.supports[parent]}
    return frozenset(joints & set(robot.joint_names))


def ready_height(robot: RobotDescription) -> float:
    """Height [m] of base_link above the soles in the pose `ready`."""
    model = pinocchio_model(robot)
    q = standing_configuration(robot, model)
    data = model.createData()
    pin.framesForwardKinematics(model, data, q)
    soles = [data.oMf[model.getFrameId(foot.name)].translation[2] for foot in robot.feet]
    return float(q[2] - sum(soles) / len(soles))
