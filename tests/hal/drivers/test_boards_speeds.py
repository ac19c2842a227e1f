"""Speeds of boards that measure none."""

import numpy as np

from humanoid_hal.bus.protocol import Readings
from humanoid_hal.drivers.boards.bus import Speeds

MS = 1_000_000


def readings(position, fresh=(True, True), velocity=(np.nan, np.nan)) -> Readings:
    nothing = np.full(2, np.nan)
    return Readings(
        np.array(position, dtype=float), np.array(velocity, dtype=float), np.zeros(2),
        np.array(fresh), nothing, nothing,
    )  # fmt: skip


def filled(speeds: Speeds, stamp: int, *args, **kwargs) -> list[float]:
    found = readings(*args, **kwargs)
    speeds.fill(found, stamp)
    return found.velocity.tolist()


def test_a_speed_is_the_change_over_the_time_since_the_last_answer():
    speeds = Speeds(2)
    assert filled(speeds, 100 * MS, (1.0, 2.0)) == [0.0, 0.0]
    assert np.allclose(filled(speeds, 120 * MS, (1.1, 2.0)), [5.0, 0.0])
    # Who is silent keeps its speed, and the time goes on for it.
    assert np.allclose(filled(speeds, 140 * MS, (1.1, 2.1), (False, True)), [5.0, 5.0])
    assert np.allclose(filled(speeds, 160 * MS, (1.3, 2.1)), [5.0, 0.0])


def test_a_paused_world_has_the_same_speed_again():
    speeds = Speeds(2)
    filled(speeds, 100 * MS, (0.0, 0.0))
    first = filled(speeds, 110 * MS, (0.1, 0.2))
    assert filled(speeds, 110 * MS, (0.1, 0.2)) == first


def test_what_is_measured_stays():
    speeds = Speeds(2)
    filled(speeds, 100 * MS, (0.0, 0.0))
    mixed = filled(speeds, 110 * MS, (0.1, 0.1), velocity=(3.0, np.nan))
    assert np.allclose(mixed, [3.0, 10.0])
