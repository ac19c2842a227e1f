"""`humanoid calibrate`: by hand, resumable, and nonsense is refused."""

import json

import numpy as np
import pytest

from humanoid_bringup import cli
from humanoid_bringup.errors import Exit
from humanoid_hal.hardware import load_hardware

MOUNTED = {"left_hip": 0.3, "right_hip": -0.2}  # [rad] how far the shafts are off


def sweep(rig, joint, low=-1.45, high=1.45, off=None):
    """Moves a joint from stop to stop, a little with every look."""
    row = rig.robot.index[joint]
    off = MOUNTED[joint] if off is None else off
    way = [*np.linspace(0, low, 4), *np.linspace(low, high, 8)]

    def deed():
        if not way:
            return False
        rig.position[row] = way.pop(0) + off
        return True

    return deed


def hold(rig, joint, at=0.0):
    """Puts a joint where it reads `at` once it is calibrated."""

    def deed():
        row = rig.robot.index[joint]
        there = at + MOUNTED[joint]
        moved = rig.position[row] != there
        rig.position[row] = there
        return moved

    return deed


@pytest.fixture
def by_hand(lockstep):
    lockstep.hand = True
    return lockstep


def both(rig):
    return [deed(rig, joint) for joint in MOUNTED for deed in (sweep, hold)]


def zeros(rig):
    return {name: joint.zero for name, joint in load_hardware(rig.file)[0].options.joints.items()}


def test_the_zeros_found_are_written_and_all_else_stays(by_hand, ask, enter, capsys):
    rig = by_hand
    rig.write_file("emulated", right_hip=", zero: 0.0")
    before = rig.file.read_text()
    enter(*both(rig))
    assert ask("calibrate", "--json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["written"] == str(rig.file)
    assert zeros(rig) == pytest.approx(MOUNTED, abs=2e-3)
    after = rig.file.read_text()
    assert after.startswith("driver: emulated  # as delivered\n")
    assert rig.file.with_suffix(".yaml.before").read_text() == before


def test_a_dry_run_shows_the_difference_and_writes_no_zero(by_hand, ask, enter, capsys):
    rig = by_hand
    before = rig.file.read_text()
    enter(*both(rig))
    assert ask("calibrate", "--dry-run") == Exit.OK
    shown = capsys.readouterr().out
    assert "+0.300" in shown
    assert "-0.200" in shown
    assert rig.file.read_text() == before


def test_it_goes_on_where_it_was_interrupted(by_hand, ask, enter, capsys):
    rig = by_hand
    enter(*both(rig)[:2], sweep(rig, "right_hip", low=-0.1, high=0.1), hold(rig, "right_hip"))
    assert ask("calibrate") == Exit.FAILED
    assert "right_hip: swept" in capsys.readouterr().err
    assert zeros(rig) == {"left_hip": 0.0, "right_hip": 0.0}
    enter(*both(rig)[2:])
    assert ask("calibrate") == Exit.OK
    assert "1 of 2 joints are measured already" in capsys.readouterr().out
    assert zeros(rig) == pytest.approx(MOUNTED, abs=2e-3)


def test_a_known_posture_may_be_another_than_zero(by_hand, ask, enter):
    rig = by_hand
    deeds = [
        deed
        for joint in MOUNTED
        for deed in (sweep(rig, joint), hold(rig, joint, rig.robot.poses["ready"][0]))
    ]
    enter(*deeds)
    assert ask("calibrate", "--posture", "ready") == Exit.OK
    assert zeros(rig) == pytest.approx(MOUNTED, abs=2e-3)


def test_another_robots_record_is_refused(rig, ask, tmp_path, capsys):
    record = tmp_path / "record.yaml"
    record.write_text("version: 1\nrobot: other\n")
    assert ask("calibrate", "--record", str(record)) == Exit.CONFIGURATION
    assert "is of robot 'other'" in capsys.readouterr().err


def test_a_record_of_another_version_is_refused(rig, ask, tmp_path, capsys):
    record = tmp_path / "record.yaml"
    record.write_text("version: 2\nrobot: biped\n")
    assert ask("calibrate", "--record", str(record)) == Exit.CONFIGURATION
    assert "version" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--joint", "hip"), ("--posture", "lotus")])
def test_what_does_not_exist_is_a_usage_error(ask, words):
    assert ask("calibrate", *words) == Exit.USAGE


def offsets(rig):
    feet = load_hardware(rig.file)[0].options.feet
    return [cell.offset for foot in feet.values() for cell in foot.cells.values()]


def test_force_cells_are_tared_where_they_are(feet, ask, enter, capsys):
    """75 N on every cell here; half a newton per count, the heels 70 counts off."""
    before = feet.file.read_text()
    enter(None)
    assert ask("calibrate", "--feet", "--dry-run", "--json") == Exit.OK
    cells = json.loads(capsys.readouterr().out)["force_cells"]
    assert [(cell["offset_before"], cell["offset"]) for cell in cells] == [(70, 220), (0, 150)] * 2
    assert feet.file.read_text() == before
    enter(None)
    assert ask("calibrate", "--feet") == Exit.OK
    assert "+75.0" in capsys.readouterr().out
    assert offsets(feet) == [220.0, 150.0] * 2


def test_a_robot_without_force_cells_has_none_to_tare(lockstep, ask, capsys):
    assert ask("calibrate", "--feet") == Exit.CONFIGURATION
    assert "names no force cells" in capsys.readouterr().err


def test_a_file_of_no_robots_directory_keeps_its_record_beside_it(by_hand, enter, tmp_path, capsys):
    rig = by_hand
    file = tmp_path / "hardware.yaml"
    file.write_text(rig.file.read_text())
    enter(*both(rig))
    words = ("calibrate", "--robot", str(rig.directory), "--hardware", str(file), "--dry-run")
    assert cli.main(list(words)) == Exit.OK
    assert (tmp_path / "calibration" / "hardware.yaml").exists()
