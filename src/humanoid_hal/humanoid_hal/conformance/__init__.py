"""The conformance kit: proves that a driver keeps what the HAL relies on.

On the command line ``humanoid conformance <driver or hardware file>``, in a test suite
:class:`humanoid_hal.conformance.suite.DriverConformance`. Faults are injected through the driver's
bench (:mod:`humanoid_hal.bench`); what cannot be tested is said, never counted as passed.
"""

from humanoid_hal.conformance.kit import PROMISES, examine
from humanoid_hal.conformance.promise import Outcome, Promise, Result, judge
from humanoid_hal.conformance.trial import BrokenPromiseError, NotTestedError, Subject

__all__ = [
    "PROMISES",
    "BrokenPromiseError",
    "NotTestedError",
    "Outcome",
    "Promise",
    "Result",
    "Subject",
    "examine",
    "judge",
]
