"""The script `humanoid` as a module, on a small checkout of its own."""

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_script(path: Path) -> ModuleType:
    """Import a script that has no .py suffix."""
    loader = importlib.machinery.SourceFileLoader("humanoid_script", str(path))
    spec = importlib.util.spec_from_loader("humanoid_script", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one small file where the real one has a package, a lock file or a folder."""
    root = tmp_path / "checkout"
    locks = "bootstrap uv wheels system dev video policies parquet ray"
    for name in locks.split():
        put(root / "requirements" / f"{name}.txt", f"{name}==1\n")
    put(root / "src" / "humanoid_interfaces" / "msg" / "A.msg", "int32 a\n")
    for name in ("description", "runtime", "hal", "perception", "control", "bringup"):
        put(root / "src" / f"humanoid_{name}" / "setup.py", "\n")
    put(root / "config" / "robot.yaml", "a: 1\n")
    script = (ROOT / "humanoid").read_text()
    put(root / "humanoid", script)
    return root


def put(path: Path, text: str) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def script(checkout: Path) -> ModuleType:
    """The script of that checkout."""
    return load_script(checkout / "humanoid")
