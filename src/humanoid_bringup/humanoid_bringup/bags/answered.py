"""Which samples the recorded node answered.

A node that is late skips samples (docs/architecture.md): its core never saw them, and a replay that
shows them to it is another run. What it skipped is not in what it published.
"""

from collections.abc import Iterable

from humanoid_bringup.bags.fields import stamp_of
from humanoid_bringup.bags.source import Source


class Answered:
    """Stamps of the samples that were answered; see the module docstring."""

    def __init__(self, stamps: Iterable[int] = ()) -> None:
        """`stamps` [ns]; without any, nothing was skipped."""
        self._stamps = frozenset(stamps)
        self._first = min(self._stamps, default=0)
        self._last = max(self._stamps, default=0)

    def skipped(self, stamp: int) -> bool:
        """Whether answers stop before `stamp` [ns] and go on after it, but none is to it."""
        return self._first < stamp < self._last and stamp not in self._stamps


def answered(source: Source, topic: str, kind: str) -> Answered:
    """What was answered on the relative `topic` of the type `kind`, whose messages have a header.

    Where the recorder missed answers, a missing one proves nothing, and nothing counts as skipped.
    """
    known = source.topics.get(topic)
    if known is None or known.kind != kind or source.lost(topic):
        return Answered()
    return Answered(stamp_of(message.data) for message in source.messages([topic]))
