"""Networks and their descriptions fit, or are refused; the wheel's two run through unchanged."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from humanoid_control.config import load_control_config
from humanoid_control.policy import network
from humanoid_control.policy.description import PolicyDescription, load_description
from humanoid_control.policy.network import UnavailableError, load_network
from humanoid_control.policy.policy import load_policy
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import ConfigError

METADATA = {
    "dof_names": ["arm", "leg", "waist", "wrist"],
    "kp": [30.0, 40.0, 50.0, 20.0],
    "kd": [3.0, 4.0, 5.0, 2.0],
    "command_ranges": {"lin_vel_x": [-1.0, 1.0]},
}


class Session:
    """As onnxruntime's InferenceSession: sums its input into every action."""

    def __init__(self, inputs: int, outputs: int, metadata: dict[str, Any]) -> None:
        self._values = [
            SimpleNamespace(name="obs", shape=[1, inputs], type="tensor(float)"),
            SimpleNamespace(name="action", shape=[1, outputs], type="tensor(float)"),
        ]
        texts = {name: json.dumps(value) for name, value in metadata.items()}
        texts["producer"] = "not { json"
        self._meta = SimpleNamespace(custom_metadata_map=texts)

    def get_inputs(self) -> list[Any]:
        return self._values[:1]

    def get_outputs(self) -> list[Any]:
        return self._values[1:]

    def get_modelmeta(self) -> Any:
        return self._meta

    def run(self, names: list[str], feed: dict[str, Any]) -> list[Any]:
        assert names == ["action"]
        return [np.full((1, 4), feed["obs"].sum(), dtype=np.float32)]


Open = Callable[[Session], network.Network]


@pytest.fixture
def open_session(robot_on_disk: RobotDescription, monkeypatch: pytest.MonkeyPatch) -> Open:
    (robot_on_disk.directory / "walk.onnx").touch()

    def open_it(session: Session) -> network.Network:
        monkeypatch.setattr(network, "_open", lambda path, source: session)
        description, source = load_description("policy.yaml", robot_on_disk)
        return load_network("walk.onnx", description, source, robot_on_disk)

    return open_it


def test_a_network_that_fits_answers(open_session: Open) -> None:
    answer = open_session(Session(11, 4, METADATA))(np.ones((1, 11), dtype=np.float32))
    assert answer.tolist() == [[11.0] * 4]


@pytest.mark.parametrize(
    ("inputs", "outputs", "change", "key", "rule"),
    [
        (12, 4, {}, "observations", r"make 11 numbers, but 'obs' of walk.onnx has the shape"),
        (11, 5, {}, "joints", r"make 4 numbers, but 'action' of walk.onnx"),
        (11, 4, {"dof_names": ["arm", "waist", "leg", "wrist"]}, "joints.leg", "is 'waist'"),
        (11, 4, {"kp": [30.0, 41.0, 50.0, 20.0]}, "joints.leg.stiffness", "41 .got 40."),
        (11, 4, {"kd": [3.0, 4.0]}, "joints", "2 values of kd"),
        (11, 4, {"command_ranges": {"lin_vel_x": [-1.0, 0.5]}}, "command_upper[0]", "got 0.6"),
    ],
)
def test_one_that_does_not_fit_is_refused(
    open_session: Open, inputs: int, outputs: int, change: dict[str, Any], key: str, rule: str
) -> None:
    with pytest.raises(ConfigError, match=rule) as refusal:
        open_session(Session(inputs, outputs, {**METADATA, **change}))
    assert refusal.value.key == key


def test_without_metadata_the_description_alone_counts(open_session: Open) -> None:
    open_session(Session(11, 4, {}))


def test_a_network_that_is_not_there_is_no_error_but_says_what_to_install(
    robot_on_disk: RobotDescription, description: PolicyDescription
) -> None:
    _, source = load_description("policy.yaml", robot_on_disk)
    with pytest.raises(UnavailableError, match=r"package://none/x.onnx.*setup policies"):
        load_network("package://none/x.onnx", description, source, robot_on_disk)


def test_without_onnxruntime_the_modes_are_there_and_say_what_to_install(
    g1: RobotDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    entry = load_control_config(g1.directory / "control.yaml").policies["ppo"]
    policy = load_policy("ppo", entry, g1)
    assert policy.network is None
    assert "./humanoid setup policies" in policy.missing


@pytest.mark.parametrize("name", ["ppo", "fastsac"])
def test_the_wheels_policies_fit_the_g1(g1: RobotDescription, name: str) -> None:
    pytest.importorskip("onnxruntime")
    entry = load_control_config(g1.directory / "control.yaml").policies[name]
    policy = load_policy(name, entry, g1)
    assert policy.network is not None, policy.missing
    assert policy.description.inputs == 100
    answers = [policy.network(np.zeros((1, 100), dtype=np.float32)) for _ in range(2)]
    assert np.isfinite(answers[0]).all()
    assert np.array_equal(*answers)


def test_a_file_that_is_no_network_is_refused(g1: RobotDescription, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    entry = load_control_config(g1.directory / "control.yaml").policies["ppo"]
    bad = tmp_path / "bad.onnx"
    bad.write_text("no network")
    with pytest.raises(ConfigError, match=r"bad.onnx cannot be opened"):
        load_policy("ppo", replace(entry, model=str(bad)), g1)
