"""Promises of the lock that keeps a second graph from starting."""

import os
import subprocess
import sys

import pytest

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.lock import graph_runs, only_graph


@pytest.fixture(autouse=True)
def own_place(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("ROS_DOMAIN_ID", "77")


def test_a_second_graph_in_the_same_domain_is_refused():
    with (
        only_graph(""),
        pytest.raises(HumanoidError, match="already runs in ROS_DOMAIN_ID=77") as e,
    ):
        with only_graph("/"):
            pass
    assert e.value.code == Exit.ENVIRONMENT


def test_after_the_first_has_ended_the_next_may_start():
    for _ in range(2):
        with only_graph(""):
            pass


def test_other_domains_and_namespaces_are_free(monkeypatch):
    with only_graph(""), only_graph("/robot1"), only_graph("robot1/arm"):
        monkeypatch.setenv("ROS_DOMAIN_ID", "78")
        with only_graph(""):
            pass


def test_a_killed_graph_leaves_no_lock_behind(tmp_path):
    code = (
        "import os, signal, tempfile\n"
        f"tempfile.tempdir = {str(tmp_path)!r}\n"
        "from humanoid_bringup.lock import only_graph\n"
        "with only_graph(''):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ)).returncode == -9
    with only_graph(""):
        pass


def test_a_place_that_cannot_be_written_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(HumanoidError, match="cannot open"), only_graph(""):
        pass


def test_whether_a_graph_runs_can_be_asked(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "87")
    assert not graph_runs("asked")
    with only_graph("asked"):
        assert graph_runs("/asked")
    assert not graph_runs("asked")
