"""The pytest fixture `humanoid_replay`: regression on recorded data, also in your own repository.

::

    def test_the_estimator_is_as_recorded(humanoid_replay):
        assert humanoid_replay("bags/stand", node="estimator")

A failing verdict shows the first divergence.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from humanoid_bringup.bags.compare import Verdict


@pytest.fixture(name="humanoid_replay")
def humanoid_replay(request: pytest.FixtureRequest) -> "Callable[..., Verdict]":
    """``humanoid_replay(bag, node="estimator", tolerances=(), **job)`` -> the verdict.

    `bag` is relative to the test's file; `node`: one or several names, see ``humanoid replay``;
    `tolerances`: texts such as ``"robot_state.position=1e-9"``; `job`: any field of
    :class:`humanoid_bringup.bags.session.Job`.
    """

    def replay(
        bag: str | Path,
        node: "str | tuple[str, ...]" = "estimator",
        tolerances: tuple[str, ...] = (),
        **job: Any,
    ) -> "Verdict":
        from humanoid_bringup.bags.compare import parse_tolerance
        from humanoid_bringup.bags.session import Job, run

        path = Path(request.path).parent / bag
        nodes = (node,) if isinstance(node, str) else tuple(node)
        rules = [parse_tolerance(text) for text in tolerances]
        verdict = run(Job(path, nodes, check=True, tolerances=rules, **job)).verdict
        assert verdict is not None
        return verdict

    return replay
