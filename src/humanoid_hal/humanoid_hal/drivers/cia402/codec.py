"""CANopen frames: NMT, SYNC, heartbeat, expedited SDO, and the process data of the cycle.

Process data, mapped at start-up:

- to the drive, 0x200 + node: controlword, target position, target torque
- from the drive on SYNC, 0x180 + node: statusword, position, torque; 0x280 + node: velocity, error code

Source: CiA 301 version 4.2.
"""

import struct
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.drivers.cia402 import objects
from humanoid_hal.drivers.cia402.objects import Object

SYNC, EMERGENCY, TPDO1, RPDO1, TPDO2 = 0x080, 0x080, 0x180, 0x200, 0x280
SDO_FROM, SDO_TO, HEARTBEAT = 0x580, 0x600, 0x700
START, STOP, PRE_OPERATIONAL, RESET = 0x01, 0x02, 0x80, 0x81
#: Heartbeat of a node that runs.
OPERATIONAL = 0x05
#: Set in a PDO's identifier object: the PDO does not exist.
_INVALID = 0x8000_0000
#: Mapped objects of each PDO.
RECEIVED = (objects.CONTROLWORD, objects.TARGET_POSITION, objects.TARGET_TORQUE)
SENT = (
    (objects.STATUSWORD, objects.POSITION, objects.TORQUE),
    (objects.VELOCITY, objects.ERROR_CODE),
)
#: Reasons of SDO aborts (CiA 301, table of abort codes).
ABORTS = {
    0x0601_0002: "read only",
    0x0602_0000: "no such object",
    0x0604_0041: "cannot be mapped",
    0x0609_0011: "no such sub-index",
    0x0609_0030: "value out of range",
    0x0800_0022: "not in this state",
}

_TPDO1 = np.dtype([("status", "<u2"), ("position", "<i4"), ("torque", "<i2")])
_TPDO2 = np.dtype([("velocity", "<i4"), ("error", "<u2")])
_RPDO1 = np.dtype([("control", "<u2"), ("position", "<i4"), ("torque", "<i2")])


def make_nmt(nodes: Sequence[int], order: int) -> CanBatch:
    """START, STOP, PRE_OPERATIONAL or RESET for each of `nodes`."""
    return CanBatch.of([(0, bytes((order, node))) for node in nodes])


def make_sync(host: int) -> CanBatch:
    """The host's heartbeat, then SYNC: drives sample, and act on what they were told."""
    return CanBatch.of([(HEARTBEAT + host, bytes([OPERATIONAL])), (SYNC, b"")])


def make_targets(
    nodes: ArrayLike,
    control: ArrayLike,
    position: NDArray[np.int64],
    torque: NDArray[np.int64],
) -> CanBatch:
    """Controlword, target position [increments] and torque [0.1 %] of each drive."""
    boards = np.asarray(nodes, np.uint32)
    rows = np.zeros(len(boards), _RPDO1)
    rows["control"] = control
    rows["position"] = np.clip(position, -(2**31), 2**31 - 1)
    rows["torque"] = np.clip(torque, -32768, 32767)
    data = rows.view(np.uint8).reshape(len(boards), 8)
    return CanBatch(boards + np.uint32(RPDO1), np.full(len(boards), 8, np.uint8), data)


def parse_first(data: NDArray[np.uint8]) -> NDArray[np.void]:
    """Fields status, position, torque of 0x180 frames (n, 8)."""
    return np.ascontiguousarray(data).view(_TPDO1)[:, 0]


def parse_second(data: NDArray[np.uint8]) -> NDArray[np.void]:
    """Fields velocity, error of 0x280 frames (n, 8)."""
    return np.ascontiguousarray(data[:, :6]).view(_TPDO2)[:, 0]


def make_read(nodes: Sequence[int], item: Object) -> CanBatch:
    """Expedited upload."""
    payload = struct.pack("<BHBI", 0x40, item.index, item.sub, 0)
    return CanBatch.of([(SDO_TO + node, payload) for node in nodes])


def make_write(nodes: Sequence[int], item: Object, value: int) -> CanBatch:
    """Expedited download."""
    return CanBatch.of([(SDO_TO + node, write_payload(item, value)) for node in nodes])


def write_payload(item: Object, value: int) -> bytes:
    """The eight bytes of an expedited download."""
    head = 0x23 | (4 - item.size) << 2
    number = (value & (1 << 8 * item.size) - 1).to_bytes(4, "little")
    return struct.pack("<BHB", head, item.index, item.sub) + number


def value_of(item: Object, number: bytes) -> int:
    """The value of an object in the last four bytes of an SDO frame."""
    return int.from_bytes(number[: item.size], "little", signed=item.signed)


def hear_sdo(item: Object, *, write: bool) -> Callable[[int, bytes], tuple[int, int | str] | None]:
    """A reader of answers to one access: node and value; a text says why it was aborted."""

    def read(identifier: int, payload: bytes) -> tuple[int, int | str] | None:
        if not SDO_FROM < identifier < SDO_FROM + 128 or len(payload) != 8:
            return None
        head, index, sub = struct.unpack_from("<BHB", payload)
        if (index, sub) != (item.index, item.sub):
            return None
        node = identifier - SDO_FROM
        if head == 0x80:
            (code,) = struct.unpack_from("<I", payload, 4)
            return node, ABORTS.get(code, f"abort {code:#010x}")
        if head == 0x60 and write:
            return node, 0
        if head & 0xF3 == 0x43 and not write:
            return node, value_of(item, payload[4:])
        return None

    return read


def mapping_steps(node: int) -> list[tuple[Object, int]]:
    """What is written, in order, so that `node` has the process data of this module."""
    steps: list[tuple[Object, int]] = []
    for communication, mapping, identifier, items in (
        (0x1400, 0x1600, RPDO1 + node, RECEIVED),
        (0x1800, 0x1A00, TPDO1 + node, SENT[0]),
        (0x1801, 0x1A01, TPDO2 + node, SENT[1]),
    ):
        steps.append((Object(communication, 1), _INVALID | identifier))
        steps.append((Object(communication, 2, 1), 1))  # with every SYNC
        steps.append((Object(mapping, 0, 1), 0))
        for number, item in enumerate(items, 1):
            steps.append(
                (Object(mapping, number), item.index << 16 | item.sub << 8 | 8 * item.size)
            )
        steps.append((Object(mapping, 0, 1), len(items)))
        steps.append((Object(communication, 1), identifier))
    return steps
