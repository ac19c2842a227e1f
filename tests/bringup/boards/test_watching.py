"""`humanoid monitor`, `bench` and `jog` on emulated boards."""

import json

import pytest

from humanoid_bringup.errors import Exit
from humanoid_hal.drivers.emulated import EmulatedDriver
from humanoid_hal.emulation.boards import BoardFault


def test_the_monitor_shows_each_joint_and_each_bus(rig, ask, capsys):
    rig.start()
    assert ask("monitor", "--once") == Exit.OK
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("left_hip", "right_hip", "legs", "ready", " Hz"))
    assert not rig.motors.powered.any()


def test_the_monitor_counts_what_a_dead_board_misses(lockstep, ask, capsys, monkeypatch):
    begin = EmulatedDriver.open

    def open_then_die(driver):
        begin(driver)
        driver.emulator.inject("legs", BoardFault("off", 2))

    monkeypatch.setattr(EmulatedDriver, "open", open_then_die)
    assert ask("monitor", "--once", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    missed = {row["joint"]: row["missed"] for row in answer["joints"]}
    assert missed == {"left_hip": 0, "right_hip": answer["samples"]}
    assert answer["buses"][0]["good"] >= answer["samples"]


def test_the_monitor_shows_what_every_force_cell_counts(feet, ask, capsys):
    assert ask("monitor", "--once", "--json") == Exit.OK
    rows = json.loads(capsys.readouterr().out)["force_cells"]
    assert [(row["foot"], row["cell"]) for row in rows] == [
        ("l_sole", "heel"), ("l_sole", "toe"), ("r_sole", "heel"), ("r_sole", "toe"),
    ]  # fmt: skip
    # 150 N on each foot, 75 on each cell; half a newton per count.
    assert [row["counts"] for row in rows] == [220.0, 150.0, 220.0, 150.0]
    assert [row["force_n"] for row in rows] == [75.0] * 4
    assert ask("monitor", "--once") == Exit.OK
    shown = capsys.readouterr().out
    assert "counts" in shown
    assert shown.count("75.0") == 4


def test_a_bench_measures_rate_jitter_and_errors(rig, ask, capsys):
    rig.start()
    assert ask("bench", "--seconds", "0.5", "--rate", "100", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["asked_hz"] == 100.0
    assert 0 < answer["rate_hz"] < 110
    assert answer["interval_p50_ms"] <= answer["interval_p99_ms"] <= answer["interval_max_ms"]
    assert answer["buses"][0]["corrupt"] == 0
    assert set(answer["missed"]) == {"left_hip", "right_hip"}


def test_a_bench_with_torque_writes_commands_and_ends_without_torque(rig, ask, capsys):
    rig.start()
    assert ask("bench", "--seconds", "0.3", "--torque") == Exit.OK
    assert "lost answers" in capsys.readouterr().out
    assert rig.until(lambda: not rig.motors.powered.any())


@pytest.mark.parametrize("distance", ["0.1", "-0.1"])
def test_a_jog_goes_there_and_back_and_ends_without_torque(lockstep, ask, capsys, distance):
    assert ask("jog", "right_hip", distance, "--speed", "0.5", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["moved"] == pytest.approx(float(distance), abs=0.02)
    assert answer["back"] == pytest.approx(0.0, abs=0.02)
    assert not lockstep.motors.powered.any()


@pytest.fixture
def slow_wire(rig):
    """The rig with LX-16A servos."""
    rig.protocol, rig.models, rig.baud = "lx16a", ("LX-16A", "LX-16A"), 115_200
    text = rig.file.read_text().replace("damiao, transport: slcan", "lx16a")
    text = text.replace("rate: 200.0", "rate: 100.0\narming: {accept_no_board_watchdog: true}")
    rig.file.write_text(text.replace("DM-J4310", "LX-16A"))
    return rig


def test_a_bench_says_what_a_slow_wire_allows(slow_wire, ask, capsys):
    slow_wire.start()
    assert ask("bench", "--seconds", "0.3", "--torque") == Exit.OK
    assert "its wire allows 141 Hz" in capsys.readouterr().out
    assert slow_wire.until(lambda: not slow_wire.motors.powered.any())


def test_a_rate_beyond_the_wire_is_refused_before_a_port_opens(slow_wire, ask, capsys):
    assert ask("bench", "--rate", "500") == Exit.CONFIGURATION
    assert "2 devices at 115200 baud allow 141 Hz at best" in capsys.readouterr().err


def test_servos_that_follow_positions_only_are_jogged(lockstep, slow_wire, ask, capsys):
    text = slow_wire.file.read_text().replace("rate: 100.0", "rate: 200.0")  # the rig's plant
    slow_wire.file.write_text(text)
    assert ask("jog", "right_hip", "0.1", "--speed", "0.5", "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["moved"] == pytest.approx(0.1, abs=0.02)
    assert not slow_wire.motors.powered.any()


def test_a_joint_that_is_blocked_ends_the_jog_without_torque(lockstep, ask, capsys):
    lockstep.hand = True
    assert ask("jog", "right_hip", "0.4", "--speed", "1.0") == Exit.FAILED
    assert "from where it should be" in capsys.readouterr().err
    assert not lockstep.motors.powered.any()


def test_a_joint_that_hardly_moves_did_not_follow(lockstep, ask, capsys):
    lockstep.hand = True
    assert ask("jog", "right_hip", "0.1", "--speed", "1.0") == Exit.FAILED
    assert "it hardly moved" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("right_hip", "0.6"), "at most"),
        (("right_hip", "0.1", "--speed", "2"), "at most"),
        (("righthip", "0.1"), "did you mean 'right_hip'"),
    ],
)
def test_too_far_too_fast_or_unknown_is_refused_without_torque(lockstep, ask, capsys, words, said):
    assert ask("jog", *words) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_a_jog_does_not_leave_the_limits_of_the_joint(lockstep, ask, capsys):
    lockstep.hand = True
    lockstep.position[:] = 1.4
    assert ask("jog", "left_hip", "0.2") == Exit.USAGE
    assert "leaves its limits" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [("monitor", "--once"), ("bench",), ("jog", "left_hip", "0.1")])
def test_boards_that_are_not_there_are_an_error_of_the_machine(ask, capsys, verb):
    assert ask(*verb) == Exit.ENVIRONMENT
    assert "plugged in" in capsys.readouterr().err
