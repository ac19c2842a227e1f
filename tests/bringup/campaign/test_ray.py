"""A campaign on a real Ray cluster of two nodes, started as docs/campaigns.md says."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy2

import pytest

from humanoid_bringup import cli
from humanoid_bringup.campaign.definition import load_campaign, scenarios
from humanoid_bringup.campaign.store import RESULTS, TABLE
from humanoid_bringup.campaign.workers import on_ray
from humanoid_bringup.errors import Exit, HumanoidError

ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
pytestmark = pytest.mark.slow

TEXT = """\
controllers: [walk, flying]
commands: {slow: [0.3, 0.0, 0.0]}
seeds: [1, 2]
seconds: 0.6
settle: 0.2
"""
PATIENCE = 120.0  # [s]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("campaign") / "campaign.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def here(path: Path) -> Path:
    """What two processes of this machine made of it; mode 'flying' does not exist."""
    out = path.with_name("here")
    assert cli.main(["campaign", str(path), "--out", str(out), "--processes", "2"]) == Exit.FAILED
    return out


def start(*words: str) -> "subprocess.Popen[bytes]":
    """A node of one core, which ends with the process that is returned."""
    program = Path(sys.executable).with_name("ray")
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    options = ("--num-cpus=1", "--object-store-memory=100000000", "--block")
    return subprocess.Popen(
        [program, "start", *words, *options],
        env=quiet,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster of two nodes of one core each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    head = ("--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false")
    nodes = [start(*head)]
    try:
        wait_for(address, 1)
        nodes.append(start(f"--address={address}"))
        wait_for(address, 2)
        yield address
    finally:
        for node in reversed(nodes):
            node.terminate()
        for node in nodes:
            node.wait(PATIENCE)


def wait_for(address: str, nodes: int) -> None:
    """Ask new processes, so that this one never was part of a cluster before the test."""
    ask = (
        "import ray, sys, time\n"
        f"end = time.monotonic() + {PATIENCE}\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        f"        ray.init('{address}', log_to_driver=False, configure_logging=False)\n"
        f"        while len([n for n in ray.nodes() if n['Alive']]) < {nodes}:\n"
        "            time.sleep(0.2)\n"
        "        sys.exit(0)\n"
        "    except ConnectionError:\n"
        "        time.sleep(0.5)\n"
        "sys.exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", ask], check=True, timeout=2 * PATIENCE)


def kept(folder: Path) -> dict[str, bytes]:
    """Every file of a campaign: name -> content."""
    files = [folder / RESULTS, folder / TABLE, *(folder / "runs").iterdir()]
    return {path.name: path.read_bytes() for path in files}


def test_a_cluster_writes_the_same_files_as_the_processes_of_this_machine(
    path: Path, tmp_path: Path, here: Path, address: str
) -> None:
    arguments = ["campaign", str(path), "--out", str(tmp_path), "--ray", address]
    assert cli.main(arguments) == Exit.FAILED
    assert kept(tmp_path) == kept(here)
    assert len(kept(here)) == 2 + 2
    assert not ray.is_initialized()


def test_what_processes_began_a_cluster_goes_on_with(
    path: Path, tmp_path: Path, here: Path, address: str
) -> None:
    first = sorted((here / "runs").iterdir())[0]
    (tmp_path / "runs").mkdir()
    begun = copy2(first, tmp_path / "runs")
    cli.main(["campaign", str(path), "--out", str(tmp_path), "--ray", address])
    assert kept(tmp_path) == kept(here)
    assert Path(begun).stat().st_mtime_ns == first.stat().st_mtime_ns


def test_an_address_where_no_cluster_is_is_an_error_of_the_machine(path: Path) -> None:
    with pytest.raises(HumanoidError, match=r"no Ray cluster at '127\.0\.0\.1:1'") as refused:
        list(on_ray("127.0.0.1:1")(scenarios(load_campaign(path))))
    assert refused.value.code == Exit.ENVIRONMENT
