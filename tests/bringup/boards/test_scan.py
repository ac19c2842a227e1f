"""`humanoid scan` and `humanoid setup-motors` on emulated boards."""

import json

import pytest

from humanoid_bringup import cli
from humanoid_bringup.errors import Exit


def scan(rig, *arguments):
    where = ("--port", str(rig.port), "--transport", "slcan", "--protocol", "damiao")
    return cli.main(["scan", *where, *arguments])


def test_a_scan_tells_id_model_firmware_and_voltage_at_the_right_bit_rate(rig, capsys):
    rig.start()
    assert scan(rig, "--baud", "500000", "--baud", "1000000", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert [(board["id"], board["baud"]) for board in answer["boards"]] == [
        (1, 1_000_000), (2, 1_000_000),
    ]  # fmt: skip
    assert all("DM-J4310" in board["model"] for board in answer["boards"])
    assert all(board["firmware"] and board["voltage_v"] > 10 for board in answer["boards"])


@pytest.mark.parametrize(
    ("protocol", "model", "told", "baud"),
    [
        ("dynamixel", "XM540-W270", "XM540-W270", 57_600),
        ("feetech_sts", "STS3215", "STS3215", 500_000),
        ("lx16a", "LX-16A", "unknown", 115_200),
    ],
)
def test_a_serial_scan_finds_boards_at_whatever_baud_rate(rig, capsys, protocol, model, told, baud):
    rig.protocol, rig.models, rig.baud = protocol, (model, model), baud
    rig.start()
    where = ("--port", str(rig.port), "--protocol", protocol)
    assert cli.main(["scan", *where, "--ids", "1-3", "--json"]) == Exit.OK
    boards = json.loads(capsys.readouterr().out)["boards"]
    assert [(board["id"], board["baud"], board["model"]) for board in boards] == [
        (1, baud, told), (2, baud, told),
    ]  # fmt: skip
    assert all(board["voltage_v"] > 5 and board["temperature_degc"] > 0 for board in boards)


def test_a_long_scan_says_where_it_is_on_stderr(rig, capsys, monkeypatch):
    rig.protocol, rig.models, rig.baud = "lx16a", ("LX-16A",), 115_200
    rig.start()
    where = ("--port", str(rig.port), "--protocol", "lx16a", "--ids", "1-3")
    assert cli.main(["scan", *where, "--json"]) == Exit.OK
    assert capsys.readouterr().err == f"1/1 {rig.port} lx16a 115200\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert cli.main(["scan", *where, "--json"]) == Exit.OK
    shown = capsys.readouterr().err.split("\r\x1b[K")
    assert shown[1:4] == [f"1/1 {rig.port} lx16a 115200: {asked} questions" for asked in range(3)]
    assert shown[-1] == ""  # cleared


@pytest.mark.parametrize(
    ("protocol", "model", "baud", "wanted"),
    [
        ("dynamixel", "XM540-W270", 57_600, 1_000_000),
        ("feetech_sts", "STS3215", 500_000, 1_000_000),
        ("lx16a", "LX-16A", 115_200, 115_200),
    ],
)
def test_a_new_motor_gets_id_and_baud_rate(rig, ask, enter, capsys, protocol, model, baud, wanted):
    rig.protocol, rig.models, rig.ids, rig.baud = protocol, (model,), (1,), baud
    rig.start()
    text = rig.file.read_text().replace(
        "protocol: damiao, transport: slcan", f"protocol: {protocol}"
    )
    text = text.replace(f"port: {rig.port}", f"port: {rig.port}, baud: {wanted}")
    rig.file.write_text(text.replace("DM-J4310", model))
    enter(None)
    assert ask("setup-motors", "--joint", "right_hip", "--json") == Exit.OK
    (motor,) = json.loads(capsys.readouterr().out)["motors"]
    assert (motor["id_before"], motor["baud_before"]) == (1, baud)
    assert ask("scan", "--ids", "1-3", "--json") == Exit.OK
    (board,) = json.loads(capsys.readouterr().out)["boards"]
    assert (board["id"], board["baud"]) == (2, wanted)
    if protocol == "feetech_sts":
        assert rig.boards.servos[0].get("lock") == 1


def test_a_scan_is_a_table_for_people(rig, ask, capsys):
    rig.start()
    assert ask("scan") == Exit.OK
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:5] == ["port", "protocol", "baud", "id", "model"]
    assert [row.split()[3] for row in rows] == ["1", "2"]


