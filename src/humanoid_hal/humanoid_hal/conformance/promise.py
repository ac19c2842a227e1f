"""What a driver promises, as data, and how one promise is judged.

A check is a function of one :class:`Subject`. It returns what it measured in a few words, raises
:class:`BrokenPromiseError` when the promise is not kept, or :class:`NotTestedError` when it cannot know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from humanoid_hal.bench import NotOfferedError
from humanoid_hal.conformance.trial import BrokenPromiseError, NotTestedError, Subject


class Outcome(Enum):
    """How a promise fared."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Promise:
    """One thing that the HAL relies on."""

    name: str
    text: str  # what is promised, in one sentence
    check: Callable[[Subject], str]


@dataclass(frozen=True)
class Result:
    """What came of one promise."""

    promise: Promise
    outcome: Outcome
    detail: str  # what was measured, what is wrong, or why it was not tested


def judge(promise: Promise, subject: Subject) -> Result:
    """Put one promise to the test. Whatever the driver raises is part of the verdict."""
    try:
        return Result(promise, Outcome.PASSED, promise.check(subject))
    except (NotTestedError, NotOfferedError) as reason:
        return Result(promise, Outcome.NOT_TESTED, str(reason))
    except BrokenPromiseError as broken:
        return Result(promise, Outcome.FAILED, str(broken))
    except Exception as error:
        return Result(promise, Outcome.FAILED, f"unexpected {type(error).__name__}: {error}")
