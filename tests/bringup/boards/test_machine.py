"""`humanoid find-port`, `setup-udev` and `can-up` on a machine that is made up."""

import json
import subprocess

import pytest

from humanoid_bringup import cli
from humanoid_bringup.commands import find_port
from humanoid_bringup.errors import Exit
from humanoid_hal.tools import ports, udev
from humanoid_hal.tools.ports import Port

USB = Port("/dev/ttyUSB0", "/dev/serial/by-id/usb-A", "Adapter", "A1", 0x403, 0x6014, "1-2")
OTHER = Port("/dev/ttyUSB1", "", "Adapter", "B2", 0x403, 0x6014, "1-3")
CAN = Port("can0")


@pytest.fixture
def machine(monkeypatch):
    """Sets what the machine has, look by look; the last one stays."""

    def has(*looks):
        left = list(looks)
        monkeypatch.setattr(ports, "find_ports", lambda: left.pop(0) if len(left) > 1 else left[0])
        monkeypatch.setattr(find_port, "_LOOK", 0.0)
        monkeypatch.setattr(find_port, "_SETTLE", 0.0)

    return has


def test_the_port_that_goes_is_the_one(machine, capsys):
    machine((USB, OTHER, CAN), (USB, OTHER, CAN), (OTHER, CAN))
    assert cli.main(["find-port", "--json"]) == Exit.OK
    (found,) = json.loads(capsys.readouterr().out)["unplugged"]
    assert found["name"] == "/dev/serial/by-id/usb-A"


def test_the_port_that_comes_is_the_one_and_a_name_that_may_change_is_said(machine, capsys):
    machine((USB,), (USB, OTHER))
    assert cli.main(["find-port"]) == Exit.OK
    said = capsys.readouterr().out
    assert "plugged in: /dev/ttyUSB1 (Adapter, serial B2)" in said
    assert "setup-udev" in said


def test_nothing_that_changes_is_a_no(machine, capsys):
    machine((USB,))
    assert cli.main(["find-port", "--timeout", "0.05"]) == Exit.FAILED
    assert "no port came or went" in capsys.readouterr().err


def test_ports_are_listed_at_once(machine, capsys):
    machine((USB, CAN))
    assert cli.main(["find-port", "--list", "--json"]) == Exit.OK
    assert [p["device"] for p in json.loads(capsys.readouterr().out)["ports"]] == [
        "/dev/ttyUSB0", "can0",
    ]  # fmt: skip


def test_rules_are_printed_and_nothing_is_written(machine, capsys, monkeypatch, tmp_path):
    machine((USB, OTHER, CAN))
    monkeypatch.setattr(udev, "RULES", tmp_path / "99-humanoid.rules")
    assert cli.main(["setup-udev"]) == Exit.OK
    said = capsys.readouterr().out
    assert 'SYMLINK+="humanoid/A1"' in said
    assert 'SYMLINK+="humanoid/B2"' in said
    assert "not written" in said
    assert not list(tmp_path.iterdir())


def test_rules_are_written_where_asked(machine, capsys, tmp_path):
    machine((USB, OTHER))
    path = tmp_path / "my.rules"
    assert cli.main(["setup-udev", "left=/dev/ttyUSB1", "--write", str(path), "--json"]) == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["names"] == {"left": "/dev/humanoid/left"}
    assert path.read_text() == answer["rules"]
    assert "A1" not in path.read_text()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("left", "NAME=PORT"),
        ("left=/dev/ttyUSB7", "there is no port"),
        ("l/r=/dev/ttyUSB0", "name"),
    ],
)
def test_ports_that_cannot_be_named_are_refused(machine, capsys, word, said):
    machine((USB,))
    assert cli.main(["setup-udev", word]) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_rules_that_may_not_be_written_say_so(machine, capsys):
    machine((USB,))
    assert cli.main(["setup-udev", "--write", "/proc/no/rules"]) == Exit.ENVIRONMENT
    assert "use sudo" in capsys.readouterr().err


def test_can_up_prints_its_commands_and_runs_none(machine, capsys, monkeypatch):
    machine((USB, CAN))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it ran something"))
    assert cli.main(["can-up"]) == Exit.OK
    assert "ip link set can0 txqueuelen 1000" in capsys.readouterr().out


def test_can_up_runs_its_commands_in_order_when_told(machine, capsys, monkeypatch):
    ran = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: ran.append(" ".join(command)))
    assert cli.main(["can-up", "can3", "--apply", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["commands"] == ran
    assert ran[0] == "ip link set can3 down"
    assert ran[-1] == "ip link set can3 up"


def test_a_command_that_fails_ends_it_with_what_it_said(machine, capsys, monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(2, command, stderr="Cannot find device can3\n")

    monkeypatch.setattr(subprocess, "run", fail)
    assert cli.main(["can-up", "can3", "--apply"]) == Exit.ENVIRONMENT
    assert "Cannot find device can3" in capsys.readouterr().err


def test_can_up_takes_interfaces_and_rates_from_a_hardware_file(rig, ask, capsys):
    text = rig.file.read_text().replace("transport: slcan, ", "baud: 500000, ")
    rig.file.write_text(text.replace(f"port: {rig.port}", "port: can5"))
    assert ask("can-up") == Exit.OK
    assert "ip link set can5 type can bitrate 500000" in capsys.readouterr().out


def test_no_can_interface_is_a_no_and_wrong_figures_are_usage(machine, capsys):
    machine((USB,))
    assert cli.main(["can-up"]) == Exit.FAILED
    assert cli.main(["can-up", "can0", "--bitrate", "1"]) == Exit.USAGE
