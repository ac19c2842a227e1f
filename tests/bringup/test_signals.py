"""Promises of Ctrl-C before anything runs: silent, exit code 130, and never lost."""

import os
import signal

import pytest

from humanoid_bringup import cli
from humanoid_bringup.commands import bag
from humanoid_bringup.signals import Interrupts, interrupted, noted_interrupts


def press():
    os.kill(os.getpid(), signal.SIGINT)


def raises_something_else(_):
    """As modules in C do that are imported at that moment."""
    try:
        press()
    except KeyboardInterrupt as error:
        raise ImportError("initialization failed") from error


def swallows(_):
    try:
        press()
    except KeyboardInterrupt:
        pass
    with Interrupts() as interrupts:
        return 7 if interrupts.received is signal.SIGINT else 0


@pytest.mark.parametrize(
    ("run", "code"), [(lambda _: press(), 130), (raises_something_else, 130), (swallows, 7)]
)
def test_an_early_interrupt_is_answered_and_says_nothing(run, code, monkeypatch, capsys):
    monkeypatch.setattr(bag, "run", run)
    assert cli.main(["bag", "info", "none"]) == code
    assert not capsys.readouterr().err
    assert not interrupted()


def test_the_handler_of_before_comes_back():
    before = signal.getsignal(signal.SIGINT)
    with noted_interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
