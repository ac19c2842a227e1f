"""A bag inside of the graph: what goes wrong with it ends the recording and not the graph."""

from humanoid_bringup.bags.bag import Topic
from humanoid_bringup.bags.source import LOST
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.recorder import DiskGuard


class GuardedBag:
    """Takes messages until the disk is full, cannot be written, or it is closed."""

    def __init__(self, writer: BagWriter, guard: DiskGuard) -> None:
        self._writer, self._guard = writer, guard
        self.stopped = ""  # why it takes no more
        self.problem = ""  # why it is not a whole bag

    def add(self, topic: Topic) -> None:
        """Announce a topic."""
        self._writer.add(topic)

    def write(self, topic: str, time: int, data: bytes, published: int | None = None) -> None:
        """Take one message, unless it has stopped."""
        if self.stopped:
            return
        try:
            self._writer.write(topic, time, data, published)
        except OSError as problem:
            self._stop(str(problem))

    def look(self) -> None:
        """Stop where the disk is nearly full."""
        if not self.stopped and (full := self._guard.full()):
            self._stop(full)

    def close(self, lost: str) -> None:
        """End the bag, unless it has stopped; `lost`: messages that never came."""
        if self.stopped:
            return
        if lost:
            self._writer.custom[LOST] = lost
        self._stop("closed")

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        try:
            self._writer.close()
        except OSError as problem:
            self.problem = f"{problem}; 'humanoid bag recover' saves the bag"
