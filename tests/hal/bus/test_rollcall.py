"""The dead do not silence the living."""

from collections.abc import Collection

from humanoid_hal.bus.rollcall import PROBE_EVERY, RollCall


def cycle(roll: RollCall, dead: Collection[int]) -> list[bool]:
    """One cycle on a bus where each waits for the one before it, with one repetition."""

    def ask(row: tuple[int, ...]) -> None:
        for index in row:
            if index in dead:
                return
            assert roll.hear(index)

    ask(roll.begin())
    if not roll.complete:
        ask(roll.again())
    return roll.end().tolist()


def test_all_alive_are_asked_in_their_order() -> None:
    roll = RollCall(4)
    assert cycle(roll, ()) == [True] * 4
    assert roll.order == (0, 1, 2, 3)


def test_one_dead_never_silences_another() -> None:
    roll = RollCall(5)
    for _ in range(10):
        assert cycle(roll, {1}) == [True, False, True, True, True]
    assert roll.order == (0, 2, 3, 4)


def test_of_two_dead_the_living_are_heard_from_the_second_cycle_on() -> None:
    roll = RollCall(6)
    cycle(roll, {1, 3})
    for _ in range(10):
        assert cycle(roll, {1, 3}) == [True, False, True, False, True, True]
    assert roll.order == (0, 2, 4, 5)


def test_who_comes_back_is_noticed() -> None:
    roll = RollCall(3)
    for _ in range(10):
        cycle(roll, {0})
    heard = [cycle(roll, ())[0] for _ in range(PROBE_EVERY + 1)]
    assert heard[-1]
    assert cycle(roll, ()) == [True] * 3


def test_an_answer_that_comes_twice_because_it_was_asked_for_twice_is_excused_once() -> None:
    roll = RollCall(2)
    roll.begin()
    assert roll.hear(0)
    roll.again()
    assert roll.hear(1)
    assert not roll.hear(1)
    assert roll.excuse(1)
    assert not roll.excuse(1)
    assert not roll.excuse(0)


def test_an_answer_to_a_cycle_that_is_over_is_excused_and_not_heard() -> None:
    roll = RollCall(2)
    roll.begin()
    assert roll.hear(0)
    assert roll.end().tolist() == [True, False]
    assert not roll.hear(1)
    assert roll.excuse(1)
    assert not roll.excuse(-1)
