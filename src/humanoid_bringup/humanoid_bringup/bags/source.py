"""A bag as the replayed nodes see it: relative names, remapped, and with the robot's own joints."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from humanoid_bringup.bags.bag import Bag, Message, Topic
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.bags.mapping import Mapper

#: Key in the bag's custom data: "<topic> <count>, ...", messages that the recorder missed.
LOST = "lost"
#: Key in the bag's custom data: whether its recorder was there from the first sample on.
BEGAN, WITH_GRAPH, MID_RUN = "began", "with the graph", "in the middle of a run"


class Source:
    """Messages of a bag under relative topic names."""

    def __init__(
        self,
        bag: Bag,
        *,
        namespace: str = "",
        remaps: Mapping[str, str] | None = None,
        mapper: "Mapper | None" = None,
        start: int | None = None,
        stop: int | None = None,
    ) -> None:
        """`remaps`: the bag's topic -> ours, absolute or relative to `namespace`.

        `start` and `stop` [ns] in the bag's time. Raises HumanoidError where a remapped topic is
        not there.
        """
        self.bag = bag
        self._space = f"/{namespace.strip('/')}/" if namespace.strip("/") else "/"
        self._mapper = mapper
        self._range = (start, stop)
        moved = {self._absolute(old): self._absolute(new) for old, new in (remaps or {}).items()}
        for old in moved:
            if old not in bag.topics:
                raise HumanoidError(
                    f"{bag.path}: no topic {old} to remap among {', '.join(sorted(bag.topics))}",
                    Exit.USAGE,
                )
        shadowed = set(moved.values()) - moved.keys()
        self._names = {
            name: self._relative(moved.get(name, name))
            for name in bag.topics
            if name in moved or name not in shadowed
        }
        #: Relative name -> what the bag says of the topic.
        self.topics: dict[str, Topic] = {
            ours: bag.topics[theirs] for theirs, ours in self._names.items()
        }

    def messages(self, topics: Collection[str] | None = None) -> Iterator[Message]:
        """Messages of the relative `topics`, in the bag's order. Raises BagError."""
        names = self._names
        wanted = {theirs for theirs, ours in names.items() if topics is None or ours in topics}
        stream = self.bag.messages(wanted, *self._range)
        mapper = self._mapper
        for time, theirs, data in stream:
            ours = names[theirs]
            if mapper is not None:
                data = mapper.convert(self.topics[ours].kind, data)
            yield Message(time, ours, data)

    def absolute(self, relative: str) -> str:
        """The full name of one of our topics."""
        return self._absolute(relative)

    def lost(self, topic: str) -> bool:
        """Whether the recorder says that it missed messages of the relative `topic`."""
        known = self.topics.get(topic)
        return known is not None and f"{known.name} " in self.bag.custom.get(LOST, "")

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self._space}{name}"

    def _relative(self, name: str) -> str:
        return name[len(self._space) :] if name.startswith(self._space) else name
