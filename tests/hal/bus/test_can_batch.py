"""Batches of CAN frames."""

import pytest

from humanoid_hal.bus.can import EXTENDED, NO_FRAMES, CanBatch, joined


def test_frames_survive_the_batch() -> None:
    frames = [(0x7FF, b""), (0x1234 | EXTENDED, b"\x01\x00"), (1, bytes(range(8)))]
    assert CanBatch.of(frames).frames() == frames


def test_batches_join_in_order_and_widen_for_fd() -> None:
    batch = joined([CanBatch.of([(1, b"a")]), NO_FRAMES, CanBatch.of([(2, bytes(20))], fd=True)])
    assert batch.frames() == [(1, b"a"), (2, bytes(20))]
    assert batch.fd
    assert not joined([])


def test_more_data_than_a_frame_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 8 bytes, not 9"):
        CanBatch.of([(1, bytes(9))])
