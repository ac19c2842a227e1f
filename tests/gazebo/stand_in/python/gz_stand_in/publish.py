"""The sensor systems: which messages follow from a state, at which rate."""

import importlib

import mujoco
import numpy as np


def message(name):
    """A new message of a type."""
    file = {"WorldControl": "world_control", "EntityWrench": "entity_wrench"}.get(
        name, name.lower()
    )
    return getattr(importlib.import_module(f"gz.msgs10.{file}_pb2"), name)()


class Publishers:
    """All topics of one robot: what each says about the present state."""

    def __init__(self, physics):
        self._physics = physics
        robot = physics.robot
        self._makers = {}  # topic -> (interval in steps, function that makes the message)
        for plugin in robot.iterfind("plugin"):
            if plugin.get("name").endswith("JointStatePublisher"):
                self._state = self._empty_state([e.text for e in plugin.iterfind("joint_name")])
                self._makers[plugin.findtext("topic")] = 1, self._joints
            elif plugin.get("name").endswith("OdometryPublisher"):
                rate = float(plugin.findtext("odom_publish_frequency"))
                self._makers[plugin.findtext("odom_topic")] = self._interval(rate), self._odometry
        for link in robot.iterfind("link"):
            for sensor in link.iterfind("sensor"):
                interval = self._interval(float(sensor.findtext("update_rate")))
                if sensor.get("type") == "imu":
                    self._makers[sensor.findtext("topic")] = interval, self._imu
                else:
                    topic, name = sensor.findtext("contact/topic"), link.get("name")
                    self._makers[topic] = interval, lambda name=name: self._contacts(name)
        for sensor in robot.iterfind("joint/sensor"):
            interval = self._interval(float(sensor.findtext("update_rate")))
            name = sensor.get("name")
            self._makers[sensor.findtext("topic")] = interval, lambda name=name: self._wrench(name)

    def due(self, topics):
        """Topic -> message of those of `topics` that are due after a step."""
        for topic in topics:
            interval, make = self._makers.get(topic, (0, None))
            if interval and self._physics.steps % interval == 0:
                yield topic, self._stamped(make())

    def paused(self, topics):
        """As :meth:`due`, of a world that stands still: the joint states, again and again."""
        for topic in topics:
            _, make = self._makers.get(topic, (0, None))
            if make == self._joints and self._physics.began:
                yield topic, self._stamped(make())

    def _interval(self, rate):
        return max(1, round(1e9 / rate / self._physics.nanoseconds))

    def _stamped(self, made):
        made.header.stamp.sec, made.header.stamp.nsec = divmod(self._physics.stamp, 1_000_000_000)
        return made

    def _empty_state(self, names):
        state = message("Model")
        for name in names:
            state.joint.add(name=name).axis1.force = 0.0  # as Gazebo's: always
        self._axes = [joint.axis1 for joint in state.joint]
        self._rows = [self._physics.joint(name) for name in names]
        return state

    def _joints(self):
        positions = self._physics.data.qpos[7:].tolist()
        velocities = self._physics.data.qvel[6:].tolist()
        for axis, row in zip(self._axes, self._rows, strict=True):
            axis.position, axis.velocity = positions[row], velocities[row]
        return self._state

    def _imu(self):
        made = message("IMU")
        data = self._physics.data
        _vector(made.angular_velocity, data.sensor("gyroscope").data)
        _vector(made.linear_acceleration, data.sensor("accelerometer").data)
        return made

    def _wrench(self, name):
        made = message("Wrench")
        # MuJoCo gives the parent on the child; ours are measured `child_to_parent`.
        _vector(made.force, -self._physics.data.sensor(f"{name}.force").data)
        _vector(made.torque, -self._physics.data.sensor(f"{name}.torque").data)
        return made

    def _contacts(self, link):
        made = message("Contacts")
        if self._physics.touches(link):
            made.contact.add()
        return made

    def _odometry(self):
        made = message("Odometry")
        model, data = self._physics.model, self._physics.data
        _vector(made.pose.position, data.xpos[1])
        w, x, y, z = data.xquat[1].tolist()
        turned = made.pose.orientation
        turned.w, turned.x, turned.y, turned.z = w, x, y, z
        twist = np.empty(6)
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, 1, twist, 1)
        _vector(made.twist.linear, twist[3:])
        _vector(made.twist.angular, twist[:3])
        return made


def _vector(target, values):
    target.x, target.y, target.z = values.tolist()
