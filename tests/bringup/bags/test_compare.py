"""The verdict: what is equal, what is not, and where it begins."""

import math
import re

import pytest

from humanoid_bringup.bags.compare import Tolerance, parse_tolerance
from humanoid_bringup.bags.diff import diff
from humanoid_bringup.bags.report import plot, write_report
from humanoid_bringup.errors import HumanoidError

from .conftest import write_bag


def test_a_bag_is_the_same_as_itself(small):
    verdict = diff(small, small)
    assert verdict
    assert [topic.compared for topic in verdict.topics] == [400, 1]


def test_one_bit_in_one_message_is_found_with_time_topic_field_and_values(small, tmp_path):
    other = write_bag(tmp_path / "other", change=lambda i: 1e-12 if i == 123 else 0.0)
    verdict = diff(other, small)
    assert not verdict
    first = verdict.first
    assert (first.topic, first.field, first.index) == (
        "/imu/data", "linear_acceleration.x", 123,
    )  # fmt: skip
    assert first.stamp == 123 * 2_000_000
    assert first.time == pytest.approx(0.246)
    assert first.actual - first.expected == pytest.approx(1e-12, rel=1e-3)
    assert verdict.topics[0].differing == 1
    assert "linear_acceleration.x" in str(verdict)
    assert verdict.as_data()["verdict"] == "fail"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("linear_acceleration.x=1e-9", True),
        ("imu/data.linear_acceleration.x=1e-9", True),
        ("*=0,1e-3", True),
        ("linear_acceleration.*=1e-13", False),
        ("linear_acceleration.y=1", False),
    ],
)
def test_tolerances_hold_for_the_fields_they_name(small, tmp_path, text, same):
    other = write_bag(tmp_path / "other", change=lambda i: 1e-12 if i % 2 else 0.0)
    verdict = diff(other, small, tolerances=[parse_tolerance(text)])
    assert bool(verdict) is same
    assert verdict.topics[0].tolerated == (200 if same else 0)


def test_a_nan_is_never_within_a_tolerance(small, tmp_path):
    other = write_bag(tmp_path / "other", change=lambda i: math.nan if i == 5 else 0.0)
    assert not diff(other, small, tolerances=[Tolerance("*", 1e9)])
    assert diff(other, other, tolerances=[Tolerance("*", 1e9)])


def test_missing_and_extra_messages_are_counted(small, tmp_path):
    shorter = write_bag(tmp_path / "shorter", count=390)
    assert diff(shorter, small).topics[0].missing == 10
    verdict = diff(small, shorter)
    assert verdict.topics[0].extra == 10
    assert verdict.first.field == "message"


def test_topics_of_one_bag_alone_are_a_difference_unless_left_out(small, tmp_path):
    from humanoid_bringup.bags.writer import BagWriter

    from .conftest import imu, topic

    with BagWriter(tmp_path / "one") as writer:
        writer.add(topic("/imu/data", "sensor_msgs/msg/Imu"))
        for index in range(400):
            writer.write("/imu/data", index * 2_000_000, imu(index))
    assert not diff(tmp_path / "one", small)
    assert diff(tmp_path / "one", small, common=True)
    assert diff(tmp_path / "one", small, ["imu/*"])
    with pytest.raises(HumanoidError, match="no topic in common"):
        diff(tmp_path / "one", small, ["/robot_description"])


@pytest.mark.parametrize("text", ["", "x", "x=", "x=-1", "x=a", "x=1,2,3", "=1", "x=nan"])
def test_a_tolerance_that_is_none_is_refused(text):
    with pytest.raises(HumanoidError, match="expected field=absolute"):
        parse_tolerance(text)


def test_the_report_shows_verdict_divergence_and_curves(small, tmp_path):
    other = write_bag(tmp_path / "<other>", change=lambda i: 0.1 if i > 200 else 0.0)
    verdict = diff(other, small)
    write_report(verdict, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "fail" in text
    assert "&lt;other&gt;" in text
    assert "<other>" not in text
    assert text.count("<svg") == 2
    assert "http" not in text  # self-contained


def test_numbers_beside_a_curve_are_shown_with_their_sign():
    """In 11 px a digit of any common font is at most 6.7 px wide; what is left of 0 is cut off."""
    picture = plot("a", [("", [(0.0, -1.23456e-300), (1.0, -1.34567e-300)])])
    labels = re.findall(
        r'<text x="(\d+)" y="\d+" font-size="11" text-anchor="end">([^<]*)<', picture
    )
    assert "-1.3457e-300" in [text for _, text in labels]
    assert all(int(x) >= 6.7 * len(text) for x, text in labels)


def test_curves_without_any_finite_point_or_range_can_be_drawn():
    assert "nothing finite" in plot("a", [("", [(0.0, math.nan)])])
    assert "<svg" in plot("a", [("", [(0.0, 1.0), (1.0, 1.0)])])


def test_a_divergence_of_one_ulp_is_not_hidden_by_printing(small, tmp_path):
    other = write_bag(tmp_path / "other", change=lambda i: 1e-15 if i == 0 else 0.0)
    first = diff(other, small).first
    shown = str(first)
    assert repr(float(first.actual)) in shown
    assert repr(float(first.expected)) in shown
    assert first.actual != first.expected
