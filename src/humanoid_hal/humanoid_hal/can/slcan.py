"""The text protocol of serial CAN adapters (slcan, LAWICEL), encoded and decoded in batches.

One frame is one line: ``t`` + 3 hex digits of the identifier (``T`` + 8 when extended; ``r``, ``R``
remote) + 1 digit DLC + the data + CR. CAN FD after the CANable 2.0 firmware and python-can:
``b``/``B`` with bit-rate switching, ``d``/``D`` without. The adapter answers CR to what it took
(``z``/``Z`` CR to a frame, where it answers frames at all) and BEL to what it refused.

Source: LAWICEL CANUSB manual v1.0D; CANable 2.0 firmware README; python-can 4.6 slcan.py.
The text has no checksum of its own: a flipped digit is another valid digit. USB's CRC protects it on
the way; on a bare UART nothing does, and the ranges checked by the codecs above are all there is.
"""

from binascii import unhexlify
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from humanoid_hal.bus.can import NO_FRAMES, CanBatch, joined
from humanoid_hal.can.frames import EXTENDED, FD_LENGTHS, REMOTE, select

CR, BEL = 13, 7
#: Bit rate [bit/s] to the command that selects it, in a closed channel.
BIT_RATES = {
    10_000: b"S0\r", 20_000: b"S1\r", 50_000: b"S2\r", 100_000: b"S3\r", 125_000: b"S4\r",
    250_000: b"S5\r", 500_000: b"S6\r", 800_000: b"S7\r", 1_000_000: b"S8\r",
}  # fmt: skip
#: Selects 5 Mbit/s for the data of CAN FD (CANable 2.0).
FAST_DATA = b"Y5\r"
OPEN, CLOSE, VERSION = b"O\r", b"C\r", b"V\r"
#: Longest text waited for without a line end: one extended FD frame with a time stamp.
_LONGEST = 1 + 8 + 1 + 128 + 4

#: Length of the line of a standard frame of 8 bytes.
_USUAL = 22
#: Its digits as bytes: three of the identifier and the 8, then the data.
_USUAL_LINE = np.dtype([("head", ">u2"), ("data", "u1", 8)])
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_PAIRS = np.stack((_HEX.repeat(16), np.tile(_HEX, 16)), 1)  # (256, 2): digits of each byte
_DIGIT = np.full(256, 255, np.uint8)
for _text in (b"0123456789ABCDEF", b"0123456789abcdef"):
    _DIGIT[np.frombuffer(_text, np.uint8)] = np.arange(16)
_LENGTH_TO_DLC = np.zeros(65, np.uint8)
_LENGTH_TO_DLC[FD_LENGTHS] = np.arange(16)


def encode(frames: CanBatch) -> bytes:
    """The text that sends `frames`."""
    n = len(frames)
    if n == 0:
        return b""
    if not frames.fd and frames.lengths.tobytes() == bytes([8]) * n:
        heads = _usual_heads(frames.ids.tobytes())
        if heads:
            return _encode_usual(heads, frames.data)
    width = frames.data.shape[1]
    text = np.full((n, 10 + 2 * width + 1), CR, np.uint8)
    extended = frames.ids & EXTENDED != 0
    remote = frames.ids & REMOTE != 0
    letter = np.where(remote, ord("r"), ord("b" if frames.fd else "t"))
    text[:, 0] = letter - 32 * extended
    for digit in range(8):  # right-aligned in columns 1 to 8
        text[:, 8 - digit] = _HEX[(frames.ids >> (4 * digit)) & 15]
    text[:, 1] = _HEX[(frames.ids >> 28) & 1]  # without the flags
    text[:, 9] = _HEX[_LENGTH_TO_DLC[frames.lengths]]
    text[:, 10:-1] = _PAIRS[frames.data].reshape(n, 2 * width)
    keep = np.ones(text.shape, np.bool_)
    keep[:, 1:6] = extended[:, None]  # a standard identifier has its last three digits only
    length = np.where(remote, 0, frames.lengths)
    keep[:, 10:-1] = np.arange(2 * width) < 2 * length[:, None]
    return text[keep].tobytes()


@lru_cache(maxsize=64)
def _usual_heads(ids: bytes) -> tuple[str, ...]:
    """Beginnings of the lines of standard frames of 8 bytes; empty: some are no standard frames."""
    numbers = np.frombuffer(ids, np.uint32).tolist()
    return tuple(f"t{i:03X}8" for i in numbers) if max(numbers) < 0x800 else ()


def _encode_usual(heads: tuple[str, ...], data: NDArray[np.uint8]) -> bytes:
    """Standard frames of 8 bytes: what most cycles are made of."""
    digits = data.tobytes().hex().upper()
    pieces = [f"{head}{digits[16 * i : 16 * i + 16]}\r" for i, head in enumerate(heads)]
    return "".join(pieces).encode()


