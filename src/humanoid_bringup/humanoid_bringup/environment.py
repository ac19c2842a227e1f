"""Checked environment variables of the graph, and names in it."""

import os
import re

from humanoid_bringup.errors import Exit, HumanoidError

#: Higher ones use ports that the kernel gives to others (docs.ros.org, "The ROS_DOMAIN_ID").
HIGHEST_DOMAIN = 101

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = 245  # characters of a namespace (rmw/validate_namespace.h)


def domain() -> int:
    """The ROS_DOMAIN_ID of this process, 0 unless set. Raises HumanoidError."""
    text = os.environ.get("ROS_DOMAIN_ID") or "0"
    if not (text.isascii() and text.isdecimal() and int(text) <= HIGHEST_DOMAIN):
        raise HumanoidError(
            f"ROS_DOMAIN_ID is '{text}', not a whole number from 0 to {HIGHEST_DOMAIN}: "
            "correct it, or unset it",
            Exit.USAGE,
        )
    return int(text)


def namespace_problem(text: str) -> str:
    """Why `text` is no namespace of ROS 2, or ""; empty and "/" are the root."""
    if text in ("", "/"):
        return ""
    if not all(_TOKEN.fullmatch(part) for part in text.removeprefix("/").split("/")):
        return (
            f"'{text}' is no namespace: parts of letters, digits and _, none of which begins with "
            "a digit, with / between them, such as robot1 or /lab/robot1"
        )
    if len(text) > _LONGEST:
        return f"the namespace has {len(text)} characters, more than {_LONGEST}"
    return ""
