"""The kit as a pytest class: subclass it and say which driver.

    class TestAcme(DriverConformance):
        @pytest.fixture
        def subject(self) -> Subject:
            return Subject(AcmeDriver, load_robot("config/robots/acme"))

One test for each promise. What cannot be tested is skipped, with the reason.
"""

import pytest

from humanoid_hal.conformance.kit import PROMISES
from humanoid_hal.conformance.promise import Outcome, Promise, judge
from humanoid_hal.conformance.trial import Subject


class DriverConformance:
    """See the module docstring."""

    @pytest.fixture
    def subject(self) -> Subject:
        """The driver on trial."""
        raise NotImplementedError("override the fixture `subject`: return a Subject")

    @pytest.mark.parametrize("promise", PROMISES, ids=[promise.name for promise in PROMISES])
    def test_promise(self, promise: Promise, subject: Subject) -> None:
        """One promise."""
        result = judge(promise, subject)
        if result.outcome is Outcome.NOT_TESTED:
            pytest.skip(f"not tested: {result.detail}")
        assert result.outcome is Outcome.PASSED, f"{promise.text} {result.detail}"
