"""Ctrl-C, SIGTERM and SIGHUP as a flag, so that an orderly stop is never interrupted half-way."""

import signal
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager

WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_noted: list[signal.Signals] = []


@contextmanager
def noted_interrupts() -> Iterator[None]:
    """While entered, Ctrl-C raises KeyboardInterrupt and is remembered (:func:`interrupted`).

    Modules in C that are being imported turn a KeyboardInterrupt into another error, or swallow it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _noted.clear()


def interrupted() -> bool:
    """Whether Ctrl-C came, whatever became of it."""
    return bool(_noted)


def _interrupt(number: int, _frame: types.FrameType | None) -> None:
    _noted.append(signal.Signals(number))
    raise KeyboardInterrupt


class Interrupts:
    """While entered, the watched signals only set :attr:`received`.

    A Ctrl-C of before that nobody answered counts.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Interrupts":
        for number in WATCHED:
            self._before[number] = signal.signal(number, self._note)
        if _noted:
            self.received = _noted[0]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal() returned it

    def _note(self, number: int, _frame: types.FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
