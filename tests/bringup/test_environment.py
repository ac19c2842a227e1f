"""Variables and names that would otherwise fail deep in the middleware."""

import pytest

from humanoid_bringup.cli import main
from humanoid_bringup.environment import domain, namespace_problem
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import Options, graph


@pytest.mark.parametrize(("text", "number"), [("", 0), ("0", 0), ("7", 7), ("101", 101)])
def test_a_domain_is_a_number_from_0_to_101(monkeypatch, text, number):
    monkeypatch.setenv("ROS_DOMAIN_ID", text)
    assert domain() == number


@pytest.mark.parametrize("text", ["102", "-1", "abc", "1.0", " 1", "²"])
def test_any_other_domain_is_refused(monkeypatch, text):
    monkeypatch.setenv("ROS_DOMAIN_ID", text)
    with pytest.raises(HumanoidError, match="0 to 101") as caught:
        domain()
    assert caught.value.code == Exit.USAGE


@pytest.mark.parametrize(
    "words",
    [
        ("mode",),
        ("status", "--once"),
        ("walk", "0", "0", "0"),
        ("walk-to", "1", "0"),
        ("pose",),
        ("push",),
        ("rearm",),
        ("reset",),
        ("stop",),
        ("record",),
        ("sim", "--seconds", "1"),
        ("up", "--robot", "g1", "--hardware", "mock"),
        ("doctor",),
    ],
)
def test_a_wrong_domain_is_one_line_and_exit_code_2_of_every_verb(
    monkeypatch, capsys, tmp_path, words
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROS_DOMAIN_ID", "300")
    if words[0] == "doctor":  # what else is wrong here is another test's
        monkeypatch.setattr("humanoid_bringup.process.executable", lambda _: None)
    assert main(words) == Exit.USAGE
    shown = capsys.readouterr()
    (line,) = [text for text in (shown.out + shown.err).splitlines() if "300" in text]
    assert "ROS_DOMAIN_ID" in line
    assert "0 to 101" in line
    assert len(shown.err.splitlines()) <= 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "/", "robot1", "/robot1", "lab/robot_1", "/_lab"])
def test_namespaces_of_ros_are_taken(text):
    assert namespace_problem(text) == ""


@pytest.mark.parametrize(
    "text", ["1robot", "my robot", "a//b", "a/", "//", "a-b", "~", "ä", "/a/2", "a" * 246]
)
def test_what_is_no_namespace_is_refused(text, capsys, config):
    assert namespace_problem(text)
    assert main(("mode", "--namespace", text)) == Exit.USAGE
    assert "namespace" in capsys.readouterr().err
    with pytest.raises(HumanoidError) as caught:
        graph("biped", "real", Options(namespace=text))
    assert caught.value.code == Exit.USAGE
