"""Checks an MCAP file against its own checksums before anything in it is believed.

The readers of the libraries check each chunk. What is left is what points to the chunks (the
summary) and what stands between them (the data section), each with a CRC-32 of its own. Layout and
opcodes: https://mcap.dev/spec
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from mcap.data_stream import ReadDataStream
from mcap.records import Metadata

MAGIC = b"\x89MCAP0\r\n"
FOOTER_SIZE = 9 + 20
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
STATISTICS, NOTE, DATA_END = 0x0B, 0x0C, 0x0F

_RECORD = struct.Struct("<BQ")


class McapError(Exception):
    """The file is damaged; the text says where."""


class Record(NamedTuple):
    """Where a record's content stands in the file."""

    opcode: int
    offset: int  # of the opcode
    start: int
    end: int


class McapFacts(NamedTuple):
    """What was found out about a whole file."""

    indexed: bool  # it has a summary with an index
    data_checked: bool  # the data section has a checksum, and it holds
    chunks: int


def verify(path: Path) -> McapFacts:
    """Check structure and checksums of all but the chunks' content. Raises McapError, OSError."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _verify(data)


def _verify(data: mmap.mmap) -> McapFacts:
    size = len(data)
    if data[:8] != MAGIC:
        raise McapError("not an MCAP file: it does not begin with MCAP's magic bytes")
    if size < 8 + FOOTER_SIZE + 8 or data[-8:] != MAGIC:
        raise McapError("truncated: the end is missing, so the recorder did not end in order")
    footer = size - 8 - FOOTER_SIZE
    if _RECORD.unpack_from(data, footer) != (FOOTER, 20):
        raise McapError("the footer is damaged")
    summary, _, checksum = struct.unpack_from("<QQI", data, footer + 9)
    if summary:
        if not 8 < summary <= footer:
            raise McapError("the footer is damaged: its offsets are outside of the file")
        if checksum and zlib.crc32(data[summary : size - 12]) != checksum:
            raise McapError("the summary does not match its checksum")
    chunks, checked, ended = 0, False, False
    for record in records(data, 8, summary or footer):
        chunks += record.opcode == CHUNK
        if record.opcode == DATA_END:
            (checksum,) = struct.unpack_from("<I", data, record.start)
            checked = checksum != 0
            if checked and zlib.crc32(data[: record.offset]) != checksum:
                raise McapError("the data section does not match its checksum")
            ended = True
    if not ended:
        raise McapError("the end of the data section is missing")
    if summary:
        _check_chunk_count(data, summary, footer, chunks)
    return McapFacts(bool(summary), checked, chunks)


def notes(path: Path) -> dict[str, dict[str, str]]:
    """The metadata records of a whole file: name -> values. Raises McapError, OSError."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = {}
        for record in records(data, 8, len(data) - 8):
            if record.opcode == NOTE:
                note = Metadata.read(ReadDataStream(BytesIO(data[record.start : record.end])))
                found[note.name] = note.metadata
        return found


def _check_chunk_count(data: mmap.mmap, summary: int, footer: int, chunks: int) -> None:
    for record in records(data, summary, footer):
        if record.opcode == STATISTICS:
            (said,) = struct.unpack_from("<I", data, record.start + 22)
            if said != chunks:
                raise McapError(f"{chunks} of {said} chunks are there")


def records(data: mmap.mmap | bytes, start: int, end: int) -> Iterator[Record]:
    """The records from `start` to `end`. Raises McapError where the structure breaks."""
    while start < end:
        if start + 9 > end:
            raise McapError(f"truncated at byte {start}")
        opcode, length = _RECORD.unpack_from(data, start)
        content = start + 9
        if opcode == 0 or content + length > end:
            raise McapError(f"the structure breaks at byte {start}")
        yield Record(opcode, start, content, content + length)
        start = content + length
