"""All buses of a robot in one thread: send on every bus first, then collect from all.

The only clock here is the steady one, for deadlines.
"""

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Protocol
from humanoid_hal.bus.transport import Transport, TransportError

#: [s] between looks at ports that select cannot wait on.
_POLL = 0.0002

#: Share of a cycle's usual waiting that is slept without looking, and what a sleep takes too long.
_NAP, _OVERSLEEP = 0.85, 0.0001


class LinkState(Enum):
    """How far a bus is."""

    CLOSED = "closed"
    TALKING = "talking"  # a conversation is under way; not part of the cycle
    READY = "ready"
    FAILED = "failed"  # the last conversation raised; `reason` says what; the port is open
    LOST = "lost"  # the port is gone; `reason` says why


class Link:
    """One bus: a protocol on a transport."""

    def __init__(self, name: str, protocol: Protocol[Any], transport: Transport[Any]) -> None:
        self.name, self.protocol, self.transport = name, protocol, transport
        self.state = LinkState.CLOSED
        self.reason = ""
        self.fault = ""  # of the fault table, where `reason` is another than a lost bus
        self.silent_since = 0.0  # [s] steady; of this cycle's last answer
        self.retried = False
        self._talk: Talk | None = None

    def open(self) -> None:
        """Open the port. Raises TransportError."""
        self.transport.open()
        self.state = LinkState.READY

    def close(self) -> None:
        """Release the port; never raises."""
        self.transport.close()
        self.state, self._talk = LinkState.CLOSED, None

    def lose(self, error: Exception) -> None:
        """The bus does not work any more."""
        self.transport.close()
        self.state, self.reason, self._talk = LinkState.LOST, str(error), None
        self.fault = error.fault if isinstance(error, TransportError) else ""

    def abandon(self) -> None:
        """Leave a conversation that will not be carried on; the port stays open."""
        if self.state is LinkState.TALKING:
            self.state, self._talk = LinkState.FAILED, None

    def send(self, payload: Any) -> None:
        """Send unless empty; a dead port makes the link LOST."""
        if not payload or self.state is LinkState.LOST:
            return
        try:
            self.transport.send(payload)
        except TransportError as error:
            self.lose(error)

    def talk(self, conversation: "Conversation[Any, Any]") -> "Talk":
        """Begin a conversation on the open port; the exchange carries it on."""
        self._talk = talk = Talk(conversation)
        self.state = LinkState.TALKING
        self._step(talk.advance(None))
        return talk

    def take(self, now: float) -> None:
        """Pass on what has arrived."""
        try:
            payload = self.transport.receive()
        except TransportError as error:
            self.lose(error)
            return
        if self._talk is not None:
            if payload:
                self._talk.parts.append(payload)
            self.attend(now)
        elif payload:
            self.silent_since = now
            self.protocol.receive(payload)
            self.send(self.protocol.following())

    def attend(self, now: float) -> None:
        """Carry the conversation on if its answer is there or its time is over."""
        talk = self._talk
        if talk is None or talk.ask is None:
            return
        payload = self.transport.join(talk.parts)
        ask = talk.ask
        if now < talk.until and (ask.until is None or not ask.until(payload)):
            return
        talk.parts = []
        self._step(talk.advance(payload))

    @property
    def due(self) -> float:
        """[s] steady time at which the conversation must be looked at."""
        return self._talk.until if self._talk is not None else float("inf")

    def _step(self, ask: "Ask[Any] | None") -> None:
        talk = self._talk
        assert talk is not None
        if ask is None:
            self._talk = None
            self.state = LinkState.READY if talk.error is None else LinkState.FAILED
            self.reason = "" if talk.error is None else str(talk.error)
            return
        self.send(ask.payload)
        talk.until = time.monotonic() + ask.timeout


@dataclass
class Talk:
    """A conversation under way, and its end."""

    conversation: "Conversation[Any, Any]"
    ask: "Ask[Any] | None" = None
    until: float = 0.0
    result: Any = None
    error: BoardError | None = None

    parts: list[Any] = field(default_factory=list)  # arrived since the last question

    def advance(self, payload: Any) -> "Ask[Any] | None":
        """The next question after `payload` (None at first); None: it is over."""
        try:
            self.ask = self.conversation.send(payload)
        except StopIteration as stop:
            self.ask, self.result = None, stop.value
        except BoardError as error:
            self.ask, self.error = None, error
        return self.ask


