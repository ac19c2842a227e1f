"""`humanoid conformance`: which driver, which promises, which report."""

import json
from pathlib import Path

import pytest

from humanoid_bringup import cli
from humanoid_bringup.errors import Exit

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
QUICK = ("--promise", "declared", "--promise", "watchdog")


def ask(*arguments, robot="g1"):
    return cli.main(["conformance", "--robot", str(ROBOTS / robot), *arguments])


@pytest.mark.parametrize("driver", ["mock", "mock_hardware"])
def test_a_driver_is_named_by_hardware_or_by_its_own_name(driver, capsys):
    assert ask(driver, *QUICK) == Exit.OK
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("passed     declared")
    assert "watchdog" in second
    assert last.startswith(f"{driver} on g1: ")


def test_a_hardware_file_brings_its_rate(tmp_path, capsys):
    path = tmp_path / "slow.yaml"
    path.write_text("driver: mock\nrate: 250.0\n")
    assert ask(str(path), "--promise", "rate", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["promises"][0]["detail"] == "250.0 Hz of 250.0"


def test_a_broken_promise_is_exit_code_1_in_every_report(tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("driver: mock\noptions:\n  faults: [{kind: wrong, what: imu, value: 5.0}]\n")
    page = tmp_path / "report.html"
    assert ask(str(path), "--promise", "units", "--html", str(page), "--json") == Exit.FAILED
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["promises"][0]["outcome"] == "failed"
    assert "gyroscope at rest" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("mok",), Exit.CONFIGURATION, "did you mean 'mock'"),
        (("none.yaml",), Exit.CONFIGURATION, "no such file"),
        (("mock", "--promise", "unit"), Exit.USAGE, "did you mean 'units'"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(arguments, code, words, capsys):
    assert ask(*arguments) == code
    assert words in capsys.readouterr().err


def test_a_driver_that_cannot_be_opened_is_no_broken_promise(tmp_path, capsys):
    path = tmp_path / "bad.yaml"
    path.write_text("driver: mock\noptions: {pose: lotus}\n")
    assert ask(str(path)) == Exit.ENVIRONMENT
    assert "no pose 'lotus'" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_says_so(capsys):
    assert ask("mock", *QUICK, "--html", "/no/such/place.html") == Exit.ENVIRONMENT
    assert "cannot write the report" in capsys.readouterr().err
