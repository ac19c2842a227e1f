"""What conversations on CAN have in common: ask many boards, hear each, ask the silent ones again."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation

T = TypeVar("T")

#: [s] a board gets to answer, and how often it is asked.
PATIENCE = 0.05
TRIES = 3


def ask_each(
    make: Callable[[Sequence[int]], CanBatch],
    read: Callable[[int, bytes], tuple[int, T] | None],
    ids: Sequence[int],
    *,
    timeout: float = PATIENCE,
    tries: int = TRIES,
) -> Conversation[CanBatch, dict[int, T]]:
    """Send `make(ids)` until every board of `ids` has answered; those who did, by id.

    `read(identifier, payload)` gives the board and the value in a frame; None: not such an answer.
    """
    answers: dict[int, T] = {}
    wanted = set(ids)

    def missing() -> list[int]:
        return [i for i in ids if i not in answers]

    def take(batch: CanBatch) -> bool:
        for identifier, payload in batch.frames():
            answer = read(identifier, payload)
            if answer is not None and answer[0] in wanted:
                answers[answer[0]] = answer[1]
        return not missing()

    for _ in range(tries):
        if not missing():
            break
        take((yield Ask(make(missing()), timeout, take)))
    return answers


def ask_devices(
    make: Callable[[Sequence[int]], CanBatch],
    read: Callable[[int, bytes], tuple[int, T] | None],
    devices: Sequence[Device],
    what: str,
) -> Conversation[CanBatch, list[T]]:
    """:func:`ask_each` of all `devices`, in their order. BoardError names the silent ones."""
    answers = yield from ask_each(make, read, [device.id for device in devices])
    silent = [str(device) for device in devices if device.id not in answers]
    if silent:
        raise BoardError(
            f"no answer to {what} from {', '.join(silent)}; "
            "check power, wiring, termination, bit rate and ids (`humanoid scan`)"
        )
    return [answers[device.id] for device in devices]
