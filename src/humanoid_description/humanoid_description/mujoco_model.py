"""The MuJoCo model of a robot, made from its URDF and joint table: never a second copy by hand."""

from typing import Any

import mujoco
import numpy as np

from humanoid_description.robot import Array, Foot, Pose, RobotDescription
from humanoid_description.scene import CONTACT_RADIUS, Mass, Part, SceneOptions, parts
from humanoid_description.urdf import Visual

__all__ = ["SceneOptions", "build_mujoco"]

#: [m] Where a ramp and where steps begin.
RAMP_START, STEPS_START = 1.0, 0.5

_FLOOR_BIT, _ROBOT_BIT = 1, 2
_LONG, _WIDE, _THICK, _DEEP = 40.0, 10.0, 1.0, 50.0  # [m] of slabs, and of the floor below a ramp


def build_mujoco(robot: RobotDescription, options: SceneOptions | None = None) -> mujoco.MjModel:
    """Return the compiled model of `robot` on a floor.

    Names: joints and actuators as in the table and in its order, bodies as the URDF's links, free
    joint ``floating_base``, geom ``floor``, camera ``scene`` (follows the base), sites ``imu`` and
    one per foot, sensors ``gyroscope`` and ``accelerometer`` (in the IMU's frame), and one keyframe
    per pose of the table, with the lowest contact point on the floor. Actuators are torques limited
    by the table. The robot touches the floor with spheres at its contact points and, when it falls,
    with one box per link that has the link's inertia; it does not touch itself.
    """
    options = options or SceneOptions()
    spec = _world(options)
    bodies: dict[str, mujoco.MjsBody] = {}
    for part in parts(robot, options.mass_scale):
        if part.parent:
            body = bodies[part.parent].add_body(
                name=part.name, pos=part.xyz, quat=_quaternion(part.rotation)
            )
        else:
            body = spec.worldbody.add_body(name=part.name)
            _add_base(body)
        bodies[part.name] = body
        if part.joint is not None:
            body.add_joint(
                name=part.joint.name, type=mujoco.mjtJoint.mjJNT_HINGE, axis=part.axis,
                armature=part.joint.armature, limited=mujoco.mjtLimited.mjLIMITED_TRUE,
                range=[part.joint.lower, part.joint.upper],
            )  # fmt: skip
        _fill_body(spec, body, part, options.visuals)
    for foot in robot.feet:
        _add_foot(bodies[foot.link], foot)
    _add_imu(spec, bodies[robot.imu.link], robot)
    for row in robot.joints:
        _add_motor(spec, row.name, row.effort)
    size = 7 + len(robot.joints)
    for pose in robot.poses:
        spec.add_key(name=pose, qpos=np.zeros(size))
    model = spec.compile()
    _check_order(model, robot)
    _place_poses(model, robot, options)
    return model


def _world(options: SceneOptions) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.compiler.degree = False
    spec.compiler.autolimits = False
    spec.option.timestep = options.timestep
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # Elliptic cones and a large impratio keep standing feet from creeping: 4 um in 10 s, not 400.
    # https://mujoco.readthedocs.io/en/stable/modeling.html#slip-and-noslip.
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 100.0
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 720
    spec.visual.quality.shadowsize = 0
    spec.visual.quality.offsamples = 0
    spec.visual.headlight.ambient = [0.4, 0.4, 0.4]
    spec.add_texture(
        name="grid", type=mujoco.mjtTexture.mjTEXTURE_2D, width=256, height=256,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER, rgb1=[0.3, 0.34, 0.38], rgb2=[0.36, 0.4, 0.44],
    )  # fmt: skip
    textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "grid"
    spec.add_material(name="grid", textures=textures, texrepeat=[1.0, 1.0], texuniform=True)
    spec.worldbody.add_light(pos=[1.0, 1.0, 4.0], dir=[-0.25, -0.25, -1.0], castshadow=False)
    ground: dict[str, Any] = {
        "contype": _FLOOR_BIT, "conaffinity": _ROBOT_BIT, "condim": 3, "priority": 1,
        "friction": [options.friction, 0.005, 0.0001],
    }  # fmt: skip
    half = options.slope / 2.0
    spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.05], material="grid",
        pos=[0.0, 0.0, -_DEEP if options.ramp else 0.0],
        quat=[np.cos(half), 0.0, -np.sin(half), 0.0], **ground,
    )  # fmt: skip
    for x, z, length, pitch in (*_ramp(options.ramp), *_steps(options.steps)):
        along = np.array([np.cos(pitch), 0.0, -np.sin(pitch)])  # of the top, from (x, z) on
        normal = np.array([np.sin(pitch), 0.0, np.cos(pitch)])
        middle = np.array([x, 0.0, z]) + 0.5 * length * along - 0.5 * _THICK * normal
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.5 * length, _WIDE, 0.5 * _THICK], pos=middle,
            quat=[np.cos(pitch / 2.0), 0.0, np.sin(pitch / 2.0), 0.0], rgba=[0.4, 0.44, 0.48, 1.0],
            **ground,
        )  # fmt: skip
    return spec


def _ramp(angle: float) -> list[tuple[float, float, float, float]]:
    """A level floor and one of `angle` [rad]: each x and z of its edge [m], length [m], pitch."""
    if not angle:
        return []
    start = RAMP_START + _LONG
    return [(-_LONG, 0.0, start, 0.0), (RAMP_START, 0.0, _LONG, -angle)]


