"""The text console of moteus boards, tunnelled through CAN: for configuration, never in the cycle.

Source: moteus reference, "Tunneled stream" and the command ``conf``.
"""

from collections.abc import Callable, Sequence

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation
from humanoid_hal.drivers.moteus import codec

#: [s] a board gets to answer one poll, and polls for one line.
_PATIENCE = 0.02
_POLLS = 25


def ask_line(device: Device, command: str) -> Conversation[CanBatch, str]:
    """Send one command; the line that answers it. Raises BoardError on silence."""
    ids = [device.id]
    yield Ask(codec.make_console(ids, command.encode() + b"\n"), 0.0, lambda batch: True)
    text = b""
    for _ in range(_POLLS):
        answer = yield Ask(codec.make_console_poll(ids), _PATIENCE, _is_text(device.id))
        text += text_in(answer, device.id)
        line, end, _ = text.partition(b"\r\n")
        if end:
            return line.decode("ascii", "replace").strip()
    raise BoardError(
        f"{device}: its console does not answer '{command}'; check power, wiring and id"
    )


def get_config(device: Device, name: str) -> Conversation[CanBatch, float]:
    """A configuration value. Raises BoardError where the board does not have it."""
    line = yield from ask_line(device, f"conf get {name}")
    try:
        return float(line)
    except ValueError:
        raise BoardError(
            f"{device}: 'conf get {name}' gives '{line}'; update its firmware"
        ) from None


def set_config(device: Device, name: str, value: float) -> Conversation[CanBatch, None]:
    """Set a configuration value in RAM and read it back. Raises BoardError if it does not hold."""
    line = yield from ask_line(device, f"conf set {name} {value:.9g}")
    if line != "OK":
        raise BoardError(f"{device}: 'conf set {name} {value:.9g}' gives '{line}'")
    found = yield from get_config(device, name)
    if abs(found - value) > 1e-5 * max(abs(value), 1e-3):
        raise BoardError(f"{device}: {name} reads {found:g} after writing {value:g}")


def text_in(batch: CanBatch, board: int) -> bytes:
    """Console text of one board in what arrived."""
    text = b""
    for sender, (_, payload) in zip(codec.senders(batch), batch.frames(), strict=True):
        if sender == board:
            text += b"".join(part.text for part in subframes_in(payload))
    return text


def subframes_in(payload: bytes) -> Sequence[codec.Subframe]:
    """The subframes of a payload; none of one that is broken."""
    try:
        return codec.parse_subframes(payload)
    except ValueError:
        return ()


def _is_text(board: int) -> Callable[[CanBatch], bool]:
    return lambda batch: bool((codec.senders(batch) == board).any())
