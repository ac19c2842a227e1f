"""The `ip link` commands that bring CAN interfaces up."""

from collections.abc import Sequence
from dataclasses import dataclass

#: [bit/s] that classic CAN controllers run at, and CAN FD's data phase.
BITRATE = (10_000, 1_000_000)
DATA_BITRATE = (1_000_000, 8_000_000)


@dataclass(frozen=True)
class CanLink:
    """How one interface is to run."""

    channel: str
    bitrate: int = 1_000_000  # [bit/s]
    data_bitrate: int = 0  # [bit/s] of CAN FD; 0: classic CAN
    # Frames that wait in the kernel. Its default of 10 overflows (ENOBUFS) with one burst to a limb.
    queue: int = 1000

    def __post_init__(self) -> None:
        for value, (low, high), what in (
            (self.bitrate, BITRATE, "bit rate"),
            (self.data_bitrate or DATA_BITRATE[0], DATA_BITRATE, "data bit rate"),
            (self.queue, (10, 10_000), "queue length"),
        ):
            if not low <= value <= high:
                raise ValueError(f"{what} must be {low} to {high} (got {value})")
        if not self.channel or any(not (c.isalnum() or c in "_.-") for c in self.channel):
            raise ValueError(f"'{self.channel}' is no name of an interface")


def commands(link: CanLink) -> Sequence[tuple[str, ...]]:
    """Down first: that flushes frames of an older run, which must not move anything now.

    There is no automatic restart after bus-off (restart-ms) for the same reason: the queue would be
    sent when the bus comes back.
    """
    ip = ("ip", "link", "set", link.channel)
    data = ("dbitrate", str(link.data_bitrate), "fd", "on") if link.data_bitrate else ()
    return (
        (*ip, "down"),
        (*ip, "type", "can", "bitrate", str(link.bitrate), *data),
        (*ip, "txqueuelen", str(link.queue)),
        (*ip, "up"),
    )