def _steps(height: float) -> list[tuple[float, float, float, float]]:
    """Slabs of `height` [m] whose lengths and gaps, 0.25 to 0.65 m, are always the same."""
    if not height:
        return []
    random = np.random.default_rng(0)
    edges = STEPS_START + np.cumsum(random.uniform(0.25, 0.65, 120))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(start, height, end - start, 0.0) for start, end in pairs]


def _add_base(body: mujoco.MjsBody) -> None:
    body.add_freejoint(name="floating_base")
    body.add_camera(
        name="scene", mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACK, pos=[2.5, -1.5, 0.35],
        xyaxes=[0.515, 0.857, 0.0, -0.102, 0.061, 0.993],
    )  # fmt: skip


def _fill_body(spec: mujoco.MjSpec, body: mujoco.MjsBody, part: Part, visuals: bool) -> None:
    """Inertia, box for falls (only drawn where it does not touch), and meshes of one link."""
    body.explicitinertial = True
    meshes = [visual for visual in part.visuals if _loads(visual)] if visuals else []
    if part.inertial is None:
        body.mass, body.inertia = 0.0, np.zeros(3)
    else:
        body.mass = part.inertial.mass
        body.inertia = part.inertial.moments
        body.ipos = part.inertial.centre
        body.iquat = _quaternion(part.inertial.axes)
        _add_box(body, part.inertial, part.touches, hidden=bool(meshes))
    for number, visual in enumerate(meshes):
        _add_mesh(spec, body, f"{part.name}.{number}", visual)


def _add_box(body: mujoco.MjsBody, inertial: Mass, touches: bool, hidden: bool) -> None:
    if inertial.box is None:
        return
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=inertial.box, pos=body.ipos, quat=body.iquat, mass=0.0,
        contype=_ROBOT_BIT if touches else 0, conaffinity=_FLOOR_BIT if touches else 0,
        condim=3, group=3 if hidden else 0, rgba=[0.72, 0.75, 0.78, 1.0],
    )  # fmt: skip


def _loads(visual: Visual) -> bool:
    """MuJoCo reads STL and OBJ meshes, not DAE."""
    return visual.path is not None and visual.path.suffix.lower() in (".stl", ".obj")


def _add_mesh(spec: mujoco.MjSpec, body: mujoco.MjsBody, name: str, visual: Visual) -> None:
    spec.add_mesh(name=name, file=str(visual.path), scale=visual.scale)
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, pos=visual.pose.xyz,
        quat=_quaternion(visual.pose.rotation), mass=0.0, contype=0, conaffinity=0, group=1,
        rgba=[0.72, 0.75, 0.78, 1.0],
    )  # fmt: skip


def _add_foot(body: mujoco.MjsBody, foot: Foot) -> None:
    """The sole's site and one sphere per contact point, touching the sole plane from above."""
    body.add_site(name=foot.name, pos=foot.origin, size=[0.01, 0.01, 0.01], group=4)
    for point in foot.points:
        body.add_geom(
            type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[CONTACT_RADIUS, 0.0, 0.0], mass=0.0,
            pos=foot.origin + point + [0.0, 0.0, CONTACT_RADIUS],
            contype=_ROBOT_BIT, conaffinity=_FLOOR_BIT, condim=3, group=3,
        )  # fmt: skip


def _add_imu(spec: mujoco.MjSpec, body: mujoco.MjsBody, robot: RobotDescription) -> None:
    rotation = Pose(robot.imu.xyz, robot.imu.rpy).rotation
    body.add_site(name="imu", pos=robot.imu.xyz, quat=_quaternion(rotation), group=4)
    for name, kind in (
        ("gyroscope", mujoco.mjtSensor.mjSENS_GYRO),
        ("accelerometer", mujoco.mjtSensor.mjSENS_ACCELEROMETER),
    ):
        spec.add_sensor(name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="imu")


def _add_motor(spec: mujoco.MjSpec, name: str, effort: float) -> None:
    motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    motor.set_to_motor()
    motor.ctrllimited = motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
    motor.ctrlrange = motor.forcerange = [-effort, effort]


def _place_poses(model: mujoco.MjModel, robot: RobotDescription, options: SceneOptions) -> None:
    """Fill the keyframes: base upright, middle of the feet over the origin, on the floor."""
    data = mujoco.MjData(model)
    normal = np.array([-np.sin(options.slope), 0.0, np.cos(options.slope)])
    for key, angles in enumerate(robot.poses.values()):
        data.qpos[:] = 0.0
        data.qpos[3] = 1.0
        data.qpos[7:] = angles
        mujoco.mj_kinematics(model, data)
        soles = [data.site(foot.name) for foot in robot.feet]
        points = [
            sole.xpos + sole.xmat.reshape(3, 3) @ point
            for sole, foot in zip(soles, robot.feet, strict=True)
            for point in foot.points
        ]
        base = np.zeros(3)
        base[:2] = -np.mean([sole.xpos[:2] for sole in soles], axis=0)
        base[2] = -min(normal @ (point + base) for point in points) / normal[2]
        model.key_qpos[key] = data.qpos
        model.key_qpos[key, :3] = base


def _check_order(model: mujoco.MjModel, robot: RobotDescription) -> None:
    names = tuple(model.joint(i).name for i in range(1, model.njnt))
    if names != robot.joint_names:
        raise ValueError(f"{robot.urdf_path}: MuJoCo orders the joints unlike the joint table")


def _quaternion(rotation: Array) -> Array:
    """Return w x y z of a rotation matrix."""
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, rotation.flatten())
    return quaternion
