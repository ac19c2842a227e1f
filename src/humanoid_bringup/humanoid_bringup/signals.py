"""Ctrl-C, SIGTERM and SIGHUP as a flag, so that an orderly stop is never interrupted half-way."""

import signal
import types

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, the watched signals only set :attr:`received`."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Interrupts":
        for number in WATCHED:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal() returned it

    def _note(self, number: int, _frame: types.FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
