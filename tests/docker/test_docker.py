"""The container files, where no engine runs: linted, parsed, and their steps tried one by one."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from humanoid_bringup.process import GRACE_ACTUATORS

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
ENTRYPOINT = DOCKER / "entrypoint.sh"
COMPOSE = sorted(DOCKER.glob("compose.*.yaml"))
STAGES = re.findall(r"^FROM (\S+) AS (\w+)$", DOCKERFILE.read_text(), re.MULTILINE)


def interpolated(path, **given):
    """A compose file's text with its `${NAME:-default}` and `${NAME:?message}` filled in."""

    def fill(match):
        name, operator, default = match.groups()
        assert name in given or operator == ":-", f"{path.name} needs {name}"
        return given.get(name, default)

    return re.sub(r"\$\{(\w+)(:-|:\?)([^}]*)\}", fill, path.read_text())


def parse(text):
    """Parse as the Compose Specification says; raises on unknown keys and wrong types."""
    compose_spec = pytest.importorskip("compose_spec", reason="compose-spec has no wheel here")
    options = compose_spec.PyOptions()
    options.apply_merge = True
    compose = options.from_yaml(text)
    compose.validate()
    return compose


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint has no wheel for this machine")
    done = subprocess.run(
        [hadolint, "-c", DOCKER / "hadolint.yaml", DOCKERFILE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_files_keep_to_the_specification(path):
    compose = parse(interpolated(path, ROBOT="g1", HARDWARE="mock"))
    for name in compose.service_names():
        target = yaml.safe_load(path.read_text())["services"][name]["build"]["target"]
        assert target in [stage for _, stage in STAGES]


@pytest.mark.parametrize(
    ("right", "wrong"), [("cap_drop:", "cap_dropp:"), ("init: true", "init: 7")]
)
def test_a_mistake_in_a_compose_file_is_found(right, wrong):
    text = interpolated(DOCKER / "compose.robot.yaml", ROBOT="g1", HARDWARE="mock")
    assert right in text
    with pytest.raises(ValueError, match=r"cap_dropp|boolean"):
        parse(text.replace(right, wrong))


def test_a_robot_must_be_named():
    with pytest.raises(AssertionError, match="needs ROBOT"):
        interpolated(DOCKER / "compose.robot.yaml", HARDWARE="mock")


def test_the_robots_container_has_what_control_needs_and_no_more():
    text = interpolated(DOCKER / "compose.robot.yaml", ROBOT="g1", HARDWARE="mock")
    robot = yaml.safe_load(text)["services"]["robot"]
    assert "privileged" not in robot
    assert (robot["cap_drop"], robot["cap_add"]) == (["ALL"], ["SYS_NICE"])
    assert robot["ulimits"] == {"rtprio": 98, "memlock": -1}
    assert robot["restart"] == "no"
    assert float(robot["stop_grace_period"].removesuffix("s")) > GRACE_ACTUATORS
    assert robot["environment"]["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    # Names of `humanoid setup-udev`, the same inside and outside.
    assert all(device.startswith("/dev/humanoid/") for device in robot["devices"])
    assert all(len(set(device.split(":"))) == 1 for device in robot["devices"])
    priority = robot["command"][robot["command"].index("--realtime") + 1]
    assert int(priority) <= robot["ulimits"]["rtprio"]


def test_every_image_is_official_and_nobody_stays_root():
    stages = DOCKERFILE.read_text().split("\nFROM ")[1:]
    known = set()
    for base, name in STAGES:
        assert base in known or re.fullmatch(r"ros:\$\{ROS_DISTRO\}-ros-base", base)
        known.add(name)
    for stage, (_, name) in zip(stages, STAGES, strict=True):
        users = re.findall(r"^USER (\S+)$", stage, re.MULTILINE)
        assert name == "build" or users[-1] == "1000:1000", name


def test_what_the_dockerfile_copies_and_calls_exists():
    text = DOCKERFILE.read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()
    for name in re.findall(r"/tmp/packages/(\w+\.txt)", text):
        assert (DOCKER / "packages" / name).is_file()
    assert text.count('"/opt/humanoid/docker/entrypoint.sh"') == 3
    assert os.access(ENTRYPOINT, os.X_OK)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv*"} <= set(ignored)


def test_the_devcontainer_is_the_dev_stage():
    dev = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert (ROOT / ".devcontainer" / dev["build"]["dockerfile"]).resolve() == DOCKERFILE
    assert dev["build"]["target"] in [stage for _, stage in STAGES]
    assert (
        f"useradd --create-home --uid 1000 --groups dialout --shell /bin/bash {dev['remoteUser']}"
        in (DOCKERFILE.read_text())
    )


def steps(stage):
    """The RUN instructions of a stage, but those that need ROS's own archive or image."""
    text = DOCKERFILE.read_text().split(f" AS {stage}\n")[1].split("\nFROM ")[0]
    found = re.findall(r"^RUN (.+)$", text.replace("\\\n", " "), re.MULTILINE)
    return [step for step in found if "ROS_DISTRO" not in step]


#: A throw-away copy of this machine's root: what the steps change is gone with the namespace.
COPY = """
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root" || exit 77
cd "$1/root"
mount --bind /dev dev
mount -t proc proc proc
cp /etc/resolv.conf etc/resolv.conf 2>/dev/null || true
chroot . apt-get update >/dev/null 2>&1 || exit 78
rm -rf tmp/packages
cp -r "$2" tmp/packages
mkdir -p opt/humanoid
# As in the official image: number 1000 is taken, by `ubuntu`.
getent passwd 1000 | cut -d: -f1 | xargs -r chroot . userdel
chroot . useradd --create-home --uid 1000 ubuntu
shift 2
for step; do
    chroot . /bin/bash -o pipefail -c "$step"
done
"""
NOT_HERE = {77: "no overlay can be mounted here", 78: "apt-get update reaches no archive"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "count", "shows"),
    [
        ("build", 1, ["cc --version", "git --version", "python3-config --includes"]),
        ("runtime", 2, ["python3 -m venv /tmp/venv", "id -nG humanoid | grep dialout"]),
        ("dev", 1, ["test $(stat -c %U /opt/humanoid) = humanoid"]),
    ],
)
def test_the_install_steps_run_on_a_plain_debian(tmp_path, stage, count, shows):
    """The Dockerfile's very lines, carried out; then what they are there for."""
    if shutil.which("apt-get") is None or os.getuid() != 0:
        pytest.skip("needs apt-get and root")
    run = steps(stage)
    assert len(run) == count
    if any("useradd" in step for step in run):
        shows = [*shows, "test $(id -u humanoid) = 1000", "! id ubuntu", "test -d ~humanoid"]
    if any("apt-get" in step for step in run):
        shows = [*shows, 'test -z "$(ls /var/lib/apt/lists)"']
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork",
         "sh", "-c", COPY, "steps", tmp_path, DOCKER / "packages", *run, *shows],
        capture_output=True, text=True, env={**proxies, **plain},
    )  # fmt: skip
    if done.returncode in NOT_HERE:
        pytest.skip(NOT_HERE[done.returncode])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture
