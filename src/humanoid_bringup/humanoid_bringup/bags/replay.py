"""Offline replay: one pass over a bag, everything in its order, as fast as it goes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from humanoid_bringup.bags.bag import BagError, Message
from humanoid_bringup.bags.outlet import serialise
from humanoid_bringup.bags.source import Source
from humanoid_bringup.bags.unit import Setup, Unit, load_unit
from humanoid_bringup.errors import Exit, HumanoidError


@dataclass
class Outcome:
    """What one replay did."""

    seconds: float = 0.0  # of the bag
    elapsed: float = 0.0  # [s] of real time
    taken: int = 0  # messages fed
    emitted: dict[str, int] = field(default_factory=dict)  # by relative topic

    @property
    def speed(self) -> float:
        """Times real time."""
        return self.seconds / self.elapsed if self.elapsed else 0.0


class Replay:
    """Feeds units from a source. What they emit goes to `sink`, with the time in the bag."""

    def __init__(
        self,
        source: Source,
        nodes: Sequence[str],
        setup: Setup,
        sink: Callable[[int, str, bytes], None],
        *,
        chain: bool = False,
    ) -> None:
        """`nodes`: names for :func:`load_unit`. Raises HumanoidError.

        `chain`: what one of them emits takes the place of what was recorded, for the others.
        """
        self._source = source
        self._sink = sink
        self._time = 0
        self._chain = chain
        self.outcome = Outcome()
        self.units: list[Unit] = [load_unit(name)(setup, self._emit) for name in nodes]
        self._refuse_doubles(nodes)
        self.outputs = {t: kind for unit in self.units for t, kind in unit.outputs.items()}
        self.checked = tuple(dict.fromkeys(t for unit in self.units for t in unit.checked))
        self._takers: dict[str, list[Unit]] = {}
        for unit in self.units:
            self._connect(unit)

    def run(
        self, watch: Callable[[Message], None] | None = None, extra: Sequence[str] = ()
    ) -> Outcome:
        """Replay everything. `watch` sees every message of the relative topics `extra`."""
        begin = time.perf_counter()
        for unit in self.units:
            unit.prepare(self._source)
        takers = self._takers
        fed = {t for t in takers if not (self._chain and t in self.outputs)}
        watched = set(extra)
        first = None
        for message in self._source.messages(fed | watched):
            self._time, topic, data = message
            first = self._time if first is None else first
            if topic in fed:
                self.outcome.taken += 1
                for unit in takers[topic]:
                    unit.take(topic, data, self._time)
            if watch is not None and topic in watched:
                watch(message)
        for unit in self.units:
            unit.finish()
        self.outcome.seconds = (self._time - (first or 0)) * 1e-9
        self.outcome.elapsed = time.perf_counter() - begin
        if not self.outcome.taken:
            raise BagError(f"{self._source.bag.path}: no message for these nodes in this range")
        return self.outcome

    def _refuse_doubles(self, nodes: Sequence[str]) -> None:
        emitters: dict[str, str] = {}
        for name, unit in zip(nodes, self.units, strict=True):
            for topic in unit.outputs:
                if topic in emitters:
                    raise HumanoidError(
                        f"'{emitters[topic]}' and '{name}' both emit {topic}: replay one at a time",
                        Exit.USAGE,
                    )
                emitters[topic] = name

    def _connect(self, unit: Unit) -> None:
        known = self._source.topics
        there = [topic for topic in unit.inputs if topic in known]
        if not there:
            raise BagError(
                f"{self._source.bag.path}: has none of the topics {', '.join(unit.inputs)}; "
                "'humanoid bag info' lists what it has, --remap renames"
            )
        for topic in there:
            if known[topic].kind != unit.inputs[topic]:
                raise BagError(
                    f"{self._source.bag.path}: {known[topic].name} is {known[topic].kind}, "
                    f"not {unit.inputs[topic]}"
                )
        for topic in unit.inputs:
            self._takers.setdefault(topic, []).append(unit)

    def _emit(self, topic: str, message: Any) -> None:
        if not isinstance(message, bytes):
            message = serialise(message)
        if topic not in self.outputs:
            raise HumanoidError(f"a node emits on '{topic}', which is not among its outputs")
        counts = self.outcome.emitted
        counts[topic] = counts.get(topic, 0) + 1
        self._sink(self._time, topic, message)
        if self._chain:
            for unit in self._takers.get(topic, ()):
                unit.take(topic, message, self._time)
