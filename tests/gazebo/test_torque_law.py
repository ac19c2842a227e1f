"""The torque law as Gazebo's server runs it, and what the driver makes of messages: numbers only."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from humanoid_hal.driver import Command, DriverError
from humanoid_hal.drivers.gazebo.files import law_settings, steps_per_period, write_files
from humanoid_hal.drivers.gazebo.messages import joint_arrays, law_rows, law_torque
from humanoid_hal.drivers.gazebo.options import GazeboOptions
from humanoid_hal.drivers.gazebo.torque_law import Law


def numbers(command):
    return [1.0, *law_rows(command).ravel().tolist()]


@pytest.fixture
def command():
    rng = np.random.default_rng(1)
    return Command(*rng.normal(size=(3, 4)), *rng.uniform(1.0, 20.0, size=(2, 4)))


def test_the_law_is_the_one_of_the_driver_contract(command):
    limits = np.full(4, 1e3)
    law = Law(limits.tolist(), 0.1)
    assert law.take(numbers(command))
    q, dq = np.random.default_rng(2).normal(size=(2, 4))
    expected = command.effort + command.stiffness * (command.position - q)
    expected += command.damping * (command.velocity - dq)
    np.testing.assert_allclose(law.torques(0.0, q.tolist(), dq.tolist()), expected)
    np.testing.assert_allclose(law_torque(law_rows(command), limits, q, dq), expected)


def test_torques_are_cut_at_the_joints_limits(command):
    law = Law([0.5] * 4, 0.1)
    law.take(numbers(command))
    assert set(np.abs(law.torques(0.0, [9.0, -9.0, 9.0, -9.0], [0.0] * 4))) == {0.5}


def test_zeros_before_the_first_command_and_after_the_last_one_is_too_old(command):
    law = Law([10.0] * 4, 0.1)
    assert law.torques(0.0, [0.0] * 4, [0.0] * 4) == [0.0] * 4
    law.take(numbers(command))
    assert any(law.torques(5.0, [0.0] * 4, [0.0] * 4))  # its time begins with its first step
    assert any(law.torques(5.1, [0.0] * 4, [0.0] * 4))
    assert law.torques(5.101, [0.0] * 4, [0.0] * 4) == [0.0] * 4
    assert law.torques(5.0, [0.0] * 4, [0.0] * 4) == [0.0] * 4  # and it stays released


def test_a_new_command_starts_the_watchdog_anew(command):
    law = Law([10.0] * 4, 0.1)
    for step in range(10):
        law.take(numbers(command))
        assert any(law.torques(0.09 * step, [0.0] * 4, [0.0] * 4))


@pytest.mark.parametrize("spoil", [lambda n: n[:-1], lambda n: [*n, 0.0], lambda n: []])
def test_a_command_of_another_length_is_refused(command, spoil):
    law = Law([10.0] * 4, 0.1)
    assert not law.take(spoil(numbers(command)))
    assert law.torques(0.0, [0.0] * 4, [0.0] * 4) == [0.0] * 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [1, 5, 12])
def test_a_number_that_is_not_finite_is_refused_and_the_last_command_stays(command, bad, where):
    law = Law([10.0] * 4, 0.1)
    law.take(numbers(command))
    before = law.torques(0.0, [0.0] * 4, [0.0] * 4)
    spoilt = numbers(command)
    spoilt[where] = bad
    assert not law.take(spoilt)
    assert law.torques(0.0, [0.0] * 4, [0.0] * 4) == before


def model_message(names):
    joints = [
        SimpleNamespace(name=name, axis1=SimpleNamespace(position=float(i), velocity=float(-i)))
        for i, name in enumerate(names)
    ]
    return SimpleNamespace(joint=joints)


def test_joints_are_put_into_the_tables_order_by_name():
    position, velocity = joint_arrays(model_message(["c", "a", "other", "b"]), ["a", "b", "c"])
    np.testing.assert_array_equal(position, [1.0, 3.0, 0.0])
    np.testing.assert_array_equal(velocity, [-1.0, -3.0, 0.0])


def test_a_model_without_one_of_our_joints_is_another_world():
    with pytest.raises(DriverError, match=r"no joint 'b' \(1 of 2 are missing\)"):
        joint_arrays(model_message(["a"]), ["a", "b"])


@pytest.mark.parametrize(
    ("rate", "timestep", "steps"),
    [(500, 0.001, 2), (1000, 0.001, 1), (400, 0.001, 3), (500, 0.002, 1)],
)
def test_physics_steps_divide_the_control_period(rate, timestep, steps):
    assert steps_per_period(GazeboOptions(control_rate=rate, timestep=timestep)) == steps


def test_the_files_of_a_server_belong_together(g1, tmp_path):
    world = write_files(g1, GazeboOptions(control_rate=400.0), tmp_path)
    assert "<max_step_size>0.000833" in world.read_text()
    law = json.loads((tmp_path / "humanoid_torque_law.json").read_text())
    assert law == law_settings(g1, GazeboOptions().watchdog)
    assert [row["name"] for row in law["joints"]] == list(g1.joint_names)
    source = (tmp_path / "humanoid_torque_law.py").read_text()
    assert "import humanoid" not in source
    assert "from humanoid" not in source
    assert (tmp_path / "ros_gz_bridge.yaml").is_file()
