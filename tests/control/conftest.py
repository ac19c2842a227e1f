"""A small robot, states of it, and controllers that do as they are told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humanoid_control.controller import Controller, JointTargets, References, State
from humanoid_description import load_robot
from humanoid_description.robot import Imu, Joint, RobotDescription

NAMES = ("leg", "waist", "arm", "wrist")
N = len(NAMES)
STEP = 2_000_000  # [ns], 500 Hz


@pytest.fixture(scope="session")
def robot() -> RobotDescription:
    """Four joints, no URDF."""
    joints = tuple(
        Joint(
            name=name,
            lower=-2.0,
            upper=1.5,
            velocity=8.0,
            effort=50.0,
            armature=0.01,
            stiffness=100.0 + 10.0 * row,
            damping=2.0 + row,
            temperature=80.0,
        )
        for row, name in enumerate(NAMES)
    )
    return RobotDescription(
        name="stub",
        directory=Path(),
        urdf_path=Path("stub.urdf"),
        urdf="",
        base_link="base",
        frames={},
        joints=joints,
        locked={},
        feet=(),
        imu=Imu("base", np.zeros(3), np.zeros(3)),
        poses={"ready": np.array([0.5, 0.0, -0.25, 0.1])},
    )


@pytest.fixture
def make_state() -> Callable[..., State]:
    """``make_state(tick, position, ...)``: standing upright at `tick` of a 500 Hz loop."""

    def make(
        tick: int = 0,
        position: object = 0.0,
        roll: float = 0.0,
        velocity: object = 0.0,
        **more: object,
    ) -> State:
        q = np.zeros(7 + N)
        q[3], q[6] = np.sin(roll / 2), np.cos(roll / 2)
        q[7:] = position
        v = np.zeros(6 + N)
        v[6:] = velocity
        state = State(
            stamp=tick * STEP,
            q=q,
            v=v,
            effort=np.zeros(N),
            contact=np.array([True, True]),
            wrenches=np.zeros((2, 6)),
        )
        for name, value in more.items():
            setattr(state, name, value)
        return state

    return make


class Stub(Controller):
    """Answers with constant targets; its other answers are attributes."""

    name = "stub"

    def __init__(self, name: str, value: float, *, balances: bool = True) -> None:
        self.name = name  # type: ignore[misc]  # a class variable in real controllers
        self.balances = balances  # type: ignore[misc]
        self.targets = JointTargets(*(np.full(N, value * (row + 1)) for row in range(5)))
        self.reason: str | None = None
        self.unfinished: str | None = None
        self.error: Exception | None = None
        self.start_error: Exception | None = None
        self.started_from: JointTargets | None = None
        self.references: References | None = None
        self.updates = 0

    def blocked(self, state: State) -> str | None:
        return self.reason

    def start(self, state: State, last: JointTargets) -> None:
        if self.start_error is not None:
            raise self.start_error
        self.started_from = JointTargets(
            *(
                np.array(getattr(last, name))
                for name in ("position", "velocity", "effort", "stiffness", "damping")
            )
        )

    def update(self, state: State, references: References) -> JointTargets:
        self.updates += 1
        self.references = references
        if self.error is not None:
            raise self.error
        return self.targets

    def busy(self) -> str | None:
        return self.unfinished


@pytest.fixture
def make_stub() -> type[Stub]:
    return Stub


@pytest.fixture(scope="session")
def g1() -> RobotDescription:
    """The real G1."""
    return load_robot(Path(__file__).parents[2] / "config" / "robots" / "g1")
