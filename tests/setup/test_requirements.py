"""Every wheel is pinned, hashed and from no particular registry."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
LOCKS = sorted(path.name for path in REQUIREMENTS.glob("*.txt"))


def entries(lock: str) -> list[str]:
    """The requirements of a lock file, each with its hashes on one line."""
    text = (REQUIREMENTS / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]


def names(lock: str) -> set[str]:
    return {re.split(r"[=\s]", entry)[0] for entry in entries(lock)}


def wanted(source: str) -> set[str]:
    """The names in a .in file."""
    lines = (REQUIREMENTS / source).read_text().splitlines()
    bare = [re.split(r"[\s<>=;#]", line)[0] for line in lines]
    return {name.lower() for name in bare if name}


def test_there_is_a_lock_file_for_each_purpose() -> None:
    assert LOCKS == [
        "bootstrap.txt", "dev.txt", "fuzz.txt", "oracles.txt", "parquet.txt", "policies.txt", "ray.txt",
        "system.txt", "uv.txt", "video.txt", "wheels.txt",
    ]  # fmt: skip


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_one_version_and_a_hash(lock: str) -> None:
    for entry in entries(lock):
        assert re.match(r"[a-z0-9.-]+==[^\s;]+ ( ?; [^-]+)?", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_file_names_a_registry(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text()
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text


@pytest.mark.parametrize(
    ("lock", "sources"),
    [
        ("wheels.txt", ["base.in", "ros.in", "bootstrap.in"]),
        ("system.txt", ["base.in", "bootstrap.in"]),
        ("dev.txt", ["dev.in"]),
        ("video.txt", ["video.in"]),
        ("parquet.txt", ["parquet.in"]),
        ("policies.txt", ["policies.in"]),
        ("ray.txt", ["ray.in"]),
    ],
)
def test_the_lock_files_hold_what_is_asked_for(lock: str, sources: list[str]) -> None:
    for source in sources:
        assert wanted(source) <= names(lock), source


def test_a_sourced_ros_is_never_shadowed_by_ros_wheels() -> None:
    assert not {name for name in names("system.txt") if name.startswith(("ros-", "rclpy"))}


@pytest.mark.parametrize("lock", ["dev.txt", "parquet.txt", "policies.txt", "ray.txt", "video.txt"])
def test_tools_do_not_replace_the_numpy_of_the_environment(lock: str) -> None:
    assert "numpy" not in names(lock)
