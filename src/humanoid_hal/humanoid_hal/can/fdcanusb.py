"""The text protocol of mjbots' fdcanusb: CAN FD over a serial port.

Host: ``can send <id> <data> <flags>`` LF, adapter: ``OK`` and ``rcv <id> <data> <flags>``. Upper-case
flags switch on, lower-case ones off: B bit rate switching, F the FD format. A line may end with
`` *XX``, a CRC-8 (polynomial 0x97) of all before the star.

Source: fdcanusb README; moteus 1.1.1, fdcanusb_device.py.
"""

from dataclasses import dataclass

from humanoid_hal.bus.can import EXTENDED, NO_FRAMES, CanBatch

#: Longest line waited for without its end.
_LONGEST = 512
_POLYNOMIAL = 0x97


def _crc_table() -> bytes:
    table = bytearray()
    for value in range(256):
        for _ in range(8):
            value = (value << 1 ^ _POLYNOMIAL if value & 0x80 else value << 1) & 0xFF
        table.append(value)
    return bytes(table)


_CRC = _crc_table()


def crc8(data: bytes) -> int:
    """CRC-8 with polynomial 0x97, beginning with 0, most significant bit first."""
    value = 0
    for byte in data:
        value = _CRC[value ^ byte]
    return value


def encode(frames: CanBatch, word: bytes = b"can send") -> bytes:
    """The text that sends `frames`; adapters say ``rcv`` instead of ``can send``."""
    flags = b"BF" if frames.fd else b"bf"
    return b"".join(
        b"%s %04x %s %s\n" % (word, identifier & ~EXTENDED, data.hex().encode(), flags)
        for identifier, data in frames.frames()
    )


def with_checksums(text: bytes) -> bytes:
    """`text` with a checksum at the end of every line."""
    lines = text.split(b"\n")
    return b"\n".join(b"%s *%02X" % (line, crc8(line + b" ")) if line else b"" for line in lines)


@dataclass(frozen=True, slots=True)
class Received:
    """What a chunk of text held."""

    frames: CanBatch
    bad: int = 0  # lines that are nothing known, or whose checksum is wrong
    refused: int = 0  # "ERR" lines


class Decoder:
    """Cuts a stream into lines and reads them; keeps what is not yet complete."""

    def __init__(self, word: bytes = b"rcv") -> None:
        """`word` begins the lines with frames."""
        self._word, self._rest = word + b" ", b""

    def reset(self) -> None:
        """Forget an unfinished line."""
        self._rest = b""

    def decode(self, chunk: bytes) -> Received:
        """Read the lines that `chunk` completes. Never raises, whatever the bytes are."""
        lines = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop()
        bad = refused = 0
        if len(self._rest) > _LONGEST:
            self._rest, bad = b"", 1
        found = []
        for line in lines:
            if not line or line.startswith(b"OK"):
                continue
            frame = self._frame(line)
            if frame is not None:
                found.append(frame)
            elif line.startswith(b"ERR"):
                refused += 1
            else:
                bad += 1
        return Received(CanBatch.of(found, fd=True) if found else NO_FRAMES, bad, refused)

    def _frame(self, line: bytes) -> tuple[int, bytes] | None:
        text, star, crc = line.rpartition(b"*")
        if star:
            if crc != b"%02X" % crc8(text):
                return None
            line = text.rstrip()
        words = line[len(self._word) :].split(b" ") if line.startswith(self._word) else []
        if len(words) < 2 or not words[0].isalnum() or not words[1].isalnum():
            return None
        try:
            identifier, data = int(words[0], 16), bytes.fromhex(words[1].decode("ascii"))
        except ValueError:
            return None
        if identifier > 0x1FFF_FFFF or len(data) > 64:
            return None
        return identifier | (EXTENDED if identifier > 0x7FF else 0), data
