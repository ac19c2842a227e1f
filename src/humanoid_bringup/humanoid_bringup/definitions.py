"""Message definitions as MCAP's `ros2msg` schemas want them: a type's text, then all it uses.

Read from the `.msg` files that every ROS 2 package of messages installs.
"""

import re
from pathlib import Path

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import prefixes

SEPARATOR = "=" * 80

_PRIMITIVES = {"bool", "byte", "char", "float32", "float64", "string", "wstring"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[a-z]\w*")


def definition(kind: str) -> str:
    """The full text of a message type such as ``sensor_msgs/msg/Imu``. Raises HumanoidError."""
    texts: dict[str, str] = {}
    _collect(kind, texts)
    first, *others = texts.items()
    parts = [first[1]]
    for name, text in others:
        package, _, short = name.split("/")
        parts.append(f"{SEPARATOR}\nMSG: {package}/{short}\n{text}")
    return "\n".join(parts)


def _collect(kind: str, texts: dict[str, str]) -> None:
    package, _, _ = kind.split("/")
    texts[kind] = _file(kind).read_text()
    for used in _used(texts[kind], package):
        if used not in texts:
            _collect(used, texts)


def _used(text: str, package: str) -> list[str]:
    """Message types that a definition names, in order."""
    used = []
    for line in text.splitlines():
        match = _FIELD.match(line.split("#")[0])
        if match is None or match[1] in _PRIMITIVES:
            continue
        parts = match[1].split("/")
        used.append(f"{parts[0] if len(parts) > 1 else package}/msg/{parts[-1]}")
    return used


def _file(kind: str) -> Path:
    for prefix in prefixes():
        path = prefix / "share" / f"{kind}.msg"
        if path.is_file():
            return path
    raise HumanoidError(
        f"the definition of {kind} is not installed: install its package, or leave the topic out",
        Exit.ENVIRONMENT,
    )
