"""One whole-body tick of tsid on recorded states; runs in tsid's own environment.

    python tick.py problem.json states.npz

`problem.json` holds the URDF and what :mod:`wbc_tick` writes of the robot; `states.npz` holds the
fields of its `States`. For every line ``<first> <last>`` on the standard input, the states of that
range are solved and one line with the list of times [us] is printed. The first line printed is
``ready``.
"""

import json
import sys
import time

import numpy as np
import pinocchio as pin
import tsid.tsid_pywrap as tsid


class Peer:
    """Contacts with friction, torque limits, CoM, torso orientation, posture, and a swing foot."""

    def __init__(self, problem: dict, feet: list, swing: dict, q: np.ndarray, v: np.ndarray):
        """`feet` carry, and `swing` is the foot that does not, or None."""
        wrapper = tsid.RobotWrapper(problem["urdf"], ["."], pin.JointModelFreeFlyer(), False)
        self.robot = wrapper
        self.problem = problem
        model = wrapper.model()
        joints = np.array(problem["effort"])
        model.armature = np.concatenate((np.zeros(6), problem["armature"]))
        self.form = tsid.InverseDynamicsFormulationAccForce("tsid", wrapper, False)
        self.form.computeProblemData(0.0, q, v)
        self.keep: list = []
        for foot in feet:
            self._stand(foot)
        self.com = tsid.TaskComEquality("com", wrapper)
        self._add(self.com, "com", 3)
        self.torso = tsid.TaskSE3Equality("torso", wrapper, problem["torso"])
        self.torso.setMask(np.array([0, 0, 0, 1, 1, 1.0]))
        self._add(self.torso, "torso", 6)
        self.swing = None
        if swing is not None:
            self.swing = tsid.TaskSE3Equality("swing", wrapper, swing["frame"])
            self._add(self.swing, "swing", 6)
        posture = tsid.TaskJointPosture("posture", wrapper)
        self._add(posture, "posture", len(joints))
        posture.setReference(self._sample(np.array(problem["posture"])))
        limits = tsid.TaskActuationBounds("limits", wrapper)
        limits.setBounds(-joints, joints)
        self.form.addActuationTask(limits, 1.0, 0, 0.0)
        self.keep.append(limits)
        self.solver = tsid.SolverHQuadProgFast("solver")
        self.solver.resize(self.form.nVar, self.form.nEq, self.form.nIn)

    def _stand(self, foot: dict) -> None:
        problem, wrapper = self.problem, self.robot
        contact = tsid.Contact6d(
            foot["name"],
            wrapper,
            foot["frame"],
            np.array(foot["points"]).T,
            np.array([0.0, 0.0, 1.0]),
            problem["friction"],
            problem["force_min"],
            3 * problem["weight"],
        )
        contact.setKp(np.zeros(6))
        contact.setKd(problem["contact_damping"] * np.ones(6))
        frame = wrapper.model().getFrameId(foot["frame"])
        contact.setReference(wrapper.framePosition(self.form.data(), frame))
        self.form.addRigidContact(contact, problem["force_weight"])
        self.keep.append(contact)

    def _add(self, task, name: str, rows: int) -> None:
        problem = self.problem
        task.setKp(problem[f"{name}_stiffness"] * np.ones(rows))
        task.setKd(problem[f"{name}_damping"] * np.ones(rows))
        self.form.addMotionTask(task, problem[f"{name}_weight"], 1, 0.0)
        self.keep.append(task)

    def _sample(self, value: np.ndarray):
        return tsid.TrajectoryEuclidianConstant("reference", value).computeNext()

    def _pose(self, rotation: np.ndarray, position: np.ndarray):
        return tsid.TrajectorySE3Constant("pose", pin.SE3(rotation, position)).computeNext()

    def references(self, states: dict, row: int) -> None:
        """What is wanted at a state; not part of the tick."""
        self.com.setReference(self._sample(states["com"][row]))
        self.torso.setReference(self._pose(states["torso"][row], np.zeros(3)))
        if self.swing is not None:
            pose = states["swing"][row]
            self.swing.setReference(self._pose(pose[:3, :3], pose[:3, 3]))

    def tick(self, q: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Joint torques, shape (joints,), [N m]."""
        data = self.form.computeProblemData(0.0, q, v)
        solution = self.solver.solve(data)
        if solution.status != 0:
            raise RuntimeError(f"tsid: solver status {solution.status}")
        self.form.getAccelerations(solution)
        return self.form.getActuatorForces(solution)


def peers(problem: dict, states: dict) -> dict:
    """One for every set of feet that occurs: switching between them is no part of the tick."""
    found = {}
    for number in np.unique(states["support"]).tolist():
        carrying = problem["supports"][number]
        feet = problem["feet"]
        swinging = [foot for index, foot in enumerate(feet) if index not in carrying]
        first = int(np.argmax(states["support"] == number))
        found[number] = Peer(
            problem,
            [feet[index] for index in carrying],
            swinging[0] if swinging else None,
            states["q"][first].copy(),
            states["v"][first].copy(),
        )
    return found


def main() -> None:
    """Serve ranges of states until the input ends."""
    with open(sys.argv[1], encoding="utf-8") as file:
        problem = json.load(file)
    states = dict(np.load(sys.argv[2]))
    rows = [(q.copy(), v.copy()) for q, v in zip(states["q"], states["v"], strict=False)]
    by_support = peers(problem, states)
    print("ready", flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        times = []
        for row in range(first, last):
            peer = by_support[int(states["support"][row])]
            peer.references(states, row)
            start = time.perf_counter_ns()
            peer.tick(*rows[row])
            times.append((time.perf_counter_ns() - start) * 1e-3)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
