"""What every refusal of a robot's files has in common: file, line, key, rule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One broken rule at one place of one file."""

    file: str
    line: int  # counted from 1; 0 when the file as a whole is meant
    what: str  # kind of `key`: key, link, joint, element
    key: str  # dotted key of a YAML file, or name of a URDF element; "" for the whole file
    rule: str  # what must hold, with the value found

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return (
            f"{place}: {self.what} '{self.key}': {self.rule}"
            if self.key
            else f"{place}: {self.rule}"
        )


class DescriptionError(Exception):
    """A file of a robot is refused. The message holds every problem found, one per line.

    `file`, `line`, `key` and `rule` are those of the first of `problems`.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        first = problems[0]
        self.file, self.line, self.key, self.rule = first.file, first.line, first.key, first.rule


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` with the known name closest to `name`, or an empty string."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ""
