"""The kit itself: right drivers pass, each wrong one fails its own promise and no other."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from humanoid_description import load_robot
from humanoid_hal.bench import Bench
from humanoid_hal.conformance import PROMISES, Outcome, Subject, examine, judge
from humanoid_hal.conformance.report import as_data, as_html, as_text, kept
from humanoid_hal.conformance.suite import DriverConformance
from humanoid_hal.drivers.mock import MockDriver, MockHardwareDriver
from humanoid_hal.drivers.mujoco import MujocoDriver

HERE = Path(__file__).parent
G1 = HERE.parents[2] / "config" / "robots" / "g1"


def _load(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRONG = _load("wrong_drivers").WRONG
CASES = [(promise, driver) for promise, drivers in WRONG.items() for driver in drivers]


def outcomes(subject):
    return {result.promise.name: result for result in examine(subject)}


class TestMock(DriverConformance):
    @pytest.fixture
    def subject(self, robot):
        return Subject(MockDriver, robot)


class TestMockHardware(DriverConformance):
    @pytest.fixture
    def subject(self, robot):
        return Subject(MockHardwareDriver, robot)


class TestMujoco(DriverConformance):
    @pytest.fixture(scope="class")
    def subject(self):
        return Subject(MujocoDriver, load_robot(G1))


def test_each_promise_has_a_driver_that_breaks_it():
    assert {promise.name for promise in PROMISES} == set(WRONG)


@pytest.mark.parametrize(
    ("promise", "driver"), CASES, ids=[f"{promise}-{d.__name__}" for promise, d in CASES]
)
def test_a_wrong_driver_fails_its_promise_and_no_other(robot, promise, driver):
    results = outcomes(Subject(driver, robot))
    failed = {name: r.detail for name, r in results.items() if r.outcome is Outcome.FAILED}
    assert set(failed) == {promise}, failed


def test_the_mock_driver_leaves_no_promise_untested(robot):
    results = outcomes(Subject(MockDriver, robot))
    assert {result.outcome for result in results.values()} == {Outcome.PASSED}


class Unknown(MockHardwareDriver):
    """As real hardware: nothing can be injected, nothing is known but what is read."""

    def __init__(self, robot, options=None):
        super().__init__(robot, options)
        self.bench = None


MOVING = {"units", "sign", "enable-order", "stop-path"}
WITH_BENCH = {"zero", "limits", "freshness", "partial-loss", "disconnect", "replug", "garbage"}


def test_real_hardware_is_not_moved_unless_allowed(robot):
    driver = Unknown(robot)
    results = outcomes(Subject(type("Same", (Unknown,), {"__new__": lambda *_: driver}), robot))
    untested = {name for name, r in results.items() if r.outcome is Outcome.NOT_TESTED}
    assert untested == MOVING | WITH_BENCH | {"watchdog"}
    assert driver.switched.count(True) == 0
    assert all(results[name].detail for name in untested)


def test_what_needs_a_bench_is_not_tested_without_one_and_says_why(robot):
    results = outcomes(Subject(Unknown, robot, may_move=True))
    assert {name for name, r in results.items() if r.outcome is Outcome.NOT_TESTED} == (
        WITH_BENCH | {"watchdog"}
    )
    assert "no bench" in results["partial-loss"].detail
    assert "full torque" in results["limits"].detail


def test_a_driver_slower_than_its_rate_fails_only_where_time_is_strict(robot):
    class Slow(MockHardwareDriver):
        def _stamp(self):
            return 3 * super()._stamp()

    (rate,) = (promise for promise in PROMISES if promise.name == "rate")
    subject = Subject(Slow, robot)
    assert judge(rate, subject).outcome is Outcome.PASSED
    assert judge(rate, replace(subject, strict_time=True)).outcome is Outcome.FAILED


def test_what_a_driver_raises_is_part_of_the_verdict(robot):
    class Shy(MockDriver):
        def open(self):
            raise RuntimeError("not today")

    results = outcomes(Subject(Shy, robot))
    assert {r.outcome for r in results.values()} == {Outcome.FAILED}
    assert results["stamps"].detail == "unexpected RuntimeError: not today"


def test_every_bench_word_that_is_not_offered_says_so(robot):
    class Bare(MockDriver):
        def __init__(self, robot, options=None):
            super().__init__(robot, options)
            self.bench = Bench()

    results = outcomes(Subject(Bare, robot))
    untested = [r.detail for r in results.values() if r.outcome is Outcome.NOT_TESTED]
    assert len(untested) == 7
    assert all(detail.startswith(("the bench", "all fresh")) for detail in untested)


@pytest.fixture
def verdict(robot):
    """One driver that fails a promise and cannot be tested in another."""

    class Mixed(_load("wrong_drivers").Rpm):
        capabilities = replace(MockDriver.capabilities, board_watchdog=False)

    return list(examine(Subject(Mixed, robot)))


def test_the_report_is_text_with_one_line_for_each_promise(verdict):
    title, *lines, last = as_text("acme <1>", verdict).splitlines()
    assert title == "acme <1>"
    assert len(lines) == len(PROMISES)
    assert last == "14 passed, 1 failed, 2 not tested"
    assert not kept(verdict)


def test_the_report_is_json_with_outcome_and_reason_for_each_promise(verdict):
    data = json.loads(json.dumps(as_data("acme <1>", verdict)))
    assert data["ok"] is False
    rows = {row["promise"]: row for row in data["promises"]}
    assert rows["units"]["outcome"] == "failed"
    assert rows["watchdog"]["outcome"] == "not tested"
    assert all(row["detail"] and row["text"] for row in rows.values())


def test_the_report_is_a_page_of_html_that_parses(verdict):
    page = as_html("acme <1>", verdict)
    root = ElementTree.fromstring(
        page.replace("<!doctype html>", "")
        .replace('<meta charset="utf-8">', "")
        .replace("<br>", "<br/>")
    )
    words = [cell.text for cell in root.iter("td") if cell.get("class")]
    assert len(words) == len(PROMISES)
    assert words.count("failed") == 1
    assert "acme &lt;1&gt;" in page


def test_the_pattern_of_each_joint_tells_it_from_every_other(robot):
    """The promise on signs rests on this: no two joints swing alike."""
    from humanoid_hal.conformance.swing import likeness, swing
    from humanoid_hal.conformance.trial import Trial

    with Trial(Subject(MockDriver, load_robot(G1))) as trial:
        asked, _ = swing(trial).answers()
    asked = asked - asked.mean(axis=0)
    for shift in range(1, asked.shape[1]):
        assert np.nanmax(likeness(np.roll(asked, shift, axis=1), asked)) < 0.9
