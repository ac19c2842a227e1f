"""Compares one bag with another, topic by topic."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from pathlib import Path

from humanoid_bringup.bags.bag import Bag, BagError
from humanoid_bringup.bags.compare import Comparison, Tolerance, Verdict
from humanoid_bringup.errors import Exit, HumanoidError


def diff(
    actual: Path,
    expected: Path,
    topics: Sequence[str] = (),
    tolerances: Sequence[Tolerance] = (),
    *,
    common: bool = False,
) -> Verdict:
    """The verdict on `actual`, `expected` being the reference.

    `topics`: names or patterns; `common`: leave out what only one of them has. Raises BagError.
    """
    with ExitStack() as stack:
        left, right = (stack.enter_context(Bag(path)) for path in (expected, actual))
        for bag in (left, right):
            if not bag.count:
                raise BagError(f"{bag.path}: empty: it holds no message")
        chosen = _chooser(topics)
        names = {name for name in left.topics.keys() | right.topics.keys() if chosen(name)}
        both = sorted(names & left.topics.keys() & right.topics.keys())
        if not both:
            raise HumanoidError(
                f"{actual} and {expected} have no topic in common"
                + (f" that matches {' '.join(topics)}" if topics else ""),
                Exit.USAGE,
            )
        kinds, notes = {}, []
        for name in both:
            a, b = left.topics[name].kind, right.topics[name].kind
            if a == b:
                kinds[name] = a
            else:
                notes.append(f"{name} is {b}, expected {a}")
        if not common:
            notes += [f"{n} is not in {actual}" for n in sorted(names - right.topics.keys())]
            notes += [f"{n} is not in {expected}" for n in sorted(names - left.topics.keys())]
        comparison = Comparison(kinds, left.decoder(), right.decoder(), tolerances, left.start)
        _feed(left, right, comparison, list(kinds))
        verdict = comparison.finish(f"{actual} against {expected}")
        verdict.notes = notes
        return verdict


def _feed(left: Bag, right: Bag, comparison: Comparison, topics: list[str]) -> None:
    """Both bags side by side, each from its own beginning, so that little waits in memory."""
    sides = [
        (bag.messages(topics), bag.start, take)
        for bag, take in ((left, comparison.expected), (right, comparison.actual))
    ]
    heads = [next(stream, None) for stream, _, _ in sides]
    while any(head is not None for head in heads):
        times = [
            head.time - start if head is not None else float("inf")
            for head, (_, start, _) in zip(heads, sides, strict=True)
        ]
        side = 0 if times[0] <= times[1] else 1
        stream, _, take = sides[side]
        head = heads[side]
        assert head is not None
        take(head.topic, head.time, head.data)
        heads[side] = next(stream, None)


def _chooser(patterns: Sequence[str]) -> Callable[[str], bool]:
    full = [p if p.startswith(("/", "*")) else f"/{p}" for p in patterns]
    return lambda name: not full or any(fnmatchcase(name, pattern) for pattern in full)
