"""CANopen frames, byte for byte as CiA 301 has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.device import Device
from humanoid_hal.drivers.cia402 import codec, objects
from humanoid_hal.drivers.cia402.objects import Object, State
from humanoid_hal.drivers.cia402.protocol import CiA402Protocol

POSITIONS = np.array([-2, 65536]), np.array([100, -1])


# canopen 2.4.1 sends the same (SdoClient.upload and download, NmtMaster.send_command, SyncProducer).
@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (codec.make_nmt([5], codec.START), [(0x000, "0105")]),
        (codec.make_sync(127), [(0x77F, "05"), (0x080, "")]),
        (codec.make_read([5], objects.STATUSWORD), [(0x605, "4041600000000000")]),
        (codec.make_write([5], objects.CONTROLWORD, 6), [(0x605, "2b40600006000000")]),
        (codec.make_write([5], objects.MODE, 8), [(0x605, "2f60600008000000")]),
        (codec.make_write([5], objects.TARGET_POSITION, -2), [(0x605, "237a6000feffffff")]),
        (
            codec.make_targets([1, 2], 15, *POSITIONS),
            [(0x201, "0f00feffffff6400"), (0x202, "0f0000000100ffff")],
        ),
    ],
)
def test_frames(frames: CanBatch, expected: list[tuple[int, str]]) -> None:
    assert frames.frames() == [(i, bytes.fromhex(text)) for i, text in expected]


def test_answers_are_read() -> None:
    hear = codec.hear_sdo(objects.POSITION, write=False)
    assert hear(0x585, bytes.fromhex("43646000feffffff")) == (5, -2)
    assert hear(0x585, bytes.fromhex("8064600000000206")) == (5, "no such object")
    assert hear(0x585, bytes.fromhex("43656000feffffff")) is None
    assert codec.hear_sdo(objects.MODE, write=True)(0x581, bytes.fromhex("6060600000000000")) == (
        1,
        0,
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (0x0240, State.SWITCH_ON_DISABLED),
        (0x0221, State.READY_TO_SWITCH_ON),
        (0x0233, State.SWITCHED_ON),
        (0x1237, State.OPERATION_ENABLED),
        (0x0217, State.QUICK_STOP),
        (0x0218, State.FAULT),
        (0x021F, State.FAULT_REACTION),
        (0x0000, State.NOT_READY),
        (0x0003, None),
    ],
)
def test_statuswords_are_states(word: int, state: State | None) -> None:
    assert objects.state_of(word) is state


@given(st.integers(0, 0xFFFF))
def test_every_statusword_is_at_most_one_state(word: int) -> None:
    fitting = [s for s in State if word & s.value[0] == s.value[1]]
    assert len(fitting) <= 1


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (0x8130, "board_rebooted"),
        (0x3220, "under_voltage"),
        (0x3210, "overload"),
        (0x2310, "overload"),
        (0x4310, "over_temperature"),
        (0x7121, "overload"),
        (0xFF01, "unknown_fault"),
    ],
)
def test_error_codes_are_faults_of_the_table(code: int, fault: str) -> None:
    assert objects.fault_of(code)[0] == fault


@given(st.sampled_from([1, 2, 4]), st.booleans(), st.data())
def test_values_come_back(size: int, signed: bool, data: st.DataObject) -> None:
    low = -(1 << 8 * size - 1) if signed else 0
    high = (1 << 8 * size - signed) - 1
    value = data.draw(st.integers(low, high))
    item = Object(0x6064, 3, size, signed)
    assert codec.value_of(item, codec.write_payload(item, value)[4:]) == value


@given(st.integers(0, 0xFFFF_FFFF), st.binary(max_size=8))
def test_any_frame_is_taken_without_harm(identifier: int, payload: bytes) -> None:
    protocol = CiA402Protocol([Device("hip", 5, "")])
    protocol.request()
    protocol.receive(CanBatch.of([(identifier, payload)]))
    protocol.readings()
    assert protocol.counters.total == 1
    codec.hear_sdo(objects.POSITION, write=False)(identifier, payload)


def test_a_flipped_bit_of_the_identifier_is_no_answer_of_this_drive() -> None:
    golden = CanBatch.of([(0x185, bytes(8)), (0x285, bytes(6))])
    for bit in range(11):
        protocol = CiA402Protocol([Device("hip", 5, "")])
        protocol.request()
        flipped = golden.ids ^ np.uint32(1 << bit)
        protocol.receive(CanBatch(flipped, golden.lengths, golden.data))
        assert not protocol.complete
