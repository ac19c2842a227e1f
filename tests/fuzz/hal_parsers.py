"""Every parser of the HAL, for the tests beside it and for the fuzzer.

What a family must say here is which devices of its own to speak with (:data:`DEVICES`); a family
without a row fails the tests.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from humanoid_hal.bus.can import EXTENDED, NO_FRAMES, CanBatch, joined
from humanoid_hal.bus.device import Device
from humanoid_hal.bus.families import PROTOCOLS, find_protocol
from humanoid_hal.bus.framing import Format, FrameReader
from humanoid_hal.bus.protocol import Conversation, ImuProtocol
from humanoid_hal.can import slcan
from humanoid_hal.driver import Command
from humanoid_hal.drivers.bno085 import codec as bno085
from humanoid_hal.drivers.dynamixel import codec as dynamixel
from humanoid_hal.drivers.feetech import codec as feetech
from humanoid_hal.drivers.hipnuc import codec as hipnuc
from humanoid_hal.drivers.lx16a import codec as lx16a
from humanoid_hal.drivers.microstrain import codec as microstrain
from humanoid_hal.drivers.unitree_go import codec as unitree_go
from humanoid_hal.drivers.vectornav import codec as vectornav
from humanoid_hal.drivers.witmotion import codec as witmotion
from humanoid_hal.drivers.xsens_mti import codec as xsens
from humanoid_hal.emulation.boards import find_emulator
from humanoid_hal.emulation.motors import Motors

#: Model of the devices by protocol, and how many; IMUs have none.
DEVICES: dict[str, tuple[str, int]] = {
    "bno085_rvc": ("", 0),
    "cia402": ("", 3),
    "cubemars": ("AK10-9", 3),
    "damiao": ("DM-J4340", 3),
    "dynamixel": ("XM540-W270", 3),
    "feetech_scs": ("SCS0009", 3),
    "feetech_sts": ("STS3215", 3),
    "hipnuc": ("", 0),
    "lx16a": ("LX-16A", 3),
    "microstrain": ("", 0),
    "moteus": ("moteus", 3),
    "odrive": ("ODrive", 3),
    "robstride": ("RS03", 3),
    "robstride_mit": ("RS03", 3),
    "unitree_go": ("GO-M8010-6", 3),
    "vectornav": ("", 0),
    "witmotion": ("", 0),
    "xsens_mti": ("", 0),
}

#: Options of a bus without which a family does not start.
OPTIONS: dict[str, dict[str, Any]] = {
    "odrive": {"firmware": "0.6.10", "enable_watchdog": 200, "watchdog_timeout": 201},
}


@dataclass(frozen=True)
class Framing:
    """One stream of frames: what they are, how they are read, and good ones."""

    form: Format
    read: Callable[[bytes], Any]  # must raise nothing on a good frame
    golden: tuple[bytes, ...]


def _zeros(ids: Sequence[int]) -> list[bytes]:
    return unitree_go.make_brake(np.array(ids))


_UP, _LEVEL, _RATE = np.array([0.1, -0.2, 9.8]), np.array([0.0, 0.0, 0.6, 0.8]), np.full(3, 0.25)
_MIP = [
    (microstrain.SCALED_ACCELERATION, _UP.astype(">f4").tobytes()),
    (microstrain.SCALED_GYROSCOPE, _RATE.astype(">f4").tobytes()),
    (microstrain.QUATERNION, _LEVEL.astype(">f4").tobytes()),
]
_MTI = [
    (xsens.PACKET_COUNTER, b"\x12\x34"),
    (xsens.QUATERNION, np.roll(_LEVEL, 1).astype(">f4").tobytes()),
    (xsens.ACCELERATION, _UP.astype(">f4").tobytes()),
    (xsens.RATE_OF_TURN, _RATE.astype(">f4").tobytes()),
]

FRAMINGS: dict[str, Framing] = {
    "bno085": Framing(
        bno085.FORMAT,
        bno085.parse_reading,
        (
            bytes.fromhex("AAAADE010092FF25088DFEECFFD103000000E7"),
            bno085.make_frame(7, (-17999, 8999, -1), (0, -1, 32767)),
        ),
    ),
    "dynamixel": Framing(
        dynamixel.FORMAT,
        lambda frame: [*dynamixel.scanner().feed(frame)],
        (
            dynamixel.make_ping(1),
            dynamixel.make_packet(7, dynamixel.Instruction.STATUS, b"\x00\xff\xff\xfd\x12\x34"),
        ),
    ),
    "feetech": Framing(
        feetech.FORMAT,
        lambda frame: [*feetech.scanner().feed(frame)],
        (feetech.make_packet(1, 1), feetech.make_packet(7, 0, bytes(range(8)))),
    ),
    "hipnuc": Framing(
        hipnuc.FORMAT, hipnuc.parse_reading, (hipnuc.make_hi91(123456, _UP, _RATE, _LEVEL),)
    ),
    "lx16a": Framing(
        lx16a.FORMAT,
        lx16a.parse,
        (
            bytes.fromhex("555501031be0"),
            bytes.fromhex("5555070701f401f40106"),
            lx16a.make_packet(7, lx16a.POS_READ, b"\x55\x55"),
        ),
    ),
    "microstrain": Framing(
        microstrain.FORMAT,
        lambda frame: (microstrain.parse_reading(frame), microstrain.parse_answer(frame, 1)),
        (
            microstrain.make_packet(microstrain.SENSOR_DATA, _MIP),
            bytes.fromhex("756501020201E0C6"),
            bytes.fromhex("7565800E0E043F80000040000000C040000079ED"),
        ),
    ),
    "unitree_go replies": Framing(
        unitree_go.REPLIES,
        unitree_go.parse_reply,
        tuple(
            unitree_go.make_reply(unitree_go.RotorState(id, 1, -3.5, 12.0, 0.5, 41, 0, 77))
            for id in (0, 14)
        ),
    ),
    "unitree_go commands": Framing(
        unitree_go.COMMANDS, unitree_go.parse_command, tuple(_zeros([0, 15]))
    ),
    "vectornav": Framing(
        vectornav.FORMAT,
        vectornav.parse_reading,
        (vectornav.make_measurement(10**9, _LEVEL, _RATE, _UP),),
    ),
    "vectornav sentences": Framing(
        vectornav.SENTENCES,
        vectornav.parse_sentence,
        (vectornav.make_binary_output(2), vectornav.make_sentence("VNERR", "0C")),
    ),
    "witmotion": Framing(
        witmotion.FORMAT,
        witmotion.parse_values,
        (
            witmotion.make_frame(witmotion.ACCELERATION, (1, -2, 2048, 2500)),
            witmotion.make_frame(witmotion.QUATERNION, (32767, 0, -32768, 85)),
        ),
    ),
    "xsens_mti": Framing(
        xsens.FORMAT,
        lambda frame: (xsens.parse_reading(frame[4:-1]), xsens.parse_outputs(frame[4:-1])),
        (xsens.make_mtdata2(_MTI), xsens.make_output_configuration([(0x8020, 400)])),
    ),
}


def read_frames(framing: Framing, chunks: Iterable[bytes]) -> list[bytes]:
    """The good frames of a stream, each of them read."""
    reader = FrameReader(framing.form)
    frames = [frame for chunk in chunks for frame in reader.feed(chunk)]
    for frame in frames:
        framing.read(frame)
    return frames


def read_slcan(chunks: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """The CAN frames in an adapter's text."""
    decoder = slcan.Decoder()
    return [frame for chunk in chunks for frame in decoder.decode(chunk).frames.frames()]


