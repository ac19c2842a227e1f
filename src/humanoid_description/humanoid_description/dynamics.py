"""The pinocchio model of a robot."""

import numpy as np
import pinocchio as pin
from lxml import etree

from humanoid_description.robot import Array, RobotDescription


def pinocchio_model(robot: RobotDescription) -> pin.Model:
    """Return the model with a free-flyer base and the joints of the table, in table order.

    ``q = [base xyz, base quaternion xyzw, joints]``, ``v = [base linear, base angular (both in the
    base frame), joints]``. Limits and armature are the table's. Locked joints are merged. Each foot
    is added as a frame of its name (``l_sole``, ``r_sole``), and the IMU as ``imu``.
    """
    model = pin.buildModelFromXML(_with_one_angle_per_joint(robot.urdf), pin.JointModelFreeFlyer())
    if robot.locked:
        angles = pin.neutral(model)
        for name, angle in robot.locked.items():
            angles[model.joints[model.getJointId(name)].idx_q] = angle
        locked = [model.getJointId(name) for name in robot.locked]
        model = pin.buildReducedModel(model, locked, angles)
    if tuple(model.names)[2:] != robot.joint_names:
        raise ValueError(f"{robot.urdf_path}: pinocchio orders the joints unlike the joint table")
    for name, column in (("lower", "lowerPositionLimit"), ("upper", "upperPositionLimit")):
        getattr(model, column)[7:] = robot.column(name)
    model.velocityLimit[6:] = robot.column("velocity")
    model.effortLimit[6:] = robot.column("effort")
    model.armature[6:] = robot.column("armature")
    for foot in robot.feet:
        _add_frame(model, foot.name, foot.link, foot.origin, np.zeros(3))
    _add_frame(model, "imu", robot.imu.link, robot.imu.xyz, robot.imu.rpy)
    return model


def standing_configuration(robot: RobotDescription, model: pin.Model, pose: str = "ready") -> Array:
    """Return `q`, shape (nq,), of a pose of the table, standing on the floor z = 0.

    The base is upright and the middle of the feet above the origin.
    """
    q = pin.neutral(model)
    q[7:] = robot.poses[pose]
    data = model.createData()
    pin.framesForwardKinematics(model, data, q)
    soles = [data.oMf[model.getFrameId(foot.name)] for foot in robot.feet]
    points = [
        sole.act(point)
        for sole, foot in zip(soles, robot.feet, strict=True)
        for point in foot.points
    ]
    middle = np.mean([sole.translation for sole in soles], axis=0)
    q[:3] = [-middle[0], -middle[1], -min(point[2] for point in points)]
    return q


def standing_torques(
    robot: RobotDescription, model: pin.Model, pose: str = "ready", slope: float = 0.0
) -> Array:
    """Joint torques [N m], shape (n,), of rest in `pose` with both soles on a floor of `slope` [rad].

    The soles' wrenches are the smallest that carry the weight: the six rows of the floating base in
    ``g(q) = S^T tau + J^T f`` give f, the others tau.
    """
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


def _with_one_angle_per_joint(urdf: str) -> str:
    """Make continuous joints revolute: pinocchio gives them two coordinates, cosine and sine.

    The limits written here are replaced by the table's.
    """
    robot = etree.fromstring(urdf)
    for joint in robot.iterchildren("joint"):
        if joint.get("type") == "continuous":
            joint.set("type", "revolute")
            for limit in joint.findall("limit"):
                joint.remove(limit)
            etree.SubElement(joint, "limit", lower="-1", upper="1", effort="0", velocity="0")
    return str(etree.tostring(robot, encoding="unicode"))


def _add_frame(model: pin.Model, name: str, link: str, xyz: Array, rpy: Array) -> None:
    if model.existFrame(name):
        return  # a link of this name and place: load_robot refuses any other
    parent = model.frames[model.getFrameId(link, pin.FrameType.BODY)]
    here = pin.SE3(pin.rpy.rpyToMatrix(rpy), xyz)
    frame = pin.Frame(
        name,
        parent.parentJoint,
        model.getFrameId(link),
        parent.placement * here,
        pin.FrameType.OP_FRAME,
    )
    model.addFrame(frame)