class Exchange:
    """Waits on all links at once."""

    def __init__(
        self,
        links: Sequence[Link],
        serve: Callable[[], bool] | None = None,
        rest: Callable[[], None] | None = None,
    ) -> None:
        """`serve` lets emulated boards in this very thread work.

        It returns whether bytes are still under way; if not, silence is certain, and no deadline
        is waited for. `rest` lets time pass for those boards while a conversation waits.
        """
        self.links = tuple(links)
        self._serve, self._rest = serve, rest
        self._follows = any(_follows(link.protocol) for link in self.links)
        self._quickest = 0.0  # [s] that a cycle took lately until all had answered

    def drain(self, timeout: float = 0.0) -> None:
        """Pass on what has arrived already: too late for the last cycle, or early for the next."""
        self._wait(timeout)

    def collect(self, until: float, gap: float) -> None:
        """Listen until every READY link is complete, or the steady time `until` [s] has come.

        A link that was silent for `gap` [s] is asked once more where its protocol can.
        Conversations of other links are carried on meanwhile, and not waited for.
        """
        start = time.monotonic()
        for link in self.links:
            link.silent_since, link.retried = start, False
        self._sleep_over_answers(until - start)
        over = False
        while True:
            waiting = [
                link
                for link in self.links
                if link.state is LinkState.READY and not link.protocol.complete
            ]
            now = time.monotonic()
            if not waiting:
                self._quickest = min(1.02 * self._quickest or now - start, now - start)
                break
            if now >= until and over:
                self._quickest = 0.0  # not known any more: the next cycle looks from its beginning
                break
            if now >= until:
                over = True  # a last look: this thread may have been away, but not the answers
                self._wait(0.0)
                continue
            silent = self._serve is not None and not self._serve()
            if silent and all(link.retried for link in waiting):
                break
            self._retry(waiting, now, 0.0 if silent else gap)
            wait = min(until, *(self._due(link, gap) for link in waiting)) - now
            self._wait(max(wait, 0.0))
        for link in self.links:
            if link.state is LinkState.TALKING:
                link.take(time.monotonic())

    def _sleep_over_answers(self, limit: float) -> None:
        """Sleep while answers come in that are only of use together.

        Devices answer one by one; to wake for each of them costs more than all the decoding.
        """
        nap = min(_NAP * self._quickest - _OVERSLEEP, _NAP * limit)
        if nap > 0.0 and self._serve is None and not self._follows:
            time.sleep(nap)

    def converse(self, talks: "Sequence[tuple[Link, Conversation[Any, Any]]]") -> list[Any]:
        """Hold conversations on several links at the same time; their results, in order.

        Raises what the failed ones raised, after all have ended.
        """
        begun = [link.talk(conversation) for link, conversation in talks]
        while True:
            talking = [link for link, _ in talks if link.state is LinkState.TALKING]
            if not talking:
                break
            if self._serve is not None and not self._serve() and self._rest is not None:
                self._rest()
            now = time.monotonic()
            self._wait(max(0.0, min(link.due for link in talking) - now))
            for link in talking:
                link.attend(time.monotonic())
        failed = [link for link, _ in talks if link.state in (LinkState.FAILED, LinkState.LOST)]
        if failed:
            reasons = "; ".join(f"bus '{link.name}': {link.reason}" for link in failed)
            lost = failed[0].state is LinkState.LOST
            raise TransportError(reasons) if lost else BoardError(reasons)
        return [talk.result for talk in begun]

    def _wait(self, timeout: float) -> None:
        """Pass on what arrives within `timeout` [s], until anything does.

        By select, whose timeout is exact: epoll's is whole milliseconds, a good part of a cycle.
        """
        ports, unwaitable = {}, []
        for link in self.links:
            if link.state in (LinkState.CLOSED, LinkState.LOST):
                continue
            descriptor = link.transport.descriptor
            if descriptor < 0:
                unwaitable.append(link)
            else:
                ports[descriptor] = link
        if unwaitable or self._serve is not None:
            timeout = min(timeout, _POLL)
        ready = select.select(list(ports), (), (), timeout)[0]
        for link in [ports[descriptor] for descriptor in ready] + unwaitable:
            link.take(time.monotonic())

    @staticmethod
    def _due(link: Link, gap: float) -> float:
        return float("inf") if link.retried else link.silent_since + gap

    def _retry(self, waiting: Sequence[Link], now: float, gap: float) -> None:
        for link in waiting:
            if not link.retried and now >= link.silent_since + gap:
                link.retried = True
                link.send(link.protocol.retry())


def _follows(protocol: Any) -> bool:
    """Whether a protocol answers answers. Tools hold conversations only and bring its class."""
    kind: Any = protocol if isinstance(protocol, type) else type(protocol)
    return bool(kind.following is not Protocol.following)
