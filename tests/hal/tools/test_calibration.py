"""What makes a zero, what is refused as nonsense, and where zeros are written."""

from pathlib import Path

import numpy as np
import pytest

from humanoid_description import ConfigError, Joint
from humanoid_hal.bus.feet import FootBoard
from humanoid_hal.drivers.boards.options import JointOptions
from humanoid_hal.hardware import load_hardware
from humanoid_hal.tools.calibration import (
    Record,
    Watch,
    calibrated,
    load_record,
    save_record,
    with_joint,
)
from humanoid_hal.tools.hardware_edit import with_numbers, write_numbers, zero_of
from humanoid_hal.tools.tare import tared

ROBOTS = Path(__file__).parents[3] / "config" / "robots"
KNEE = Joint("knee", -0.1, 2.4, 10.0, 50.0, 0.01, 100.0, 5.0, 80.0)


def watched(*positions, missed=0):
    watch = Watch()
    for position in positions:
        watch.see(position, True)
    for _ in range(missed):
        watch.see(0.0, False)
    return watch


def swept(low, high):
    return watched(*np.linspace(low, high, 20))


def options(**changes):
    return JointOptions("leg", "m", 1, **changes)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("gear", [1.0, 6.33])
@pytest.mark.parametrize("posture", [0.0, 0.3])
def test_after_calibration_the_joint_reads_its_posture_where_it_was_held(direction, gear, posture):
    old = options(direction=direction, gear=gear, zero=0.4)
    shaft_at_home = 2.0
    read = (shaft_at_home - old.zero) / (direction * gear)
    sweep = swept(read - posture - 0.05, read - posture + 2.3)
    found = calibrated(KNEE, old, sweep, watched(read, read + 0.002, read - 0.002), posture)
    assert (shaft_at_home - found.zero) / (direction * gear) == pytest.approx(posture)
    assert found.zero_before == 0.4


@pytest.mark.parametrize(
    ("sweep", "held", "words"),
    [
        (swept(0.0, 1.0), watched(0.0), "sweep from stop to stop"),
        (swept(0.0, 3.5), watched(0.0), "check id, model and gear"),
        (swept(-2.35, 0.05), watched(0.0), "turns the other way"),
        (swept(1.0, 3.3), watched(0.0), "held at the right posture"),
        (swept(0.0, 2.3), watched(0.0, 0.03), "should be still"),
        (watched(0.0, 2.3), watched(0.0), "wraps around"),
        (watched(*np.linspace(0, 2.3, 20), missed=3), watched(0.0), "readings are missing"),
        (Watch(), watched(0.0), "readings are missing"),
        (swept(0.0, 2.3), watched(float("nan")), "readings are missing"),
    ],
)
def test_nonsense_is_refused_with_what_to_do(sweep, held, words):
    with pytest.raises(ValueError, match=words):
        calibrated(KNEE, options(), sweep, held, 0.0)


def test_a_record_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "calibration" / "real.yaml"
    found = calibrated(KNEE, options(), swept(0.0, 2.3), watched(0.0), 0.0)
    record = with_joint(load_record(path, "mine"), "knee", found)
    save_record(path, record)
    assert load_record(path, "mine") == record
    assert record.joints == {"knee": found}
    assert [file.name for file in path.parent.iterdir()] == ["real.yaml"]


def test_a_damaged_record_is_refused_with_its_line(tmp_path):
    path = tmp_path / "record.yaml"
    path.write_text("version: 1\nrobot: mine\njoints:\n  knee: {zero: .nan}\n")
    with pytest.raises(ConfigError, match=":4"):
        load_record(path, "mine")


def test_no_record_is_an_empty_one(tmp_path):
    assert load_record(tmp_path / "none.yaml", "mine") == Record(1, "mine")


FILE = """driver: boards
options:
  joints:
    # the left one
    hip: {bus: leg, id: 1, model: m}
    knee: {bus: leg, zero: -0.5, id: 2, model: m}  # swapped in May
    ankle:
      bus: leg
      id: 3
      model: m
    toe:
      bus: leg
      zero: 1
      id: 4
      model: m
"""


def test_zeros_are_set_in_the_text_and_comments_stay():
    zeros = {"toe": "0.250000", "hip": "-1.500000", "ankle": "0.125000", "knee": "2.000000"}
    assert with_numbers(FILE, {zero_of(name): zero for name, zero in zeros.items()}) == (
        FILE.replace("id: 1, model: m}", "id: 1, model: m, zero: -1.500000}")
        .replace("zero: -0.5", "zero: 2.000000")
        .replace("ankle:\n      bus", "ankle:\n      zero: 0.125000\n      bus")
        .replace("zero: 1\n", "zero: 0.250000\n")
    )


@pytest.mark.parametrize("text", [FILE, "driver: mock\n", "options: 3\n", "- 1\n"])
def test_a_joint_that_the_file_has_not_is_refused(text):
    with pytest.raises(ValueError, match=r"no options\.joints\.elbow"):
        with_numbers(text, {zero_of("elbow"): "0.0"})


def test_an_edit_that_would_change_anything_else_leaves_the_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "real.yaml"
    text = (
        "driver: boards\noptions:\n  buses: {leg: {protocol: damiao, port: can0}}\n"
        "  joints:\n    hip: {bus: leg, id: 1, model: DM-J4310, gear: 1.0}\n"
    )
    path.write_text(text)
    monkeypatch.setattr(
        "humanoid_hal.tools.hardware_edit.with_numbers",
        lambda text, _: text.replace("gear: 1.0", "gear: 2.0"),
    )
    with pytest.raises(ValueError, match="by hand"):
        write_numbers(path, {zero_of("hip"): "0.5"})
    assert path.read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["real.yaml"]


@pytest.mark.parametrize("name", ["can-emulated", "dynamixel-emulated"])
def test_files_of_whole_robots_are_edited(tmp_path, name):
    path = tmp_path / "real.yaml"
    path.write_text((ROBOTS / "g1" / "hardware" / f"{name}.yaml").read_text())
    before = load_hardware(path)[0].options.joints
    write_numbers(path, {zero_of("left_knee_joint"): "0.250000"})
    after = load_hardware(path)[0].options.joints
    assert [joint for joint in after if after[joint] != before[joint]] == ["left_knee_joint"]
    assert after["left_knee_joint"].zero == 0.25


BOARD = FootBoard(
    "l_sole", 101, 36, np.dtype("<i2"), ("heel", "toe"), np.zeros((2, 2)), np.array([0.5, -0.5]),
    np.zeros(2), 400.0,
)  # fmt: skip


def test_the_offset_of_a_force_cell_is_its_mean_count_without_load():
    counts = [np.array([70.0, -3.0]), np.array([72.0, -1.0])]
    assert tared(BOARD, counts, 2).tolist() == [71.0, -2.0]


@pytest.mark.parametrize(
    ("counts", "asked", "reason"),
    [
        ([], 50, "50 of 50 readings are missing"),
        ([np.zeros(2)] * 44, 50, "6 of 50 readings are missing"),
        ([np.zeros(2), np.array([0.0, 17.0])], 2, "cell toe wanders by 8.5 N"),
        ([np.array([np.nan, 0.0])], 1, "cell heel wanders"),
    ],
)
def test_force_cells_that_are_silent_or_loaded_are_not_tared(counts, asked, reason):
    with pytest.raises(ValueError, match=reason):
        tared(BOARD, counts, asked)
