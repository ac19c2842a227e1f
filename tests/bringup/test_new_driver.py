"""`humanoid new-driver`: what it writes passes its own tests, without hardware."""

import json
import os
import re
import subprocess
import sys

import pytest

from humanoid_bringup import cli
from humanoid_bringup.errors import Exit


def make(directory, name="gear_works", *options):
    return cli.main(["new-driver", name, "--directory", str(directory), *options])


def test_what_is_generated_passes_its_own_tests(tmp_path):
    assert make(tmp_path) == Exit.OK
    package = tmp_path / "humanoid_gear_works"
    paths = os.pathsep.join([str(package), *filter(None, sys.path)])
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test"],
        cwd=package, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed, skipped = (
        int(re.search(rf"(\d+) {word}", ran.stdout).group(1)) for word in ("passed", "skipped")
    )
    assert (passed, skipped) == (18, 1)  # no board watchdog is declared


def test_what_is_generated_is_clean_code(tmp_path):
    make(tmp_path)
    for command in (["check", "--select", "E,W,F,B,UP,SIM,RUF"], ["format", "--check"]):
        words = ["ruff", *command, "--isolated", "--line-length", "100"]
        ran = subprocess.run(
            [sys.executable, "-m", *words, str(tmp_path)], capture_output=True, text=True
        )
        if "No module named ruff" in ran.stderr:
            pytest.skip("ruff is not installed; ./humanoid lint does that")
        assert ran.returncode == 0, ran.stdout


def test_no_name_of_the_template_is_left_over(tmp_path):
    make(tmp_path)
    for path in tmp_path.rglob("*"):
        assert "acme" not in str(path.relative_to(tmp_path))
        if path.is_file():
            assert "acme" not in path.read_text().lower()


def test_the_files_are_listed_as_json(tmp_path, capsys):
    assert make(tmp_path, "gear", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert {str(path) for path in tmp_path.rglob("*") if path.is_file()} == set(answer["files"])


@pytest.mark.parametrize("name", ["Gear", "gear-works", "1gear", "", "gear_", "../gear"])
def test_a_name_that_python_cannot_import_is_refused(name, tmp_path, capsys):
    assert make(tmp_path, name) == Exit.USAGE
    assert "is no name for a driver" in capsys.readouterr().err


def test_an_existing_package_is_never_written_over(tmp_path, capsys):
    make(tmp_path, "gear")
    (tmp_path / "humanoid_gear" / "README.md").write_text("mine")
    assert make(tmp_path, "gear") == Exit.USAGE
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "humanoid_gear" / "README.md").read_text() == "mine"
