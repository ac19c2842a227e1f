"""Waiting for Enter, also while something else goes on."""

import select
import sys

from humanoid_bringup import console
from humanoid_bringup.errors import Exit, HumanoidError


def entered(timeout: float = 0.0) -> bool:
    """Whether a line was entered within `timeout` [s]. Raises HumanoidError when input has ended."""
    ready, _, _ = select.select([sys.stdin], [], [], timeout)
    if not ready:
        return False
    if not sys.stdin.readline():
        raise HumanoidError("the input has ended before the work was done", Exit.USAGE)
    return True


def wait_for_enter(text: str) -> None:
    """Say `text` (empty: nothing), then wait for Enter."""
    if text:
        console.say(f"{text}, then press Enter")
    while not entered(0.5):
        pass