def installed(tmp_path):
    """The entrypoint in a tree whose `humanoid` tells what it was asked."""
    folder = tmp_path / "docker"
    folder.mkdir()
    shutil.copy(ENTRYPOINT, folder)
    humanoid = tmp_path / "humanoid"
    humanoid.write_text('#!/bin/sh\necho "asked: $*"\nexit "${ANSWER:-0}"\n')
    humanoid.chmod(0o755)

    def run(*arguments, **environment):
        return subprocess.run(
            [folder / "entrypoint.sh", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "ROS_DISTRO": "none", "HUMANOID_VENV": "/venv", **environment},
        )

    return run


def test_the_entrypoint_runs_the_checkouts_command(installed):
    done = installed("humanoid", "sim", "--robot", "a b", ANSWER="5")
    assert (done.stdout, done.returncode) == ("asked: sim --robot a b\n", 5)


def test_other_commands_see_the_environments_packages(installed):
    done = installed(
        "sh", "-c", "echo $AMENT_PREFIX_PATH; echo $PATH", AMENT_PREFIX_PATH="/opt/ros"
    )
    prefixes, path = done.stdout.splitlines()
    assert prefixes == "/venv:/opt/ros"
    assert path.startswith("/venv/bin:")


@pytest.mark.parametrize(
    ("doctor", "health"), [("0", 0), ("4", 0), ("1", 1), ("3", 1), ("5", 1), ("6", 1)]
)
def test_a_container_is_ill_when_doctor_says_so_and_not_for_want_of_a_graph(
    installed, doctor, health
):
    done = installed("healthcheck", ANSWER=doctor)
    assert (done.returncode, done.stdout) == (health, "")
