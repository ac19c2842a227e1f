"""The promises of a driver, in the order in which they are tested."""

from collections.abc import Callable, Iterable, Iterator

from humanoid_hal.conformance import losses, readings, timing, torque
from humanoid_hal.conformance.promise import Promise, Result, judge
from humanoid_hal.conformance.trial import Subject


def _promise(name: str, check: Callable[[Subject], str]) -> Promise:
    return Promise(name, (check.__doc__ or "").strip().replace("``", ""), check)


PROMISES = (
    _promise("declared", readings.declared),
    _promise("stamps", timing.stamps),
    _promise("rate", timing.rate),
    _promise("jitter", timing.jitter),
    _promise("enable-order", torque.enable_order),
    _promise("stop-path", torque.stop_path),
    _promise("close-after-error", torque.close_after_error),
    _promise("units", readings.units),
    _promise("sign", readings.sign),
    _promise("zero", readings.zero),
    _promise("limits", readings.limits),
    _promise("freshness", losses.freshness),
    _promise("partial-loss", losses.partial_loss),
    _promise("disconnect", losses.disconnect),
    _promise("replug", losses.replug),
    _promise("garbage", losses.garbage),
    _promise("watchdog", torque.watchdog),
)


def examine(subject: Subject, promises: Iterable[Promise] = PROMISES) -> Iterator[Result]:
    """Put one promise after the other to the test, each on a driver of its own."""
    for promise in promises:
        yield judge(promise, subject)
