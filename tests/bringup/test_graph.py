from dataclasses import fields

import pytest

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import CONTROL, HAL, PERCEPTION, Options, graph


def test_the_graph_is_hal_perception_control_in_starting_order(config):
    specs = graph("biped", "mujoco")
    assert [spec.name for spec in specs] == [HAL, PERCEPTION, CONTROL]
    assert [spec.package for spec in specs] == [HAL, PERCEPTION, CONTROL]
    assert [spec.owns_actuators for spec in specs] == [True, False, False]
    assert [spec.lifecycle for spec in specs] == [True, False, False]


def test_every_node_gets_absolute_paths(config, monkeypatch):
    monkeypatch.chdir(config)
    hal, perception, control = graph("robot.yaml", "hardware/real.yaml", Options(video="out.mp4"))
    assert {spec.parameters["robot"] for spec in (hal, perception, control)} == {
        str(config / "robot.yaml")
    }
    assert hal.parameters["hardware"] == str(config / "hardware" / "real.yaml")
    assert hal.parameters["video"] == str(config / "out.mp4")


def test_a_robots_own_settings_are_used_where_it_has_some(config):
    (config / "control.yaml").write_text("")
    _, perception, control = graph("biped", "real")
    assert control.parameters["config"] == str(config / "control.yaml")
    assert perception.parameters["config"] == ""


def test_every_option_changes_the_graph(config):
    changed = {
        "autostart": "none",
        "startup_mode": "sit",
        "paced": False,
        "busy_wait": True,
        "answer_timeout": 3.0,
        "realtime_priority": 50,
        "cpus": "2,3,3",
        "publish_truth": True,
        "viewer": True,
        "video": "a.mp4",
        "seed": 7,
        "rate": 250.0,
        "composed": True,
        "namespace": "robot1",
        "record": "bag",
        "incidents": "incidents",
        "transforms": True,
    }
    assert set(changed) == {field.name for field in fields(Options)}
    default = graph("biped", "mujoco")
    for name, value in changed.items():
        assert graph("biped", "mujoco", Options(**{name: value})) != default, name


def test_cores_go_to_hal_perception_control_in_this_order(config):
    specs = graph("biped", "mujoco", Options(cpus="2,3,4"))
    assert [spec.parameters["cpu"] for spec in specs] == [2, 3, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(autostart="activ"), "autostart is 'activ'"),
        (Options(realtime_priority=100), "realtime_priority is 100"),
        (Options(realtime_priority=-1), "realtime_priority is -1"),
        (Options(answer_timeout=0.0), "answer_timeout is 0.0"),
        (Options(answer_timeout=float("nan")), "answer_timeout is nan"),
        (Options(rate=-1.0), "rate is -1"),
        (Options(rate=float("inf")), "rate is inf"),
        (Options(cpus="1,2"), "cpus is '1,2'"),
        (Options(cpus="1,2,-3"), "cpus is '1,2,-3'"),
        (Options(cpus="a,b,c"), "cpus is 'a,b,c'"),
    ],
)
def test_an_option_no_node_could_honour_is_refused(config, options, message):
    with pytest.raises(HumanoidError, match=message) as caught:
        graph("biped", "mujoco", options)
    assert caught.value.code == Exit.USAGE


def test_one_process_holds_the_same_nodes_with_the_same_parameters(config):
    separate = graph("biped", "mujoco", Options(seed=7))
    (together,) = graph("biped", "mujoco", Options(seed=7, composed=True))
    assert together.node_names == tuple(spec.name for spec in separate)
    for spec in separate:
        for name, value in spec.parameters.items():
            if name != "config":  # the file beside robot.yaml is the default of both nodes
                assert together.parameters[name] == value


def test_cores_cannot_be_named_for_nodes_that_share_a_process(config):
    with pytest.raises(HumanoidError, match="--no-composed"):
        graph("biped", "mujoco", Options(composed=True, cpus="0,1,1"))


def test_the_recorder_is_started_first_and_the_hal_waits_for_it(config, monkeypatch):
    monkeypatch.chdir(config)
    recorder, hal, *_ = graph("biped", "mujoco", Options(record="bag", startup_mode="ready"))
    assert recorder.name == "humanoid_recorder"
    assert recorder.parameters["path"] == str(config / "bag")
    assert recorder.parameters["robot"] == "biped"
    assert recorder.parameters["startup_mode"] == "ready"
    assert hal.parameters["await_recorder"] is True
    assert graph("biped", "mujoco")[0].parameters["await_recorder"] is False


def test_incidents_alone_need_a_recorder_that_nobody_waits_for(config, tmp_path):
    recorder, hal, *_ = graph("biped", "mujoco", Options(incidents=str(tmp_path / "incidents")))
    assert (recorder.name, recorder.essential) == ("humanoid_recorder", False)
    assert recorder.parameters["path"] == ""
    assert recorder.parameters["incidents"] == str(tmp_path / "incidents")
    assert hal.parameters["await_recorder"] is False
    assert hal.essential


def test_a_bag_that_exists_is_not_recorded_over(config):
    with pytest.raises(HumanoidError, match="is kept"):
        graph("biped", "mujoco", Options(record=str(config)))


def test_the_recorder_is_a_process_of_its_own_beside_a_composed_graph(config, tmp_path):
    options = Options(record=str(tmp_path / "bag"), composed=True)
    recorder, together = graph("biped", "mujoco", options)
    assert recorder.name == "humanoid_recorder"
    assert together.parameters["await_recorder"] is True
