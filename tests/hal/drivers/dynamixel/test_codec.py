"""Frames, checksums and stuffing; whatever arrives, only correct frames come out."""

import numpy as np
import pytest
from dynamixel_sdk.protocol2_packet_handler import Protocol2PacketHandler
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.drivers.dynamixel import codec
from humanoid_hal.drivers.dynamixel.blocks import FAST, MARK, CommandWriter, StateReader
from humanoid_hal.drivers.dynamixel.codec import Instruction, PositionalCrc, crc16, scanner

#: ROBOTIS e-manual, "DYNAMIXEL Protocol 2.0", the examples of the instructions.
PING_1 = bytes.fromhex("fffffd00010300 01 194e".replace(" ", ""))
READ_1 = bytes.fromhex("fffffd000107000284000400 1d15".replace(" ", ""))
WRITE_1 = bytes.fromhex("fffffd0001090003740000020000 ca89".replace(" ", ""))
REBOOT_1 = bytes.fromhex("fffffd00010300 08 2f4e".replace(" ", ""))
STATUS_1 = bytes.fromhex("fffffd0001080055 00a6000000 8cc0".replace(" ", ""))

packets = st.tuples(st.integers(0, 252), st.sampled_from(list(Instruction)), st.binary(max_size=60))


def test_the_examples_of_the_manual() -> None:
    assert codec.make_ping(1) == PING_1
    assert codec.make_read(1, 132, 4) == READ_1
    assert codec.make_write(1, 116, (512).to_bytes(4, "little")) == WRITE_1
    assert codec.make_reboot(1) == REBOOT_1
    (status,) = codec.statuses(STATUS_1)
    assert (status.id, status.parameters) == (1, bytes([0, 0xA6, 0, 0, 0]))


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_the_vendors_sdk(data: bytes) -> None:
    assert crc16(data) == Protocol2PacketHandler().updateCRC(0, data, len(data))


@given(st.integers(1, 40), st.data())
def test_checksums_of_a_batch_are_those_of_the_single_messages(length: int, data) -> None:
    rows = data.draw(st.lists(st.binary(min_size=length, max_size=length), min_size=1, max_size=8))
    batch = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), length)
    blank = np.pad(batch, ((0, 0), (0, 2)))
    assert PositionalCrc(length + 2)(blank).tolist() == [crc16(row) for row in rows]
    whole = b"".join(row + crc16(row).to_bytes(2, "little") for row in rows)
    complete = np.frombuffer(whole, dtype=np.uint8).reshape(len(rows), length + 2)
    assert PositionalCrc(length + 2)(complete).tolist() == [0] * len(rows)


@given(st.lists(packets, min_size=1, max_size=5), st.integers(1, 7))
def test_packets_come_through_in_any_pieces(sent, size: int) -> None:
    data = b"".join(codec.make_packet(*packet) for packet in sent)
    reader = scanner()
    found = [p for at in range(0, len(data), size) for p in reader.feed(data[at : at + size])]
    assert [(p.id, p.instruction, p.parameters) for p in found] == sent
    assert reader.corrupt == 0


@pytest.mark.parametrize(
    "content", [b"\xff\xff\xfd", b"\xff\xff\xff\xfd\xff\xff\xfd\xfd", b"\xff" * 9]
)
def test_a_header_inside_is_stuffed(content: bytes) -> None:
    frame = codec.make_write(1, 100, content)
    assert frame.count(codec.HEADER[:3]) == 1 + frame[7:].count(b"\xff\xff\xfd\xfd")
    (packet,) = scanner().feed(frame)
    assert packet.parameters[2:] == content


@given(st.binary(max_size=120), packets)
def test_after_any_noise_the_next_good_frames_are_found(noise: bytes, packet) -> None:
    frame = codec.make_packet(*packet)
    reader = scanner()
    found = list(reader.feed(noise))
    # Noise may look like the start of a frame of up to 1 KiB; that much later all is well.
    for _ in range(2 + 1100 // len(frame)):
        found += reader.feed(frame)
    assert (found[-1].id, found[-1].instruction, found[-1].parameters) == packet


def test_every_flipped_bit_of_a_frame_is_noticed() -> None:
    frame = codec.make_packet(3, Instruction.STATUS, bytes(range(13)))
    for bit in range(8 * len(frame)):
        spoiled = bytearray(frame)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert list(scanner().feed(bytes(spoiled) + bytes(2000))) == []


def states(ids: list[int]) -> tuple[bytes, np.ndarray]:
    values = np.zeros(len(ids), dtype=FAST)
    values["current"], values["velocity"] = -3, 1000
    values["position"], values["mark"] = np.arange(len(ids)) * 100_000 - 5, MARK
    return b"".join(
        codec.make_packet(id, Instruction.STATUS, b"\0" + value.tobytes())
        for id, value in zip(ids, values, strict=True)
    ), values


def test_all_answers_of_a_bus_are_decoded_at_once() -> None:
    ids = [1, 2, 9]
    data, values = states(ids)
    rows = StateReader(ids, torque=False).read(data)
    np.testing.assert_array_equal(rows.copy().view(FAST)[:, 0], values)


def test_no_flipped_bit_passes_the_batch() -> None:
    data, _ = states([1, 2])
    for bit in range(8 * len(data)):
        spoiled = bytearray(data)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert StateReader([1, 2], torque=False).read(bytes(spoiled)) is None


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=3, max_size=3))
def test_a_sync_write_of_a_batch_is_the_one_made_singly(values: list[int]) -> None:
    ids = [1, 7, 252]
    writer = CommandWriter(ids, 116, np.dtype([("position", "<i4")]))
    writer.records["position"] = values
    singly = {
        id: value.to_bytes(4, "little", signed=True) for id, value in zip(ids, values, strict=True)
    }
    assert writer.encode() == codec.make_sync_write(116, 4, singly)


def test_a_sync_write_with_a_header_inside_is_stuffed() -> None:
    writer = CommandWriter([1, 2], 116, np.dtype([("position", "<i4")]))
    writer.records["position"] = [0x00FDFFFF, 5]
    (packet,) = scanner().feed(writer.encode())
    assert packet.parameters[5:9] == b"\xff\xff\xfd\x00"
