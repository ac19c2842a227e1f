"""What encoding and decoding cost: no port, no emulator, 28 joints per cycle.

Medians of many repetitions; `codec` is the frame of the command and the records of the answers,
`protocol` all that a driver calls per cycle, torque law and units included.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from humanoid_bringup.arguments import positive
from humanoid_hal.bus.device import Device
from humanoid_hal.driver import Command
from humanoid_hal.drivers.dynamixel.blocks import FAST, MARK, CommandWriter, StateReader
from humanoid_hal.drivers.dynamixel.codec import Instruction, make_packet
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.protocol import DynamixelProtocol
from humanoid_hal.drivers.feetech import codec as feetech
from humanoid_hal.drivers.feetech.protocol import FeetechSts

NAME = "codec"
SUMMARY = "encode and decode one cycle of 28 joints"
BARS = {"dynamixel_us": "≤ 30 µs"}
JOINTS = 28


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--repeat", type=positive, default=3000.0, help="(default: 3000)")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Medians [us]."""
    repeat = int(arguments.repeat)
    figures: dict[str, object] = {
        "dynamixel_us": median(dynamixel_codec(), repeat),
        "dynamixel_protocol_us": median(dynamixel_protocol(), repeat),
        "dynamixel_four_buses_us": 4 * median(dynamixel_protocol(JOINTS // 4), repeat),
        "feetech_protocol_us": median(feetech_protocol(), repeat),
    }
    return {**figures, "ok": float(figures["dynamixel_us"]) <= 30.0}  # type: ignore[arg-type]


def median(cycle: Callable[[], object], repeat: int) -> float:
    """Median time [us] of `cycle`."""
    times = np.empty(repeat)
    for index in range(repeat):
        start = time.perf_counter_ns()
        cycle()
        times[index] = time.perf_counter_ns() - start
    return float(np.median(times)) * 1e-3


def answers(count: int) -> bytes:
    """Status packets of `count` servos that move about."""
    state = np.zeros(count, dtype=FAST)
    state["position"], state["velocity"] = 2048 + 10 * np.arange(count), -3
    state["current"], state["torque"], state["mark"] = 7, 1, MARK
    return b"".join(
        make_packet(id, Instruction.STATUS, b"\0" + record.tobytes())
        for id, record in enumerate(state, 1)
    )


def dynamixel_codec() -> Callable[[], object]:
    """Bytes to records and records to bytes."""
    ids = range(1, JOINTS + 1)
    data, reader = answers(JOINTS), StateReader(ids, torque=True)
    writer = CommandWriter(ids, 102, np.dtype([("current", "<i2")]))
    currents = np.arange(JOINTS) - 9.0

    def cycle() -> bytes:
        assert reader.read(data) is not None
        writer.records["current"] = currents
        return writer.encode()

    return cycle


def dynamixel_protocol(count: int = JOINTS) -> Callable[[], object]:
    """All that the driver calls for one bus."""
    devices = [Device("", id, "XM540-W270") for id in range(1, count + 1)]
    protocol: Any = DynamixelProtocol(devices, DynamixelOptions(slow_every=0))
    protocol._state.expect(torque=True)
    data = answers(count)
    return _cycle(protocol, lambda request: data, count)


def feetech_protocol() -> Callable[[], object]:
    """The same with STS servos."""
    devices = [Device("", id, "STS3215") for id in range(1, JOINTS + 1)]
    state = b"\1\2\3\4\5\0\x4a\x19"
    known: dict[int, bytes] = {}

    def answer(request: bytes) -> bytes:
        size = request[6]  # now and then torque enable and what stands between are read as well
        if size not in known:
            data = state.rjust(size, b"\1")
            known[size] = b"".join(feetech.make_packet(device.id, 0, data) for device in devices)
        return known[size]

    return _cycle(FeetechSts(devices), answer, JOINTS)


def _cycle(protocol: Any, answer: Callable[[bytes], bytes], count: int) -> Callable[[], object]:
    some = np.full(count, 0.1)
    command = Command(some, some, some, some, some)

    def cycle() -> bytes:
        protocol.receive(answer(protocol.request()))
        assert protocol.complete
        protocol.readings()
        frame: bytes = protocol.command(command)
        return frame

    return cycle
