"""Setting up single ODrive axes."""

import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from humanoid_hal.bus.can import CanBatch
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation, Found, Tools
from humanoid_hal.can.conversation import ask_each
from humanoid_hal.drivers.odrive import codec
from humanoid_hal.drivers.odrive.codec import Cmd

T = TypeVar("T")


def hear(cmd: int, read: Callable[[bytes], T]) -> Callable[[int, bytes], tuple[int, T] | None]:
    """A reader of one message of 8 bytes: node and what `read` makes of it."""

    def take(identifier: int, payload: bytes) -> tuple[int, T] | None:
        if identifier > 0x7FF or identifier & 0x1F != cmd or len(payload) != 8:
            return None
        return identifier >> 5, read(payload)

    return take


class ODriveTools(Tools[CanBatch]):
    """See :class:`Tools`. A register is the number of a float32 endpoint."""

    bauds = (1_000_000, 500_000, 250_000)

    def scan(self, ids: Sequence[int] | None = None) -> Conversation[CanBatch, tuple[Found, ...]]:
        """See :meth:`Tools.scan`."""
        asked = list(range(63) if ids is None else ids)
        versions = yield from ask_each(
            lambda nodes: codec.make_ask(nodes, Cmd.VERSION),
            hear(Cmd.VERSION, bytes),
            asked,
            timeout=0.2,
            tries=2,
        )
        here = sorted(versions)
        volts = yield from ask_each(
            lambda nodes: codec.make_ask(nodes, Cmd.BUS), hear(Cmd.BUS, _first), here
        )
        return tuple(
            Found(
                i,
                f"ODrive {versions[i][1]}.{versions[i][2]}",
                codec.version_of(versions[i]),
                volts.get(i),
            )
            for i in here
        )

    def read(self, id: int, register: str) -> Conversation[CanBatch, float]:
        """See :meth:`Tools.read`."""
        endpoint = _endpoint(register)
        answers = yield from ask_each(
            lambda nodes: codec.make_sdo(nodes, endpoint), hear(Cmd.SDO_IN, _second), [id]
        )
        if id not in answers:
            raise BoardError(f"node {id} does not answer; `humanoid scan` shows who does")
        return answers[id]

    def write(self, id: int, register: str, value: float) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.write`. Lost with the next restart."""
        batch = codec.make_sdo([id], _endpoint(register), struct.pack("<f", value))
        yield Ask(batch, 0.0, lambda arrived: True)
        found = yield from self.read(id, register)
        if abs(found - value) > 1e-6 * abs(value):
            raise BoardError(f"node {id}: {register} reads {found:g} after writing {value:g}")

    def set_id(self, id: int, new: int) -> Conversation[CanBatch, None]:
        """Not without the board's serial number."""
        raise BoardError("set axis0.config.can.node_id with odrivetool, then save_configuration()")
        yield

    def set_baud(self, id: int, baud: int) -> Conversation[CanBatch, None]:
        """Not over CANSimple."""
        raise BoardError("set can.config.baud_rate with odrivetool, then save_configuration()")
        yield

    def reboot(self, id: int) -> Conversation[CanBatch, None]:
        """See :meth:`Tools.reboot`."""
        yield Ask(codec.make_reboot([id]), 0.0, lambda arrived: True)

    def stop(self, ids: Sequence[int]) -> CanBatch:
        """See :meth:`Tools.stop`."""
        return codec.make_state(ids, codec.IDLE)


def _first(payload: bytes) -> float:
    return float(struct.unpack_from("<f", payload)[0])


def _second(payload: bytes) -> float:
    return float(struct.unpack_from("<f", payload, 4)[0])


def _endpoint(register: str) -> int:
    if not register.isdigit() or int(register) > 0xFFFF:
        raise BoardError(
            f"no register '{register}': give the number of an endpoint (flat_endpoints.json of the firmware)"
        )
    return int(register)
