"""Installs, besides the package itself, the repository's config/, launch/ and benchmarks/."""

import os
from pathlib import Path

from setuptools import setup

# With --symlink-install colcon runs a link to this file in another directory.
root = Path(__file__).resolve().parents[2]
share = Path("share/humanoid_bringup")

data_files = {
    "lib/humanoid_bringup": [
        *("scripts/graph_node", "scripts/humanoid", "scripts/recorder_node"),
        "scripts/transforms_node",
    ],
    "share/ament_index/resource_index/packages": ["resource/humanoid_bringup"],
    str(share): ["package.xml"],
}
for top in ("config", "launch", "benchmarks"):
    for path in sorted((root / top).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = share / path.parent.relative_to(root)
            data_files.setdefault(str(target), []).append(os.path.relpath(path))

setup(data_files=list(data_files.items()))  # the rest is in setup.cfg
