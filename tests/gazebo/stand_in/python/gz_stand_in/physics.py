"""The world of the stand-in's server: MuJoCo, forgetting forces and repeating states as Gazebo does."""

from datetime import timedelta

import mujoco
import numpy as np

from gz_stand_in.sdf import load, pose


class Info:
    """Gazebo's UpdateInfo."""

    def __init__(self):
        self.sim_time = timedelta(0)
        self.paused = True


class Physics:
    """Also what Gazebo calls the entity-component manager, for :mod:`gz.sim8`."""

    def __init__(self, path):
        self.root, self.model = load(path)
        self.data = mujoco.MjData(self.model)
        self.robot = next(
            model for model in self.root.iterfind("world/model") if model.findtext("static") is None
        )
        self.joints = [self.model.joint(i).name for i in range(1, self.model.njnt)]
        self._limits = [
            float(joint.findtext("axis/limit/effort"))
            for joint in self.robot.iterfind("joint[@type='revolute']")
        ]
        self.forces = {}  # joint -> [N m] in the next step
        self.pushes = {}  # link -> [N], shape (3,), world frame
        for steady in self.root.iterfind(".//persistent"):
            force = np.array(steady.findtext("force").split(), dtype=float)
            self.pushes[steady.findtext("entity_name").rpartition("::")[2]] = force
        self.steps = 0
        self.began = False  # before its first step a new server has no joint states
        self.nanoseconds = round(self.model.opt.timestep * 1e9)
        self.reset()

    def reset(self):
        """The world as its file says, at time 0."""
        mujoco.mj_resetData(self.model, self.data)
        xyz, quaternion = pose(self.robot)
        self.data.qpos[:3], self.data.qpos[3:7] = xyz, quaternion
        self.steps = 0
        self.forces.clear()
        mujoco.mj_forward(self.model, self.data)

    @property
    def stamp(self):
        """[ns] of simulated time."""
        return self.steps * self.nanoseconds

    def step(self):
        """One physics step with the forces that were set, which are then forgotten."""
        model, data = self.model, self.data
        data.qfrc_applied[:] = 0.0
        for joint, force in self.forces.items():
            limit = self._limits[joint]
            data.qfrc_applied[6 + joint] = min(max(force, -limit), limit)
        for link, force in self.pushes.items():
            body = model.body(link).id
            mujoco.mj_applyFT(
                model, data, force, np.zeros(3), data.xipos[body], body, data.qfrc_applied
            )
        mujoco.mj_step2(model, data)
        mujoco.mj_step1(model, data)
        self.forces.clear()
        self.steps += 1
        self.began = True

    def touches(self, link):
        """Whether a link touches anything."""
        body = self.model.body(link).id
        return any(body in self.model.geom_bodyid[contact.geom] for contact in self.data.contact)

    # -- the entity-component manager -----------------------------------------------------------

    def joint(self, name):
        """A joint's entity: its row."""
        return self.joints.index(name)

    def position(self, joint):
        """[rad]."""
        return float(self.data.qpos[7 + joint])

    def velocity(self, joint):
        """[rad/s]."""
        return float(self.data.qvel[6 + joint])

    def place(self, joint, angle):
        """Put a joint to an angle [rad]."""
        self.data.qpos[7 + joint] = angle
        mujoco.mj_forward(self.model, self.data)

    def speed(self, joint, rate):
        """Give a joint a rate [rad/s]."""
        self.data.qvel[6 + joint] = rate