def test_only_the_ids_asked_for_are_looked_at(rig, capsys):
    rig.start()
    assert scan(rig, "--baud", "1000000", "--ids", "2,7-9", "--json") == Exit.OK
    assert [board["id"] for board in json.loads(capsys.readouterr().out)["boards"]] == [2]


def test_nobody_there_is_a_no_with_the_next_step(rig, capsys):
    rig.start()
    assert scan(rig, "--baud", "1000000", "--ids", "9") == Exit.FAILED
    assert "is the power on" in capsys.readouterr().err


def test_a_port_that_does_not_open_is_tried_once_and_named(rig, capsys):
    assert scan(rig) == Exit.ENVIRONMENT
    said = capsys.readouterr()
    assert said.out.count("is the adapter plugged in?") == 1


@pytest.mark.parametrize("words", [("--ids", "x"), ("--ids", "3-1"), ("--protocol", "damia")])
def test_wrong_words_are_a_usage_error(rig, words):
    assert scan(rig, *words) == Exit.USAGE


# --- one motor at a time


def alone(rig, id=1, model="DM-J4310"):
    """Only one motor is on the wire."""
    rig.ids, rig.models = (id,), (model,)
    return rig.start()


def test_a_motor_gets_its_id_and_is_heard_under_it(rig, ask, enter, capsys):
    alone(rig, id=9)
    enter(None)
    assert ask("setup-motors", "--joint", "right_hip", "--json") == Exit.OK
    (motor,) = json.loads(capsys.readouterr().out)["motors"]
    assert (motor["id_before"], motor["id"], motor["changed"]) == (9, 2, True)
    assert ask("scan", "--json") == Exit.OK
    assert [board["id"] for board in json.loads(capsys.readouterr().out)["boards"]] == [2]


def test_a_motor_that_is_right_already_is_left_alone(rig, ask, enter, capsys):
    alone(rig, id=1)
    enter(None)
    assert ask("setup-motors", "--joint", "left_hip") == Exit.OK
    assert "had both already" in capsys.readouterr().out


def test_two_motors_on_the_wire_are_refused(rig, ask, enter, capsys):
    rig.start()
    enter(None)
    assert ask("setup-motors", "--joint", "left_hip") == Exit.FAILED
    assert "connect only the one" in capsys.readouterr().err
    assert rig.boards.ids == [1, 2]


def test_another_model_is_refused_before_anything_is_written(rig, ask, enter, capsys):
    alone(rig, id=9, model="DM-J8006")
    enter(None)
    assert ask("setup-motors", "--joint", "left_hip") == Exit.FAILED
    assert "must be a DM-J4310" in capsys.readouterr().err
    assert rig.boards.ids == [9]


def test_no_motor_at_all_says_what_was_tried(rig, ask, enter, capsys):
    rig.ids = rig.models = ()
    rig.start()
    enter(None)
    assert ask("setup-motors", "--joint", "left_hip") == Exit.FAILED
    assert "500000" in capsys.readouterr().err


def test_a_dry_run_opens_nothing_and_shows_what_each_would_get(rig, ask, capsys):
    assert ask("setup-motors", "--dry-run") == Exit.OK
    assert "left_hip   " in capsys.readouterr().out
    assert ask("setup-motors", "--dry-run", "--json") == Exit.OK
    motors = json.loads(capsys.readouterr().out)["motors"]
    assert [motor["id"] for motor in motors] == [1, 2]


def test_an_unknown_joint_is_refused_with_the_nearest(ask, capsys):
    assert ask("setup-motors", "--joint", "lefthip") == Exit.USAGE
    assert "did you mean 'left_hip'" in capsys.readouterr().err