def decode_usual(text: bytes) -> CanBatch | None:
    """Lines of standard frames of 8 bytes and nothing else; None: it is something else."""
    n = len(text) // _USUAL
    if len(text) % _USUAL or text[::_USUAL] != b"t" * n or text[_USUAL - 1 :: _USUAL] != b"\r" * n:
        return None
    try:
        # Another t or CR inside of a line would leave too few digits.
        lines = np.frombuffer(unhexlify(text.translate(None, b"t\r")), _USUAL_LINE)
    except ValueError:  # a digit that is none, or an odd number of digits
        return None
    heads = lines["head"]
    if len(lines) != n or text[4::_USUAL] != b"8" * n or int(heads.max()) >> 4 >= 0x800:
        return None
    ids = (heads >> 4).astype(np.uint32)
    return CanBatch(ids, np.full(n, 8, np.uint8), lines["data"])


@dataclass(frozen=True, slots=True)
class Received:
    """What a chunk of text held."""

    frames: CanBatch
    bad: int = 0  # lines that are no frame and no answer
    refused: int = 0  # BELs: the adapter did not take a command or a frame
    replies: tuple[bytes, ...] = ()  # answers to commands, without CR: version, status


class Decoder:
    """Cuts a stream into lines and reads them; keeps what is not yet complete."""

    def __init__(self) -> None:
        self._rest = b""

    def reset(self) -> None:
        """Forget an unfinished line."""
        self._rest = b""

    def decode(self, chunk: bytes) -> Received:
        """Read the lines that `chunk` completes. Never raises, whatever the bytes are."""
        whole = self._rest + chunk
        usual = decode_usual(whole) if whole else None
        if usual is not None:
            self._rest = b""
            return Received(usual)
        text = np.frombuffer(whole, np.uint8)
        ends = np.flatnonzero((text == CR) | (text == BEL))
        last = int(ends[-1]) + 1 if ends.size else 0
        self._rest = text[last:].tobytes()
        overlong = len(self._rest) > _LONGEST
        if overlong:
            self._rest = b""
        if not ends.size:
            return Received(NO_FRAMES, int(overlong))
        starts = np.concatenate(([0], ends[:-1] + 1))
        refused = text[ends] == BEL
        some = ends > starts  # an empty line is the adapter's OK
        frames, taken = _frames(text, starts, ends, some & ~refused)
        bad, replies = int(overlong), []
        for i in np.flatnonzero(some & ~taken):  # rare: answers and noise
            line = text[starts[i] : ends[i]].tobytes()
            if line[:1] in (b"V", b"v", b"F", b"N") and not refused[i]:
                replies.append(line)
            elif line not in (b"z", b"Z"):
                bad += 1
        return Received(frames, bad, int(refused.sum()), tuple(replies))


def _frames(
    text: NDArray[np.uint8],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
    candidates: NDArray[np.bool_],
) -> tuple[CanBatch, NDArray[np.bool_]]:
    """The frames among the lines, and which lines they were."""
    letters = text[starts]
    lower = letters | 32
    fd = (lower == ord("d")) | (lower == ord("b"))
    remote = lower == ord("r")
    candidates = candidates & (fd | remote | (lower == ord("t")))
    taken = np.zeros(len(starts), np.bool_)
    parts = []
    for family in (False, True):
        for digits, case in ((3, 32), (8, 0)):
            rows = np.flatnonzero(candidates & (fd == family) & (letters & 32 == case))
            if rows.size:
                part, good = _lines(text, starts[rows], ends[rows], digits, family, remote[rows])
                taken[rows[good]] = True
                parts.append((rows[good], part))
    if len(parts) <= 1:
        return (parts[0][1] if parts else NO_FRAMES), taken
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    return select(joined([part for _, part in parts]), order), taken


def _lines(
    text: NDArray[np.uint8],
    starts: NDArray[np.intp],
    ends: NDArray[np.intp],
    digits: int,
    fd: bool,
    remote: NDArray[np.bool_],
) -> tuple[CanBatch, NDArray[np.bool_]]:
    """The frames of lines with identifiers of `digits` digits, and which lines were sound."""
    width = 64 if fd else 8
    columns = digits + 1 + 2 * width
    lengths_of_lines = ends - starts - 1
    index = starts[:, None] + 1 + np.arange(columns)
    values = _DIGIT[text[np.minimum(index, len(text) - 1)]]
    dlc = np.minimum(values[:, digits], 15)
    length = FD_LENGTHS[dlc] if fd else dlc
    needed = digits + 1 + 2 * np.where(remote, 0, length).astype(np.intp)
    stamped = lengths_of_lines == needed + 4  # the adapter's time stamp, not used
    used = np.arange(columns) < needed[:, None]
    good = (length <= width) & ((lengths_of_lines == needed) | stamped)
    good &= ~(used & (values > 15)).any(1)
    values = np.where(used, values, 0)[good]
    weights = 16 ** np.arange(digits - 1, -1, -1, dtype=np.int64)
    ids = values[:, :digits].astype(np.int64) @ weights
    sound = ids <= (0x7FF if digits == 3 else 0x1FFF_FFFF)
    good[np.flatnonzero(good)[~sound]] = False
    values, ids = values[sound], ids[sound]
    flags = np.where(remote[good], REMOTE, 0) | (0 if digits == 3 else EXTENDED)
    nibbles = values[:, digits + 1 :]
    data = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
    return CanBatch((ids | flags).astype(np.uint32), length[good].astype(np.uint8), data, fd), good
