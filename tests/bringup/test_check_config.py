"""Malformed files of a robot: each gets its own message and the exit code of its kind."""

import json
import shutil
from pathlib import Path

import pytest

from humanoid_bringup import cli
from humanoid_bringup.commands.check_config import CODES
from humanoid_bringup.errors import Exit

G1 = Path(__file__).resolve().parents[2] / "config" / "robots" / "g1"

# file, text in it (None: the end), what it becomes, kind of the exit code, part of the message
CORPUS = {
    "unknown key": ("robot.yaml", "base_link:", "base_lnk:", "robot", "base_link"),
    "duplicate key": (
        "robot.yaml",
        "base_link: pelvis",
        "name: g1\nbase_link: pelvis",
        "robot",
        "name",
    ),
    "not a number": ("robot.yaml", "lower: -2.53", "lower: .nan", "robot", "finite"),
    "inverted limits": ("robot.yaml", "lower: -2.53", "lower: 3.0", "robot", "lower"),
    "unknown joint": ("robot.yaml", "left_knee_joint:", "left_kne_joint:", "robot", "left_kne"),
    "unknown link": ("robot.yaml", "base_link: pelvis", "base_link: pelvi", "robot", "pelvi"),
    "broken YAML": ("robot.yaml", "frames:", "frames: [", "robot", "robot.yaml"),
    "binary": ("robot.yaml", "name: g1", "name: \x00", "robot", "robot.yaml"),
    "no driver": ("hardware/mujoco.yaml", "driver: mujoco", "", "hardware", "driver"),
    "unknown driver": ("hardware/mujoco.yaml", "mujoco", "mujocco", "hardware", "mujocco"),
    "rate of zero": ("hardware/mujoco.yaml", "rate: 500.0", "rate: 0.0", "hardware", "rate"),
    "text for a number": ("hardware/mujoco.yaml", "500.0", "1e3", "hardware", "rate"),
    "unknown control key": ("control.yaml", None, "\nmods: {}\n", "control", "mods"),
    "a joint of another robot gets up": (
        "get_up.yaml",
        "left_knee_joint",
        "left_kne_joint",
        "control",
        "left_kne_joint",
    ),
    "unknown perception key": ("perception.yaml", None, "\nfilte: {}\n", "perception", "filte"),
}


@pytest.fixture
def robot(tmp_path, monkeypatch):
    directory = tmp_path / "robots" / "copy"
    shutil.copytree(G1, directory)
    monkeypatch.setenv("HUMANOID_CONFIG_PATH", str(tmp_path))
    return directory


def test_the_robots_of_this_repository_are_good(capsys):
    assert cli.main(["check-config"]) == Exit.OK
    assert "0 with problems" in capsys.readouterr().out


@pytest.mark.parametrize("case", CORPUS)
def test_a_malformed_file_is_named_with_the_exit_code_of_its_kind(robot, case, capsys):
    name, old, new, kind, expected = CORPUS[case]
    path = robot / name
    text = path.read_text() if path.exists() else ""
    assert old is None or old in text
    path.write_text(text + new if old is None else text.replace(old, new, 1))
    assert cli.main(["check-config", "copy"]) == CODES[kind]
    problem, *_ = capsys.readouterr().out.splitlines()
    assert problem.startswith(str(path))
    assert expected in problem


def test_a_malformed_urdf_has_its_own_exit_code(robot, capsys):
    (robot / "broken.urdf").write_text("<robot name='x'><link/></robot>")
    table = (robot / "robot.yaml").read_text()
    urdf = next(line for line in table.splitlines() if line.startswith("urdf:"))
    (robot / "robot.yaml").write_text(table.replace(urdf, "urdf: broken.urdf"))
    assert cli.main(["check-config", "copy"]) == CODES["urdf"]
    assert "broken.urdf" in capsys.readouterr().out


def test_every_problem_is_shown_at_once(robot, capsys):
    path = robot / "robot.yaml"
    path.write_text(path.read_text().replace("lower: -2.53", "lower: 3.0"))  # of both legs
    cli.main(["check-config", "copy", "--json"])
    (file, *_) = json.loads(capsys.readouterr().out)["files"]
    assert len(file["problems"]) == 2


def test_a_start_with_a_malformed_file_is_refused_before_any_node_runs(robot, capsys, tmp_path):
    path = robot / "hardware" / "mujoco.yaml"
    path.write_text(path.read_text().replace("rate: 500.0", "rate: 0.0"))
    assert cli.main(["sim", "--robot", "copy"]) == Exit.CONFIGURATION
    (line,) = capsys.readouterr().err.splitlines()
    assert "rate" in line


def test_files_of_other_hardware_do_not_matter_to_a_chosen_one(robot):
    (robot / "hardware" / "bad.yaml").write_text("driver: none\n")
    assert cli.main(["check-config", "copy", "--hardware", "mujoco"]) == Exit.OK
    assert cli.main(["check-config", "copy"]) == CODES["hardware"]
