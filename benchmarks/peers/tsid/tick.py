"""One whole-body tick of tsid on recorded states; runs in tsid's own environment.

    python tick.py problem.json states.npy

`problem.json` holds the URDF and what :mod:`wbc_tick` writes of the robot; `states.npy` rows are q
and v. For every line ``<first> <last>`` on the standard input, the states of that range are solved
and one line with the list of times [us] is printed. The first line printed is ``ready``.
"""

import json
import sys
import time

import numpy as np
import pinocchio as pin
import tsid.tsid_pywrap as tsid


class Peer:
    """Two contacts with friction, torque limits, CoM, torso orientation, posture: our problem."""

    def __init__(self, problem: dict, q: np.ndarray, v: np.ndarray) -> None:
        wrapper = tsid.RobotWrapper(problem["urdf"], ["."], pin.JointModelFreeFlyer(), False)
        self.robot = wrapper
        model = wrapper.model()
        joints = np.array(problem["effort"])
        model.armature = np.concatenate((np.zeros(6), problem["armature"]))
        self.form = tsid.InverseDynamicsFormulationAccForce("tsid", wrapper, False)
        self.form.computeProblemData(0.0, q, v)
        data = self.form.data()
        up = np.array([0.0, 0.0, 1.0])
        self.keep: list = []
        for foot in problem["feet"]:
            points = np.array(foot["points"]).T
            friction, force = problem["friction"], problem["weight"]
            contact = tsid.Contact6d(
                foot["name"],
                wrapper,
                foot["frame"],
                points,
                up,
                friction,
                problem["force_min"],
                3 * force,
            )
            contact.setKp(np.zeros(6))
            contact.setKd(problem["contact_damping"] * np.ones(6))
            frame = model.getFrameId(foot["frame"])
            contact.setReference(wrapper.framePosition(data, frame))
            self.form.addRigidContact(contact, problem["force_weight"])
            self.keep.append(contact)
        com = tsid.TaskComEquality("com", wrapper)
        com.setKp(problem["com_stiffness"] * np.ones(3))
        com.setKd(problem["com_damping"] * np.ones(3))
        self._add(com, problem["com_weight"])
        self.com = self._sample(np.array(problem["com"]))
        torso = tsid.TaskSE3Equality("torso", wrapper, problem["torso"])
        torso.setKp(problem["torso_stiffness"] * np.ones(6))
        torso.setKd(problem["torso_damping"] * np.ones(6))
        torso.setMask(np.array([0, 0, 0, 1, 1, 1.0]))
        self._add(torso, problem["torso_weight"])
        placement = wrapper.framePosition(data, model.getFrameId(problem["torso"]))
        torso.setReference(tsid.TrajectorySE3Constant("torso", placement).computeNext())
        posture = tsid.TaskJointPosture("posture", wrapper)
        posture.setKp(problem["posture_stiffness"] * np.ones(len(joints)))
        posture.setKd(problem["posture_damping"] * np.ones(len(joints)))
        self._add(posture, problem["posture_weight"])
        posture.setReference(self._sample(np.array(problem["posture"])))
        limits = tsid.TaskActuationBounds("limits", wrapper)
        limits.setBounds(-joints, joints)
        self.form.addActuationTask(limits, 1.0, 0, 0.0)
        self.keep.append(limits)
        self.com_task = com
        self.solver = tsid.SolverHQuadProgFast("solver")
        self.solver.resize(self.form.nVar, self.form.nEq, self.form.nIn)

    def _add(self, task, weight: float) -> None:
        self.form.addMotionTask(task, weight, 1, 0.0)
        self.keep.append(task)

    def _sample(self, value: np.ndarray):
        return tsid.TrajectoryEuclidianConstant("reference", value).computeNext()

    def tick(self, q: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Joint torques, shape (joints,), [N m]."""
        self.com_task.setReference(self.com)
        data = self.form.computeProblemData(0.0, q, v)
        solution = self.solver.solve(data)
        if solution.status != 0:
            raise RuntimeError(f"tsid: solver status {solution.status}")
        self.form.getAccelerations(solution)
        return self.form.getActuatorForces(solution)


def main() -> None:
    """Serve ranges of states until the input ends."""
    with open(sys.argv[1], encoding="utf-8") as file:
        problem = json.load(file)
    states = np.load(sys.argv[2])
    nq = int(problem["nq"])
    rows = [(row[:nq].copy(), row[nq:].copy()) for row in states]
    peer = Peer(problem, *rows[0])
    print("ready", flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        times = []
        for q, v in rows[first:last]:
            start = time.perf_counter_ns()
            peer.tick(q, v)
            times.append((time.perf_counter_ns() - start) * 1e-3)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
