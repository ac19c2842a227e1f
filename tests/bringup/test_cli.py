"""The frame of the command line: help, errors, exit codes, arguments."""

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from humanoid_bringup import cli, console
from humanoid_bringup.commands import benchmark, pose, push
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_description.problems import DescriptionError, Problem

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def exit_of(*arguments):
    """Exit code of a command line, however it ends."""
    try:
        return cli.main(arguments)
    except SystemExit as end:
        return end.code


def test_the_help_names_every_verb(capsys):
    assert exit_of("--help") == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself_with_examples_and_exit_codes(verb, capsys):
    assert exit_of(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert f"humanoid {verb}" in shown
    assert "exit codes:" in shown
    assert "--json" in shown


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_is_in_the_reference(verb):
    assert f"## `{verb}`" in DOCS.read_text()


def test_help_loads_no_ros_no_numpy_and_no_other_verb():
    program = (
        "import sys; from humanoid_bringup import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'rclpy', 'numpy', 'mujoco', 'pinocchio', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not [m for m in sys.modules if m.startswith('humanoid_bringup.commands.')]\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL).returncode == 0
    )


def test_no_verb_is_a_usage_error_and_shows_the_help(capsys):
    assert exit_of() == Exit.USAGE
    assert "verbs" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("frob",),
        ("sim", "--seconds", "0"),
        ("sim", "--seconds", "nan"),
        ("sim", "--sec", "1"),
        ("sim", "--seed", "-2"),
        ("sim", "--realtime", "-1"),
        ("record", "--seconds", "-1"),
        ("emulate", "dynamixel-emulated", "--latency", "-1"),
        ("can-up", "can0", "--bitrate", "0"),
        ("campaign", "a.yaml", "--processes", "0"),
        ("push", "--force", "inf"),
        ("push", "--force", "1", "--impulse", "1"),
        ("push", "--direction", "sideways"),
        ("pose", "--height", "nan"),
        ("up",),
        ("benchmark", "no-such-benchmark"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments, capsys):
    assert exit_of(*arguments) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("humanoid: ")
    assert exit_of(*arguments, "--json") == Exit.USAGE
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["exit_code"]) == (False, 2)


def test_a_number_that_is_none_is_named_and_so_is_the_help(capsys):
    exit_of("walk", "fast", "0", "0")
    assert capsys.readouterr().err == (
        "humanoid: argument vx: 'fast' is not a number (see 'humanoid walk --help')\n"
    )


def test_an_unknown_option_points_to_the_help_of_its_verb(capsys):
    exit_of("sim", "--fast")
    assert "--fast (see 'humanoid sim --help')" in capsys.readouterr().err


def test_an_unknown_verb_is_answered_with_the_nearest(capsys):
    assert exit_of("statsu") == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert "did you mean 'status'?" in line


@pytest.mark.parametrize("verb", ["sim", "up"])
def test_a_mode_that_the_robot_does_not_have_is_refused_before_anything_starts(
    verb, capsys, monkeypatch
):
    monkeypatch.setattr("humanoid_bringup.session.run", lambda *_: pytest.fail("started"))
    words = (verb, "--robot", "g1", "--hardware", "mock", "--mode", "stnad")
    assert exit_of(*words) == Exit.CONFIGURATION
    (line,) = capsys.readouterr().err.splitlines()
    assert "unknown mode 'stnad'; did you mean 'stand'?" in line
    assert "fastsac" in line  # a policy of the robot's control.yaml is known


@pytest.mark.parametrize("mode", ["walk", "fastsac"])
def test_modes_and_policies_of_the_robot_are_taken(mode, monkeypatch):
    started = []
    monkeypatch.setattr("humanoid_bringup.session.run", lambda *words: started.append(words) or 0)
    assert exit_of("sim", "--hardware", "mock", "--mode", mode) == Exit.OK
    assert started[0][2] == mode


def test_an_unknown_robot_is_a_configuration_error_in_one_line(config, capsys):
    assert exit_of("sim", "--robot", "bipde") == Exit.CONFIGURATION
    (line,) = capsys.readouterr().err.splitlines()
    assert "did you mean 'biped'" in line


@pytest.fixture
def broken_verb(monkeypatch):
    """Makes the verb `reset` end with an exception."""

    def install(error):
        def run(_):
            raise error

        module = importlib.import_module("humanoid_bringup.commands.reset")
        monkeypatch.setattr(module, "run", run)

    return install


