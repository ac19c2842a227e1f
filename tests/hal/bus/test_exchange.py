"""Every bus is asked before any is waited for, and one that fails does not stop the others."""

import time
from collections.abc import Callable

import pytest

from humanoid_hal.bus.exchange import Exchange, LinkState
from humanoid_hal.bus.protocol import BoardError
from humanoid_hal.bus.transport import TransportError

LATER = 5.0  # [s] a deadline that nothing here should need


def cycle(exchange: Exchange, wait: float = LATER, gap: float = LATER) -> None:
    for link in exchange.links:
        link.send(link.protocol.request())
    exchange.collect(time.monotonic() + wait, gap)


def test_a_cycle_ends_when_all_have_answered(make_link: Callable) -> None:
    links = [make_link(name)[0] for name in ("left", "right")]
    cycle(Exchange(links))
    assert all(link.protocol.readings().fresh.all() for link in links)


def test_one_silent_device_leaves_the_others_fresh(make_link: Callable) -> None:
    (left, _), (right, boards) = make_link("left"), make_link("right")
    boards.silent.add(2)
    cycle(Exchange([left, right]), wait=0.02)
    assert left.protocol.readings().fresh.tolist() == [True, True, True]
    assert right.protocol.readings().fresh.tolist() == [True, False, True]


def test_after_a_silence_only_the_missing_are_asked_again(make_link: Callable) -> None:
    link, boards = make_link()
    boards.forgetful.add(2)
    cycle(Exchange([link]), gap=0.01)
    assert link.protocol.readings().fresh.all()
    assert boards.heard == [1, 2, 3, 2]


def test_one_slow_cycle_does_not_make_the_next_ones_deaf(make_link: Callable) -> None:
    link, boards = make_link()
    exchange = Exchange([link])
    boards.forgetful.add(2)
    cycle(exchange, gap=0.3)
    for _ in range(3):
        cycle(exchange, wait=0.2)
        assert link.protocol.readings().fresh.all()


def test_answers_that_came_while_the_thread_was_away_count(
    make_link: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, _ = make_link()
    exchange = Exchange([link])
    cycle(exchange)
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds + 0.1))
    exchange._quickest = 0.01
    cycle(exchange, wait=0.05)
    assert link.protocol.readings().fresh.all()


def test_an_unplugged_bus_is_lost_and_the_other_goes_on(make_link: Callable) -> None:
    (left, boards), (right, _) = make_link("left"), make_link("right")
    boards.unplug()
    cycle(Exchange([left, right]))
    assert left.state is LinkState.LOST
    assert "plug the adapter in again" in left.reason
    assert right.protocol.readings().fresh.all()


def test_conversations_run_on_all_buses(make_link: Callable) -> None:
    links = [make_link(name, ids)[0] for name, ids in (("left", (1, 2)), ("right", (3,)))]
    results = Exchange(links).converse([(link, link.protocol.startup()) for link in links])
    assert results == [("2 found",), ("1 found",)]


def test_a_failed_conversation_names_its_bus_after_the_others_ended(make_link: Callable) -> None:
    (left, boards), (right, _) = make_link("left"), make_link("right")
    boards.silent.add(1)
    talks = [(link, link.protocol.startup()) for link in (left, right)]
    with pytest.raises(BoardError, match="bus 'left': device 1 does not answer"):
        Exchange([left, right]).converse(talks)
    assert left.state is LinkState.FAILED
    assert right.state is LinkState.READY


def test_a_port_that_goes_in_a_conversation_is_a_transport_error(make_link: Callable) -> None:
    link, boards = make_link()
    boards.unplug()
    with pytest.raises(TransportError, match=r"bus 'leg': .*is gone"):
        Exchange([link]).converse([(link, link.protocol.startup())])


def test_a_conversation_beside_the_cycle_does_not_hold_it_up(make_link: Callable) -> None:
    (left, boards), (right, _) = make_link("left"), make_link("right", (1, 2, 3, 4))
    boards.silent.add(1)
    talk = left.talk(left.protocol.startup())
    exchange = Exchange([left, right])
    right.send(right.protocol.request())
    exchange.collect(time.monotonic() + LATER, LATER)
    assert right.protocol.readings().fresh.all()
    assert left.state is LinkState.TALKING
    while left.state is LinkState.TALKING:
        exchange.collect(time.monotonic() + 0.01, LATER)
    assert isinstance(talk.error, BoardError)


def test_devices_that_take_turns_are_spoken_to_when_the_last_has_answered(
    make_link: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, boards = make_link()
    waiting = [3, 2]
    monkeypatch.setattr(link.protocol, "request", lambda: b"\x01")
    monkeypatch.setattr(
        link.protocol, "following", lambda: bytes([waiting.pop()]) if waiting else None
    )
    cycle(Exchange([link]))
    assert boards.heard == [1, 2, 3]
    assert link.protocol.readings().fresh.all()


def test_a_deadline_that_is_over_already_ends_the_cycle(make_link: Callable) -> None:
    """As on a busy computer: the thread was not there between asking and waiting."""
    link, boards = make_link()
    exchange = Exchange([link])
    boards.forgetful.add(2)
    cycle(exchange, gap=0.02)  # answers are not expected at once
    cycle(exchange, wait=-1.0)
    assert link.state is LinkState.READY
