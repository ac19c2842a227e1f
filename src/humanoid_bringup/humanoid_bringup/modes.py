"""Asks the controller for a mode: what the verbs that do so share."""

from typing import TYPE_CHECKING, Any

from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.link import Link

GET_UP = "get_up"  # the mode in which a robot that lies is armed
HEARTBEAT = 2.0  # [s] within which a controller that answers has said its mode; it does at 10 Hz


def watch(link: "Link") -> None:
    """Have `link` keep what the controller says about its mode."""
    from humanoid_interfaces.msg import ModeState
    from humanoid_runtime import topics

    link.watch(ModeState, topics.MODE)


def state(link: "Link") -> Any:
    """The ModeState that the controller said last, or None."""
    from humanoid_runtime import topics

    return link.latest(topics.MODE)


def present(link: "Link") -> str | None:
    """The mode that the controller said last, or None."""
    said = state(link)
    return None if said is None else str(said.mode)


def ask(link: "Link", mode: str) -> None:
    """Ask for `mode`, having called :func:`watch`. Raises HumanoidError with the reason.

    A mode that the robot does not have is an error of another kind than one that it refuses now.
    """
    from humanoid_interfaces.srv import SetMode
    from humanoid_runtime import topics

    answer = link.call(SetMode, topics.SET_MODE, SetMode.Request(mode=mode))
    if not answer.success:
        code = Exit.FAILED if has(link, mode) else Exit.CONFIGURATION
        raise HumanoidError(answer.message, code)


def gets_up(link: "Link") -> bool:
    """Whether the running controller says that it has a motion to get up with."""
    said = state(link)
    return said is not None and GET_UP in said.available


def has(link: "Link", mode: str) -> bool:
    """Whether the running controller has `mode`; True as long as it says nothing."""
    link.wait(lambda: state(link) is not None, HEARTBEAT)
    said = state(link)
    return said is None or mode in said.available
