"""The graph of modes as data: registry.py fills it, the supervisor walks it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from humanoid_control.controller import Controller
from humanoid_description.problems import nearest

DAMPING, SIT = "damping", "sit"


@dataclass(frozen=True)
class Mode:
    """One node of the graph of modes."""

    controller: Controller
    #: The modes it may be entered from. `damping` may be entered from everywhere.
    after: tuple[str, ...] = ()
    #: A way down: never made to wait, also while the safety supervisor says HOLD or SIT.
    down: bool = False
    #: Takes over from a mode that walks without waiting until it stands.
    in_motion: bool = False
    #: When this one gives up (HandOverError): the mode that takes over at once, and the one it then
    #: goes to. None: damping, as a failure.
    fallback: tuple[str, str] | None = None
    #: What is walked to when this one has done its work; None: it goes on until something is asked.
    then: str | None = None

    @property
    def name(self) -> str:
        return self.controller.name


class ModeGraph(dict[str, Mode]):
    """The modes by name, in the order they were given in."""

    def __init__(self, modes: Sequence[Mode]) -> None:
        super().__init__((mode.name, mode) for mode in modes)

    def path(self, start: str, target: str) -> tuple[str, ...]:
        """The shortest way to `target`: names of the modes after `start`."""
        ways: deque[tuple[str, ...]] = deque([(start,)])
        seen = {start}
        while ways:
            way = ways.popleft()
            if way[-1] == target:
                return way[1:]
            for mode in self.values():
                if mode.name not in seen and (mode.name == DAMPING or way[-1] in mode.after):
                    seen.add(mode.name)
                    ways.append((*way, mode.name))
        raise ValueError(f"mode '{target}' cannot be reached from '{start}': registry.py")

    def unknown(self, name: str) -> str:
        """That there is no mode `name`, and which there are."""
        return f"unknown mode '{name}'{nearest(name, self)}; known: {', '.join(self)}"
