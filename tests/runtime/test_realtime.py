"""Promises of the real-time set-up; every request runs in a process of its own."""

import os
import subprocess
import sys

import pytest

from humanoid_runtime.realtime import RealtimeError, set_up


def in_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import os\nfrom humanoid_runtime.realtime import *\n" + code],
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_asked_changes_no_scheduling() -> None:
    result = in_process("set_up(); print(os.sched_getscheduler(0) == os.SCHED_OTHER)")
    assert result.stdout == "True\n", result.stderr


def test_what_is_allowed_is_granted() -> None:
    result = in_process(
        "highest = allowed(); set_up()\n"
        "if highest: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(highest))\n"
        "print(os.sched_getscheduler(0) == (os.SCHED_FIFO if highest else os.SCHED_OTHER))"
    )
    assert result.stdout == "True\n", result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may drop capabilities")
def test_without_the_capability_the_limit_of_the_user_counts() -> None:
    result = in_process(
        "import resource; os.setuid(65534)\n"
        "print(allowed() == max(0, resource.getrlimit(resource.RLIMIT_RTPRIO)[0]))"
    )
    assert result.stdout == "True\n", result.stderr


def test_a_cpu_is_pinned() -> None:
    cpu = min(os.sched_getaffinity(0))
    result = in_process(f"set_up(cpu={cpu}); print(os.sched_getaffinity(0))")
    assert result.stdout == f"{{{cpu}}}\n", result.stderr


def test_a_cpu_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(RealtimeError, match=r"cpu 9999 cannot be used.*may use \["):
        set_up(cpu=9999)


def test_a_priority_out_of_range_is_refused_with_the_way_to_allow_it() -> None:
    with pytest.raises(RealtimeError, match=r"SCHED_FIFO priority 1000 was refused.*limits"):
        set_up(priority=1000)


def test_memory_that_cannot_be_locked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        @staticmethod
        def mlockall(flags: int) -> int:
            return -1

    monkeypatch.setattr(os, "sched_setscheduler", lambda *_: None)
    monkeypatch.setattr("humanoid_runtime.realtime.ctypes.CDLL", lambda *_, **__: Libc)
    with pytest.raises(RealtimeError, match="memlock"):
        set_up(priority=10)
