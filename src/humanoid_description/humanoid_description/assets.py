"""Where model files are: ``package://`` addresses resolved to files of this machine."""

import os
import sys
from pathlib import Path

SCHEME = "package://"

#: Extra folders that hold packages, separated like PATH; searched first.
ENVIRONMENT = "HUMANOID_PACKAGE_PATH"


def package_folders() -> list[Path]:
    """Folders that hold packages: `HUMANOID_PACKAGE_PATH`, ament prefixes, installed wheels."""
    folders = [Path(entry) for entry in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if entry]
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    folders += [Path(prefix) / "share" for prefix in prefixes if prefix]
    entries = [Path(entry) for entry in sys.path if entry]
    # cmeel wheels (example-robot-data, pinocchio) keep their prefix inside site-packages.
    folders += [entry / "cmeel.prefix" / "share" for entry in entries]
    return folders + entries  # and what Python packages carry beside their code


def resolve(address: str, near: Path | None = None) -> Path | None:
    """Return the file `address` names, or None if there is none.

    ``package://p/x`` is looked up in :func:`package_folders`; anything else is a path, relative to
    the folder `near`.
    """
    if address.startswith(SCHEME):
        inner = address.removeprefix(SCHEME)
        candidates = [folder / inner for folder in package_folders()]
    else:
        candidates = [(near or Path()) / address.removeprefix("file://")]
    return next((path.resolve() for path in candidates if path.is_file()), None)
