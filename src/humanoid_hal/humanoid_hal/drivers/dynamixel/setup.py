"""Start-up and torque of Dynamixels, as conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from humanoid_hal.bus.device import Device
from humanoid_hal.bus.protocol import Ask, BoardError, Conversation
from humanoid_hal.drivers.dynamixel.blocks import STATE
from humanoid_hal.drivers.dynamixel.codec import make_sync_write, make_write
from humanoid_hal.drivers.dynamixel.models import Model, model_name
from humanoid_hal.drivers.dynamixel.options import DynamixelOptions
from humanoid_hal.drivers.dynamixel.registers import HARDWARE_ERRORS, MODES
from humanoid_hal.drivers.dynamixel.talk import ask, identify, read, write

#: Answer every instruction (factory setting).
_ANSWER_ALL = 2


@dataclass(frozen=True)
class Servo:
    """One device with its model."""

    device: Device
    model: Model

    @property
    def id(self) -> int:
        """Its address."""
        return self.device.id


def command_registers(mode: str) -> tuple[str, ...]:
    """What each cycle writes."""
    return {
        "current": ("goal_current",),
        "position": ("goal_position",),
        "extended_position": ("goal_position",),
        "current_position": ("goal_current", "goal_position"),
    }[mode]


def needs_mapping(mode: str) -> bool:
    """Whether the command's registers do not stand side by side."""
    return len(command_registers(mode)) > 1


def mapping(servo: Servo, mode: str) -> bytes:
    """The indirect addresses of the state, and of the command where it needs them."""
    names = STATE + (command_registers(mode) if needs_mapping(mode) else ())
    table = servo.model.table
    places = [table[name].address + offset for name in names for offset in range(table[name].size)]
    if len(places) > servo.model.indirect:
        raise BoardError(
            f"{servo.device} has {servo.model.indirect} indirect registers, mode '{mode}' needs "
            f"{len(places)}; choose mode 'current' or 'position'"
        )
    return b"".join(place.to_bytes(2, "little") for place in places)


def start(
    servo: Servo, options: DynamixelOptions, remarks: list[str]
) -> "Conversation[bytes, float]":
    """Check and set up one device, torque off; adds to `remarks`; returns its current limit."""
    try:
        return (yield from _start(servo, options, remarks))
    except BoardError as error:
        raise BoardError(f"{servo.device}: {error}") from error


def _start(
    servo: Servo, options: DynamixelOptions, remarks: list[str]
) -> "Conversation[bytes, float]":
    id, table = servo.id, servo.model.table
    number, _ = yield from identify(id)
    if number != servo.model.number:
        raise BoardError(
            f"is a {model_name(number)}, the hardware file says {servo.device.model}; correct "
            "`model`, or the id"
        )
    if (yield from read(id, table["torque_enable"], "torque enable")):
        remarks.append(f"{servo.device} had torque on; it was taken off")
        packet = make_write(id, table["torque_enable"].address, b"\0")
        yield from ask(id, packet, "take torque off")
    # Clears what a watchdog left: until then goals are read-only (e-manual, Bus Watchdog).
    yield from write(id, table["bus_watchdog"], 0.0, "the bus watchdog")
    for name, value in (
        ("status_return", _ANSWER_ALL),
        ("return_delay", options.return_delay),
        ("operating_mode", MODES[options.mode]),
    ):
        kept = yield from read(id, table[name], name)
        if abs(kept - value) > table[name].scale / 2:
            yield from write(id, table[name], value, name)
            remarks.append(f"{servo.device}: {name} was {kept:g}, is {value:g} now")
    secondary = int((yield from read(id, table["secondary_id"], "secondary id")))
    if secondary <= 252:
        remarks.append(f"{servo.device} also listens to the secondary id {secondary}")
    places = mapping(servo, options.mode)
    address = table["indirect_address"].address
    yield from ask(id, make_write(id, address, places), "map its registers")
    error = int((yield from read(id, table["hardware_error"], "hardware error")))
    if error:
        raise BoardError(f"hardware error: {error_words(error)}; clear it with a reboot")
    if servo.model.current_unit == 0.0:
        return 0.0
    return (yield from read(id, table["current_limit"], "current limit"))


def error_words(error: int) -> str:
    """Words for the bits of a hardware error register."""
    known = [words for bit, (_, words) in HARDWARE_ERRORS.items() if error >> bit & 1]
    return ", ".join(known) or f"unknown bits {error:#04x}"


def switch_on(servos: Sequence[Servo], options: DynamixelOptions) -> "Conversation[bytes, None]":
    """Goals := measured, watchdogs, torque on; all of it read back.

    No servo has torque before every one has its watchdog. Those count from the last packet, so all
    get torque with one packet: the first must not wait for the last.
    """
    units = ceil(options.watchdog / 0.02 - 1e-9) * 0.02
    for servo in servos:
        id, table = servo.id, servo.model.table
        # One that went off, in an attempt before this one, forbids goals.
        yield from write(id, table["bus_watchdog"], 0.0, "the bus watchdog")
        if options.mode != "current":
            here = yield from read(id, table["present_position"], "position")
            yield from write(id, table["goal_position"], here, "goal position")
        if "goal_current" in command_registers(options.mode):
            yield from write(id, table["goal_current"], 0.0, "goal current")
        yield from write(id, table["bus_watchdog"], units, "the bus watchdog")
    address = servos[0].model.table["torque_enable"].address
    yield Ask(make_sync_write(address, 1, dict.fromkeys((s.id for s in servos), b"\1")), 0.0)
    for servo in servos:
        id, table = servo.id, servo.model.table
        if not (yield from read(id, table["torque_enable"], "torque enable")):
            yield from write(id, table["torque_enable"], 1.0, "torque enable")
        watchdog = yield from read(id, table["bus_watchdog"], "the bus watchdog")
        if abs(watchdog - units) > 0.01:
            raise BoardError(f"{servo.device}: its bus watchdog went off while it got torque")


def switch_off(servos: Sequence[Servo]) -> "Conversation[bytes, None]":
    """Torque off on every device that answers; raises for the others after all were asked."""
    silent: list[str] = []
    for servo in servos:
        table = servo.model.table
        packet = make_write(servo.id, table["torque_enable"].address, b"\0")
        try:
            yield from ask(servo.id, packet, "take torque off")
        except BoardError as error:
            silent.append(f"{servo.device}: {error}")
            continue
        # An armed watchdog would go off, and forbid goals, while nobody sends any.
        packet = make_write(servo.id, table["bus_watchdog"].address, b"\0")
        try:
            yield from ask(servo.id, packet, "disarm the watchdog", tries=1)
        except BoardError:
            pass  # the next start-up clears it
    if silent:
        raise BoardError("; ".join(silent))
