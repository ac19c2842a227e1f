"""`humanoid stop` without a graph."""

import json

import pytest

from humanoid_bringup import cli
from humanoid_bringup.errors import Exit
from humanoid_hal.conformance import Subject
from humanoid_hal.conformance.trial import Trial
from humanoid_hal.drivers.boards import BoardsDriver
from humanoid_hal.hardware import load_hardware


@pytest.fixture
def armed(rig):
    """The rig, with torque on, its port held by a driver that has stopped to work."""
    rig.start()
    config, _ = load_hardware(rig.file)
    with Trial(Subject(BoardsDriver, rig.robot, config.options, may_move=True)) as trial:
        trial.arm()
        trial.turn(trial.hold())
        assert rig.motors.powered.all()
        yield rig


def test_torque_goes_off_although_another_process_holds_the_port(armed, ask, capsys):
    assert ask("stop", "--direct", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["buses"] == [{"bus": "legs", "sent": True, "acknowledged": True, "reason": ""}]
    assert not armed.motors.powered.any()


def test_boards_that_no_file_names_are_stopped_by_port_and_ids(armed, capsys):
    where = ("--port", str(armed.port), "--protocol", "damiao", "--transport", "slcan")
    assert cli.main(["stop", "--direct", *where, "--ids", "1-2"]) == Exit.FAILED
    assert "not asked for acknowledgement" in capsys.readouterr().out
    assert armed.until(lambda: not armed.motors.powered.any())


def test_a_bus_that_cannot_be_opened_does_not_keep_the_others_from_being_stopped(
    armed, ask, capsys
):
    text = armed.file.read_text()
    gone = "    gone: {protocol: damiao, transport: slcan, port: /dev/no-such-port}\n  joints:"
    text = (
        text.replace("  joints:", gone)
        .replace("id: 2", "id: 2")
        .replace("right_hip: {bus: legs", "right_hip: {bus: gone")
    )
    armed.file.write_text(text)
    assert ask("stop", "--direct", "--json") == Exit.ENVIRONMENT
    said = capsys.readouterr()
    buses = {bus["bus"]: bus for bus in json.loads(said.out)["buses"]}
    assert buses["legs"]["acknowledged"]
    assert not buses["gone"]["sent"]
    assert "hardware emergency stop" in said.err
    assert not armed.motors.powered[0]


def test_a_broken_ros_is_no_reason_not_to_stop(armed, ask, capsys, monkeypatch):
    from humanoid_bringup.commands import stop

    def broken(*_, **__):
        raise ImportError("librcl.so: cannot open shared object file")

    monkeypatch.setattr(stop, "_ask_graph", broken)
    assert ask("stop") == Exit.OK
    said = capsys.readouterr()
    assert "librcl.so" in said.err
    assert said.out == "legs: torque off, acknowledged\n"
    assert not armed.motors.powered.any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--direct",), "--direct needs --hardware"),
        (("--direct", "--port", "/dev/x"), "needs --protocol and --ids"),
        (("--direct", "--port", "/dev/x", "--protocol", "damio", "--ids", "1"), "damiao"),
        (("--direct", "--port", "/dev/x", "--protocol", "damiao", "--ids", "4-1"), "range of ids"),
    ],
)
def test_boards_that_are_not_named_are_a_usage_error(arguments, words, capsys):
    assert cli.main(["stop", *arguments]) == Exit.USAGE
    assert words in capsys.readouterr().err
