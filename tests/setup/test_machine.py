"""A machine that cannot be set up gets one clear line with the fix."""

import ast
import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {"PATH": os.environ["PATH"], "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}
Usage = namedtuple("Usage", "total used free")
Version = namedtuple("Version", "major minor micro")


def run(script: Path, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        env=CLEAN | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def quiet_machine(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on an x86-64 Linux with Python 3.12, whatever this machine is."""
    monkeypatch.setattr(script.platform, "system", lambda: "Linux")
    monkeypatch.setattr(script.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(script.sys, "version_info", Version(3, 12, 0))
    return script


def test_the_script_is_parsed_by_the_oldest_python_it_speaks_to() -> None:
    ast.parse((ROOT / "humanoid").read_text(), feature_version=(3, 6))


def test_an_old_python_hands_over_to_a_newer_one_on_path(
    quiet_machine: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "python3.11"
    newer.touch(0o755)
    monkeypatch.setattr(quiet_machine.sys, "version_info", Version(3, 8, 1))
    assert quiet_machine.better_python({"PATH": str(tmp_path)}) == str(newer)
    monkeypatch.setattr(quiet_machine.sys, "version_info", Version(3, 14, 0))
    assert quiet_machine.better_python({"PATH": str(tmp_path)}) == str(newer)
    assert quiet_machine.better_python({"PATH": str(tmp_path), "ROS_DISTRO": "x"}) is None


def test_an_old_python_alone_says_what_is_needed(
    quiet_machine: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(quiet_machine.sys, "version_info", Version(3, 8, 1))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert quiet_machine.main(["sim"]) == 6
    error = capsys.readouterr().err
    assert "Python 3.10 or newer is needed, this is 3.8" in error
    assert error.count("\n") == 1


def test_a_machine_without_wheels_is_told_to_install_ros(
    quiet_machine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = quiet_machine.Machine(CLEAN)
    quiet_machine.check_python(machine)
    monkeypatch.setattr(quiet_machine.platform, "machine", lambda: "aarch64")
    with pytest.raises(quiet_machine.SetupError, match=r"not for Linux on aarch64; install ROS 2"):
        quiet_machine.check_python(machine)


def test_a_python_newer_than_the_wheels_is_told_which_ones_fit(
    quiet_machine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quiet_machine.sys, "version_info", Version(3, 14, 0))
    with pytest.raises(quiet_machine.SetupError, match=r"3\.10 to 3\.13, not for Python 3\.14"):
        quiet_machine.check_python(quiet_machine.Machine(CLEAN))


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_names_the_package(
    quiet_machine: ModuleType, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(quiet_machine, "find_spec", lambda name: None if name == missing else 1)
    with pytest.raises(quiet_machine.SetupError, match=r"apt install python3\.12-venv"):
        quiet_machine.check_python(quiet_machine.Machine(CLEAN))


def test_a_sourced_ros_needs_its_own_python(
    quiet_machine: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    sourced = CLEAN | {"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"}
    monkeypatch.setattr(quiet_machine, "find_spec", lambda name: None if name == "rclpy" else 1)
    with pytest.raises(quiet_machine.SetupError, match=r"jazzy is sourced.*/usr/bin/python3"):
        quiet_machine.check_python(quiet_machine.Machine(sourced))


def test_a_missing_compiler_stops_before_anything_is_made(checkout: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run(checkout / "humanoid", "setup", PATH=str(empty))
    assert result.returncode == 6
    assert "no C/C++ compiler (cc not found); sudo apt install build-essential" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_compiler_named_by_cc_and_cxx_counts(script: ModuleType, tmp_path: Path) -> None:
    for name in ("my-cc", "my-c++"):
        (tmp_path / name).touch(0o755)
    script.check_compiler({"PATH": str(tmp_path), "CC": "my-cc -m64", "CXX": "my-c++"})
    with pytest.raises(script.SetupError, match=r"my-cxx not found"):
        script.check_compiler({"PATH": str(tmp_path), "CC": "my-cc", "CXX": "my-cxx"})


def test_missing_headers_of_python_name_the_package(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(script.SetupError, match=r"Python\.h\); sudo apt install python3\.\d+-dev"):
        script.check_compiler(os.environ)


def test_a_disk_too_small_is_seen_before_the_download(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script.shutil, "disk_usage", lambda path: Usage(9, 9, 1e9))
    with pytest.raises(script.SetupError, match=r"1\.0 GB free.*2\.5 GB needed.*HUMANOID_VENV"):
        script.check_disk(tmp_path / "not" / "yet")


def test_a_disk_that_fills_up_while_writing_is_one_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(script, "prepare", full)
    assert script.main(["setup"]) == 6
    assert "the disk is full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("error: Failed to write\n  No space left on device (os error 28)", "the disk is full"),
        ("OSError: [Errno 122] Disk quota exceeded", "the disk is full"),
        ("error: Request failed\n dns error: failed to lookup", "no network"),
        ("Temporary failure in name resolution", "no network"),
        ("NewConnectionError: [Errno 111] Connection refused", "no network"),
        ("ERROR: No matching distribution found (from versions: none)", "no network"),
        ("Hash mismatch for `numpy==2.4.6`", "not the pinned one"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "not the pinned one"),
        ("ensurepip is not available", "sudo apt install python3-venv"),
        ("fatal error: Python.h: No such file or directory", "sudo apt install python3-dev"),
        ("[Errno 13] Permission denied: 'x'", "cannot be written"),
        ("ok\nerror: something new\nand so on", "building failed: error: something new"),
        ("", "building failed: no output"),
    ],
)
def test_what_a_program_says_becomes_one_line_with_the_log(
    script: ModuleType, output: str, line: str
) -> None:
    text = script.explain(output, "building", "/there/setup.log")
    assert line in text
    assert text.endswith("(details: /there/setup.log)")
    assert "\n" not in text


def test_the_log_keeps_what_a_failed_program_said(script: ModuleType) -> None:
    machine = script.Machine(dict(CLEAN))
    machine.state.mkdir(parents=True)
    job = script.Job(machine)
    job.open_log()
    job.run(["sh", "-c", "echo Permission denied, but it went on"])
    with pytest.raises(script.SetupError, match=r"boom"):
        job.run(["sh", "-c", "echo error: boom >&2; exit 3"])
    log = job.log_path.read_text()
    assert "$ sh -c" in log
    assert "error: boom" in log


def test_uv_that_cannot_reach_its_index_leaves_it_to_pip(script: ModuleType) -> None:
    machine = script.Machine(dict(CLEAN))
    calls: list[str] = []

    def program(name: str, text: str) -> None:
        path = machine.venv / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {name} >> {machine.venv}/calls\n{text}\n")
        path.chmod(0o755)

    def install() -> list[str]:
        (machine.venv / "calls").unlink(missing_ok=True)
        try:
            job.install(Path("lock.txt"))
        except script.SetupError as problem:
            calls.append(str(problem))
        return (machine.venv / "calls").read_text().split()

    program("python", "exit 0")
    program("uv", "exit 0")
    machine.state.mkdir()
    job = script.Job(machine)
    job.open_log()
    assert install() == ["uv"]
    program("uv", "echo dns error; exit 2")
    assert install() == ["uv", "python"]
    assert calls == []
    program("uv", "echo No space left on device; exit 2")
    assert install() == ["uv"]
    assert "the disk is full" in calls.pop()
    (machine.venv / "bin" / "uv").unlink()
    program("python", "echo dns error; exit 1")
    assert install() == ["python"]
    assert "no network" in calls.pop()


def test_programs_run_in_the_environment_without_starting_python_twice(
    script: ModuleType,
) -> None:
    machine = script.Machine({"PATH": "/usr/bin", "AMENT_PREFIX_PATH": "/stale"})
    libraries = machine.venv / "lib" / "python3.11" / "site-packages" / "ros_rcl.libs"
    libraries.mkdir(parents=True)
    env = machine.environment()
    assert env["PATH"] == f"{machine.venv}/bin:/usr/bin"
    assert env["AMENT_PREFIX_PATH"] == str(machine.venv)
    assert env["LD_LIBRARY_PATH"] == f"{machine.venv}/lib:{libraries}"
    assert env["_ROS_WHEELS_BOOTSTRAP_COMPLETE"] == "1"
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["NUMBA_CACHE_DIR"] == str(machine.state / "numba")


def test_a_sourced_ros_lies_under_an_environment_of_its_own(
    script: ModuleType, checkout: Path
) -> None:
    ros = {
        "PATH": "/opt/ros/jazzy/bin:/usr/bin",
        "ROS_DISTRO": "jazzy",
        "AMENT_PREFIX_PATH": "/opt/ros/jazzy",
        "LD_LIBRARY_PATH": "/opt/ros/jazzy/lib",
        "PYTHONPATH": "/opt/ros/jazzy/lib/python3.12/site-packages",
    }
    machine = script.Machine(ros)
    assert machine.venv == checkout / ".venv-jazzy"
    assert machine.lock == "system.txt"
    env = machine.environment()
    assert env["AMENT_PREFIX_PATH"] == f"{machine.venv}:/opt/ros/jazzy"
    assert env["LD_LIBRARY_PATH"] == f"{machine.venv}/lib:/opt/ros/jazzy/lib"
    assert env["PYTHONPATH"] == ros["PYTHONPATH"]
    assert "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in env


def test_humanoid_venv_names_the_environment(script: ModuleType, tmp_path: Path) -> None:
    machine = script.Machine({"HUMANOID_VENV": str(tmp_path / "x" / ".." / "here")})
    assert machine.venv == tmp_path / "here"


def test_help_needs_no_set_up_and_shows_all_verbs() -> None:
    result = run(ROOT / "humanoid", "--help", HUMANOID_VENV="/nonexistent/venv")
    assert result.returncode == 0, result.stderr
    for verb in ("sim", "test", "setup", "clean", "lint", "status", "doctor"):
        assert f" {verb} " in result.stdout
    assert run(ROOT / "humanoid", HUMANOID_VENV="/nonexistent/venv").returncode == 2


def test_own_verbs_refuse_arguments_they_do_not_know(checkout: Path) -> None:
    result = run(checkout / "humanoid", "clean", "--everything")
    assert result.returncode == 2
    assert result.stderr == "humanoid: 'clean' takes no arguments\n"


def test_a_checkout_that_cannot_be_written_names_the_way_out(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/media/humanoid/.venv.lock")

    monkeypatch.setattr(script, "prepare", refuse)
    assert script.main(["setup"]) == 6
    assert capsys.readouterr().err == (
        "humanoid: /media/humanoid/.venv.lock: Read-only file system; set HUMANOID_VENV to a "
        "directory that can be written\n"
    )


@pytest.mark.parametrize("place", ["robots", "my robots", "Überlauf"])
def test_interfaces_are_built_where_rosidl_can_name_its_files(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """CMake's file(STRINGS), which rosidl reads its list of files with, drops what is not ASCII."""
    monkeypatch.setattr(script, "check_compiler", lambda environ: None)
    job = script.Job(script.Machine({"HUMANOID_VENV": str(tmp_path / place)}))
    words: list[str] = []
    job.run = lambda command, **_: words.extend(map(str, command))
    script.build_interfaces(job)
    build = Path(words[words.index("--build-base") + 1])
    assert str(build).isascii()
    assert (build.parent == job.machine.state) == place.isascii()
    assert not build.exists()


def test_an_environment_that_cannot_be_written_is_one_line(checkout: Path) -> None:
    (checkout / "file").touch()
    result = run(checkout / "humanoid", "setup", HUMANOID_VENV=str(checkout / "file" / "venv"))
    assert result.returncode == 6
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


def test_wheels_that_name_their_makers_directories_are_repaired(script: ModuleType) -> None:
    machine = script.Machine(dict(CLEAN))
    site = machine.venv / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    machine.python.parent.mkdir()
    machine.python.symlink_to(sys.executable)
    exported = machine.venv / "share" / "std_msgs" / "cmake" / "export_std_msgsExport.cmake"
    exported.parent.mkdir(parents=True)
    maker = "/opt/python/cp311-cp311"
    exported.write_text(
        f'"{maker}/include/python3.11;{maker}/lib/python3.11/site-packages/numpy/_core/include"'
    )
    cached = shutil.copy(exported, machine.venv / "cached")
    exported.unlink()
    os.link(cached, exported)
    script.repair_includes(machine)
    include, numpy = exported.read_text().strip('"').split(";")
    assert Path(include, "Python.h").exists()
    assert numpy == f"{site}/numpy/_core/include"
    assert maker in Path(cached).read_text(), "the download cache's own file was changed"