@dataclass
class Wire:
    """A protocol of the HAL and its emulated boards; the time is ours."""

    name: str
    now: float = 0.0
    protocol: Any = field(init=False)
    boards: Any = field(init=False)

    def __post_init__(self) -> None:
        model, count = DEVICES[self.name]
        devices = [Device(f"joint_{id}", id, model) for id in range(1, count + 1)]
        kind: Any = find_protocol(self.name)
        self.imu = issubclass(kind, ImuProtocol)
        self.can = kind.medium == "can"
        options = kind.Options(**OPTIONS.get(self.name, {}))
        self.protocol = kind(options) if self.imu else kind(devices, options)
        self.motors = Motors(devices)
        self.boards = find_emulator(self.name)(self.motors, options)
        self.boards.preset(kind.default_baud)

    def noise(self, data: bytes) -> Any:
        """`data` as what may arrive on this wire: bytes, or frames made of them."""
        return frames_of(data) if self.can else data

    def start(self) -> None:
        """Run the start-up conversation and, for actuators, switch torque on."""
        self.converse(self.protocol.startup())
        if not self.imu:
            self.converse(self.protocol.enable(True))

    def answers(self, payload: Any) -> list[Any]:
        """What the boards send to `payload`."""
        if not payload:
            return []
        return [reply.payload for reply in self.boards.receive(payload, self.now, self.baud)]

    @property
    def baud(self) -> int | None:
        return None if self.can else self.protocol.default_baud

    def wait(self, seconds: float) -> list[Any]:
        """What the boards send by themselves meanwhile."""
        self.now += seconds
        return [reply.payload for reply in self.boards.tick(self.now)]

    def converse(self, conversation: Conversation[Any, Any]) -> Any:
        """Hold a conversation with the boards."""
        data: Any = None
        while True:
            try:
                ask = conversation.send(data)
            except StopIteration as stop:
                return stop.value
            parts, until = self.answers(ask.payload), self.now + ask.timeout
            while not (ask.until and ask.until(self.join(parts))) and self.now < until:
                parts += self.wait(0.002)
            data = self.join(parts)

    def join(self, parts: list[Any]) -> Any:
        if not self.can:
            return b"".join(parts)
        return joined([part for part in parts if len(part)])

    def cycle(
        self, spoil: Callable[[Any], list[Any]] = lambda payload: [payload], retry: bool = True
    ) -> Any:
        """One cycle; `spoil` says what arrives instead of an answer. Returns the readings."""
        if self.imu:
            self.protocol.request()
            payload = self.join(self.wait(1.0 / self.boards.rate))
            for part in spoil(payload):
                self.protocol.receive(part)
            return self.protocol.reading()
        n = len(self.motors.devices)
        law = Command(*(np.zeros(n) for _ in Command.__slots__))
        self.exchange(self.protocol.command(law), spoil, retry)
        self.exchange(self.protocol.request(), spoil, retry)
        self.now += 0.002
        return self.protocol.readings()

    def exchange(self, payload: Any, spoil: Callable[[Any], list[Any]], retry: bool = True) -> None:
        """Send, hear, follow; then ask the silent once more, as the HAL's exchange does."""
        while True:
            if payload is None or not len(payload):
                if not retry or self.protocol.complete:
                    return
                payload, retry = self.protocol.retry(), False
                continue
            answers, payload = self.answers(payload), None
            for answer in answers:
                for part in spoil(answer):
                    self.protocol.receive(part)
                    payload = self.protocol.following()


def frames_of(data: bytes) -> CanBatch:
    """Frames made of arbitrary bytes: 2 of the identifier, 1 of length and kind, data."""
    frames = []
    for at in range(0, len(data) - 2, 11):
        head, content = data[at : at + 3], data[at + 3 : at + 11]
        identifier = int.from_bytes(head[:2], "big")
        if head[2] & 0x80:
            identifier = identifier << 13 & 0x1FFF_FFFF | EXTENDED
        else:
            identifier &= 0x7FF
        frames.append((identifier, content[: head[2] % 9]))
    return CanBatch.of(frames) if frames else NO_FRAMES


def families() -> list[str]:
    """All protocols that hardware files may name here."""
    return sorted(PROTOCOLS.built_in)
