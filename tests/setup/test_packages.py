"""The packages are what ROS 2's tools and pip expect, and their dependencies are true."""

import ast
import configparser
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PYTHON = sorted(path.parent.name for path in SRC.glob("*/setup.py"))
ALL = sorted([*PYTHON, "humanoid_interfaces"])
PROGRAMS = {
    "humanoid_bringup": "humanoid",
    "humanoid_control": "control_node",
    "humanoid_hal": "hal_node",
    "humanoid_perception": "perception_node",
}
# rosdep's names for what is imported under another one; None: no key exists, see requirements/.
KEYS = {
    "can": "python3-can",
    "daqp": None,
    "example_robot_data": None,
    "glfw": None,  # comes with mujoco
    "imageio": "python3-imageio",
    "imageio_ffmpeg": None,
    "lxml": "python3-lxml",
    "mcap": None,
    "mujoco": "python3-mujoco-pip",
    "numba": None,  # the key ends at Ubuntu 20.04
    "numpy": "python3-numpy",
    "onnxruntime": None,  # optional: learned walking
    "pyarrow": None,  # optional: bag export --format parquet
    "pytest": None,  # imports the plugin, and is there when it does
    "ray": None,  # optional: campaigns on a cluster
    "rosbags": "python3-rosbags-pip",
    "serial": "python3-serial",
    "typing_extensions": "python3-typing-extensions",
    "yaml": "python3-yaml",
    "zstandard": None,
}


def manifest(package: str) -> ElementTree.Element:
    return ElementTree.parse(SRC / package / "package.xml").getroot()


def declaration(package: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(SRC / package / "setup.cfg")
    return parser


def imported(package: str) -> set[str]:
    """Top-level names that the package's modules import, wherever in the file."""
    found = set()
    for path in (SRC / package / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {package}


def test_there_are_the_seven_packages_of_the_architecture() -> None:
    assert ALL == [
        "humanoid_bringup", "humanoid_control", "humanoid_description", "humanoid_hal",
        "humanoid_interfaces", "humanoid_perception", "humanoid_runtime",
    ]  # fmt: skip


@pytest.mark.parametrize("package", ALL)
def test_manifests_have_format_3_the_licence_and_one_version(package: str) -> None:
    root = manifest(package)
    assert root.attrib["format"] == "3"
    assert root.findtext("name") == package
    assert root.findtext("license") == "Apache-2.0"
    assert root.findtext("version") == manifest("humanoid_interfaces").findtext("version")
    kind = "ament_cmake" if package == "humanoid_interfaces" else "ament_python"
    assert root.findtext("export/build_type") == kind


@pytest.mark.parametrize("package", PYTHON)
def test_setup_and_manifest_say_the_same(package: str) -> None:
    metadata = declaration(package)["metadata"]
    root = manifest(package)
    for key in ("name", "version", "description", "license"):
        assert metadata[key] == root.findtext(key), key


@pytest.mark.parametrize("package", PYTHON)
def test_every_import_is_declared_as_a_dependency(package: str) -> None:
    declared = {node.text for node in manifest(package).findall("exec_depend")}
    needed = {KEYS.get(name, name) for name in imported(package)} - {None}
    assert needed <= declared


@pytest.mark.parametrize("package", PYTHON)
def test_every_folder_with_modules_is_installed(package: str) -> None:
    folders = {path.parent for path in (SRC / package / package).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("package", PYTHON)
def test_every_entry_point_exists(package: str) -> None:
    if "options.entry_points" not in declaration(package):
        pytest.skip(f"{package} has no entry points")
    lines = "\n".join(declaration(package)["options.entry_points"].values()).split("\n")
    for line in filter(None, lines):
        module, _, attribute = line.split(" = ")[1].partition(":")
        path = SRC / package / Path(*module.split(".")).with_suffix(".py")
        names = {getattr(node, "name", None) for node in ast.parse(path.read_text()).body}
        assert not attribute or attribute in names, line


@pytest.mark.parametrize(("package", "program"), PROGRAMS.items())
def test_ros2_run_finds_the_programs(package: str, program: str) -> None:
    script = SRC / package / "scripts" / program
    assert os.access(script, os.X_OK)
    assert f"../../bin/{program}" in script.read_text()


@pytest.fixture(scope="session")
def colcon() -> list[str]:
    if importlib.util.find_spec("colcon_ros") is None:
        pytest.skip("colcon is not installed")
    return [sys.executable, "-m", "colcon"]


def test_colcon_sees_ament_packages(colcon: list[str], tmp_path: Path) -> None:
    listed = subprocess.run(
        [*colcon, "--log-base", str(tmp_path), "list", "--base-paths", str(SRC)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "invalid choice: 'list'" in listed.stderr:
        pytest.skip("colcon-package-information is not installed")
    kinds = {line.split("\t")[0]: line.split("\t")[2] for line in listed.stdout.splitlines()}
    expected = dict.fromkeys(PYTHON, "(ros.ament_python)")
    assert kinds == expected | {"humanoid_interfaces": "(ros.ament_cmake)"}


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--symlink-install"]], ids=["plain", "symlink"])
def test_a_colcon_workspace_installs_programs_and_configuration(
    colcon: list[str], tmp_path: Path, options: list[str]
) -> None:
    # A checkout inside a workspace, with the two packages that install most.
    built = ("humanoid_bringup", "humanoid_hal")
    copy = tmp_path / "src" / "humanoid"
    for name in [f"src/{package}" for package in built] + ["config", "launch", "benchmarks"]:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    build = subprocess.run(
        [*colcon, "build", "--merge-install", *options],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert build.returncode == 0, build.stderr[-2000:]
    install = tmp_path / "install"
    index = install / "share" / "ament_index" / "resource_index" / "packages"
    assert {path.name for path in index.iterdir()} == set(built)
    robot = "config/robots/g1/robot.yaml"
    installed = install / "share" / "humanoid_bringup" / robot
    assert installed.read_text() == (ROOT / robot).read_text()
    for package in built:
        assert os.access(install / "lib" / package / PROGRAMS[package], os.X_OK)
        assert os.access(install / "bin" / PROGRAMS[package], os.X_OK)


def test_after_set_up_the_environment_is_an_ament_prefix_with_every_package() -> None:
    prefix = Path(sys.prefix)
    if not (prefix / ".humanoid").is_dir():
        pytest.skip("not running in an environment that ./humanoid made")
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    assert {path.name for path in index.iterdir()} >= set(ALL)
    for package, program in PROGRAMS.items():
        assert os.access(prefix / "lib" / package / program, os.X_OK)
    assert (prefix / "share" / "humanoid_bringup" / "config" / "robots" / "g1").is_dir()
    shown = subprocess.run(
        [prefix / "lib" / "humanoid_bringup" / "humanoid", "--help"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
