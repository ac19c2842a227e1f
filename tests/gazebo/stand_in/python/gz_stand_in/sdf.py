"""Reads the SDF of our worlds into a MuJoCo model: nothing of the project is imported here."""

from xml.etree import ElementTree

import mujoco
import numpy as np

_FLOOR, _ROBOT = 1, 2
SENSORS = (
    ("gyroscope", mujoco.mjtSensor.mjSENS_GYRO),
    ("accelerometer", mujoco.mjtSensor.mjSENS_ACCELEROMETER),
)
WRENCH = (("force", mujoco.mjtSensor.mjSENS_FORCE), ("torque", mujoco.mjtSensor.mjSENS_TORQUE))


def load(path, *, limits=True):
    """The SDF's root element and the compiled model.

    Joints, bodies and geoms keep their names; the IMU's sensors are `gyroscope` and
    `accelerometer`, those of a force-torque sensor NAME are `NAME.force` and `NAME.torque`.
    """
    root = ElementTree.parse(path).getroot()
    world = root.find("world")
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.compiler.autolimits = False
    spec.option.timestep = float(world.findtext("physics/max_step_size"))
    spec.option.gravity = numbers(world.findtext("gravity"))
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 100.0
    for model in world.iterfind("model"):
        if model.findtext("static") == "true":
            for link in model.iterfind("link"):
                _add_shapes(spec.worldbody, link, _FLOOR, _ROBOT)
        else:
            _add_robot(spec, model, limits)
    return root, spec.compile()


def numbers(text):
    """The numbers of a text, shape (k,)."""
    return np.array(text.split(), dtype=float)


def pose(element):
    """Position [m] and quaternion (w x y z) of an element's ``<pose>``."""
    found = element.find("pose")
    if found is None:
        return np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    values = numbers(found.text)
    if found.get("rotation_format") == "quat_xyzw":
        return values[:3], values[[6, 3, 4, 5]]
    quaternion = np.zeros(4)
    mujoco.mju_euler2Quat(quaternion, values[3:], "XYZ")
    return values[:3], quaternion


def _add_robot(spec, model, limits):
    joints = {joint.findtext("child"): joint for joint in model.iterfind("joint")}
    bodies = {}
    for link in model.iterfind("link"):
        joint = joints.get(link.get("name"))
        if joint is None:
            xyz, quaternion = pose(model)
            body = spec.worldbody.add_body(name=link.get("name"), pos=xyz, quat=quaternion)
            body.add_freejoint(name="floating_base")
        else:
            assert link.find("pose").get("relative_to") == joint.findtext("parent")
            xyz, quaternion = pose(link)
            above = bodies[joint.findtext("parent")]
            body = above.add_body(name=link.get("name"), pos=xyz, quat=quaternion)
            _add_joint(spec, body, joint, limits)
        bodies[link.get("name")] = body
        _add_inertial(body, link.find("inertial"))
        _add_shapes(body, link, _ROBOT, _FLOOR)
        for sensor in link.iterfind("sensor[@type='imu']"):
            xyz, quaternion = pose(sensor)
            body.add_site(name="imu", pos=xyz, quat=quaternion)
            for name, kind in SENSORS:
                spec.add_sensor(
                    name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="imu"
                )


def _add_joint(spec, body, joint, limits):
    if joint.get("type") == "revolute":
        axis, limit = joint.find("axis"), joint.find("axis/limit")
        body.add_joint(
            name=joint.get("name"), type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=numbers(axis.findtext("xyz")),
            limited=mujoco.mjtLimited.mjLIMITED_TRUE if limits else mujoco.mjtLimited.mjLIMITED_FALSE,
            range=[float(limit.findtext("lower")), float(limit.findtext("upper"))],
        )  # fmt: skip
        return
    assert joint.get("type") == "fixed"
    for sensor in joint.iterfind("sensor[@type='force_torque']"):
        assert sensor.findtext("force_torque/frame") == "child"
        assert sensor.findtext("force_torque/measure_direction") == "child_to_parent"
        body.add_site(name=sensor.get("name"))
        for name, kind in WRENCH:
            spec.add_sensor(
                name=f"{sensor.get('name')}.{name}", type=kind,
                objtype=mujoco.mjtObj.mjOBJ_SITE, objname=sensor.get("name"),
            )  # fmt: skip


def _add_inertial(body, inertial):
    xyz, quaternion = pose(inertial)
    assert abs(quaternion[0]) == 1.0
    i = {name: float(inertial.findtext(f"inertia/{name}")) for name in
         ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")}  # fmt: skip
    body.explicitinertial = True
    body.mass, body.ipos = float(inertial.findtext("mass")), xyz
    body.fullinertia = [i["ixx"], i["iyy"], i["izz"], i["ixy"], i["ixz"], i["iyz"]]


def _add_shapes(body, link, kind, other):
    for shape in link.iterfind("collision"):
        xyz, quaternion = pose(shape)
        common = {
            "name": shape.get("name"), "pos": xyz, "quat": quaternion, "mass": 0.0,
            "contype": kind, "conaffinity": other, "condim": 3,
        }  # fmt: skip
        friction = shape.findtext("surface/friction/ode/mu")
        if friction is not None:
            common["friction"] = [float(friction), 0.005, 0.0001]
        geometry = shape.find("geometry")
        if geometry.find("sphere") is not None:
            radius = float(geometry.findtext("sphere/radius"))
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], **common)
        elif geometry.find("box") is not None:
            half = numbers(geometry.findtext("box/size")) / 2.0
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=half, **common)
        else:
            normal = numbers(geometry.findtext("plane/normal"))
            mujoco.mju_quatZ2Vec(common["quat"], normal)
            body.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 0.05], **common)