def test_an_unexpected_error_is_one_line_and_says_how_to_see_more(broken_verb, capsys, monkeypatch):
    broken_verb(ValueError("odd"))
    monkeypatch.delenv("HUMANOID_DEBUG", raising=False)
    assert exit_of("reset") == Exit.FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "humanoid: unexpected ValueError: odd; HUMANOID_DEBUG=1 shows where"
    monkeypatch.setenv("HUMANOID_DEBUG", "1")
    assert exit_of("reset") == Exit.FAILED
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            PermissionError(13, "Permission denied", "/a/b"),
            Exit.ENVIRONMENT,
            "/a/b: Permission den",
        ),
        (
            DescriptionError([Problem("robot.yaml", 3, "key", "feet", "must be two")]),
            Exit.CONFIGURATION,
            "robot.yaml:3",
        ),
    ],
)
def test_what_a_verb_lets_through_is_told_as_what_it_is(
    broken_verb, capsys, monkeypatch, error, code, text
):
    broken_verb(error)
    monkeypatch.delenv("HUMANOID_DEBUG", raising=False)
    assert exit_of("reset") == code
    (line,) = capsys.readouterr().err.splitlines()
    assert text in line
    assert "unexpected" not in line
    monkeypatch.setenv("HUMANOID_DEBUG", "1")
    exit_of("reset")
    assert f"{type(error).__name__}" in capsys.readouterr().err


def test_incidents_that_could_not_be_written_are_said_before_anything_starts(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("humanoid_bringup.session.run", lambda *_: pytest.fail("started"))
    (tmp_path / "file").write_text("")
    words = ("sim", "--hardware", "mock", "--incidents", str(tmp_path / "file" / "incidents"))
    assert exit_of(*words) == Exit.ENVIRONMENT
    assert "--no-incidents" in capsys.readouterr().err


def test_no_benchmark_is_asked_for_by_name(benchmarks, capsys):
    assert exit_of("benchmark") == Exit.USAGE
    assert capsys.readouterr().err == "humanoid: name a benchmark of quick-one\n"


def test_an_error_of_ours_ends_with_its_own_exit_code(broken_verb, capsys):
    broken_verb(HumanoidError("nobody answers", Exit.NO_GRAPH))
    assert exit_of("reset") == Exit.NO_GRAPH
    assert capsys.readouterr().err == "humanoid: nobody answers\n"


def test_a_command_that_is_interrupted_says_so_as_json_too(broken_verb, capsys):
    broken_verb(KeyboardInterrupt())
    assert exit_of("reset") == 130
    assert capsys.readouterr().out == ""
    assert exit_of("reset", "--json") == 130
    assert json.loads(capsys.readouterr().out)["exit_code"] == 130


def test_discovery_is_limited_to_this_host_unless_the_user_says_otherwise(monkeypatch, capsys):
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    exit_of("--help")
    assert cli.os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    exit_of("--help")
    assert cli.os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "SUBNET"


def test_directions_are_names_or_degrees_counter_clockwise():
    assert push.direction("left") == (0.0, 1.0, 0.0)
    assert push.direction("90") == pytest.approx((0.0, 1.0, 0.0))
    assert push.direction("-180") == pytest.approx((-1.0, 0.0, 0.0))


@pytest.mark.parametrize("axis", range(3))
def test_leaning_about_one_axis_is_a_rotation_about_it(axis):
    angles = [0.0, 0.0, 0.0]
    angles[axis] = 0.3
    expected = [0.0, 0.0, 0.0, math.cos(0.15)]
    expected[axis] = math.sin(0.15)
    assert pose.quaternion(*angles) == pytest.approx(expected)


def test_json_never_holds_what_json_cannot(capsys):
    console.print_json({"a": float("nan"), "b": [float("inf"), 1.0], "c": {"d": -math.inf}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.0], "c": {"d": None}}


BENCHMARK = '''
"""A benchmark."""
NAME = "quick-one"
SUMMARY = "answers at once"
BARS = {"median_us": "<= 5"}
def add_arguments(parser):
    parser.add_argument("--figure", type=float, default=4.0)
def run(arguments):
    return {"ok": arguments.figure <= 5.0, "median_us": arguments.figure}
'''


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
    (tmp_path / "quick_one.py").write_text(BENCHMARK)
    monkeypatch.setattr(benchmark, "shared", lambda _: [tmp_path])


def test_benchmarks_are_listed_with_what_they_show(benchmarks, capsys):
    assert exit_of("benchmark", "--list") == 0
    assert capsys.readouterr().out.split() == ["quick-one", "answers", "at", "once"]
    assert exit_of("benchmark", "--list", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"ok": True, "benchmarks": {"quick-one": "answers at once"}}


@pytest.mark.parametrize(("figure", "code"), [("4", Exit.OK), ("6", Exit.FAILED)])
def test_a_benchmark_ends_with_its_verdict_and_one_json_line(benchmarks, capsys, figure, code):
    assert exit_of("benchmark", "quick-one", "--figure", figure, "--json") == code
    *shown, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {"name": "quick-one", "ok": code == 0, "median_us": float(figure)}
    assert any("median_us" in line and "<= 5" in line for line in shown)


def test_all_benchmarks_make_the_table_of_the_readme(benchmarks, capsys):
    assert exit_of("benchmark", "--all") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "| `quick-one` | median_us | 4 | <= 5 | yes |"
    )
    assert exit_of("benchmark", "--all", "--json") == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said == {"ok": True, "benchmarks": {"quick-one": {"ok": True, "median_us": 4.0}}}


def test_an_unknown_benchmark_is_refused_with_the_nearest(benchmarks, capsys):
    assert exit_of("benchmark", "quick_one") == Exit.USAGE
    assert "did you mean 'quick-one'" in capsys.readouterr().err
