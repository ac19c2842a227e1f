"""Recordings: written, read, replayed, compared, recovered. See docs/replay.md."""
