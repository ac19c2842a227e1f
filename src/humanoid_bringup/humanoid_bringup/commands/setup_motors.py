"""Give motors their ids and baud rates, one after the other, each alone on the wire.

For each joint of the hardware file: connect only its motor, press Enter. The motor is looked for at
every baud rate, its model is compared, id and rate are written (EEPROM unlocked and locked again)
and read back. A motor that has both already is left alone, so this can be run again.

examples:
  humanoid setup-motors --robot mine --hardware real
  humanoid setup-motors --robot mine --hardware real --joint left_knee_joint
  humanoid setup-motors --robot mine --hardware real --dry-run       what each motor would get

exit codes: 0 all set up; 1 one refused, is another model, or does not answer; 2 no such joint;
3 wrong hardware file; 6 the port cannot be opened. With --json one object at the end.
"""

import argparse
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.hardware import add_hardware, check_joint, load
from humanoid_bringup.prompt import wait_for_enter

if TYPE_CHECKING:
    from humanoid_hal.bus.device import Device
    from humanoid_hal.tools.wire import Place


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_hardware(parser)
    parser.add_argument("--joint", action="append", help="only this one; repeatable")
    parser.add_argument("--dry-run", action="store_true", help="say what each motor would get")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Motor by motor."""
    todo = _todo(arguments)
    if arguments.dry_run:
        return _show(todo, arguments.json)
    done = []
    for number, (place, device) in enumerate(todo, 1):
        text = f"{number}/{len(todo)} connect only the motor of {device.joint} to {place.port}"
        wait_for_enter("" if arguments.json else text)
        done.append(_set_up(place, device, arguments.json))
    if arguments.json:
        console.print_json({"ok": True, "motors": done})
    return Exit.OK


def _todo(arguments: argparse.Namespace) -> "list[tuple[Place, Device]]":
    from humanoid_hal.tools.stop import targets

    boards = load(arguments.robot, arguments.hardware).boards()
    found = [
        (target.place, device)
        for target in targets(boards)
        for device in boards.devices(target.bus)
    ]
    for name in arguments.joint or ():
        check_joint(name, (device.joint for _, device in found))
    return [item for item in found if not arguments.joint or item[1].joint in arguments.joint]


def _show(todo: "list[tuple[Place, Device]]", as_json: bool) -> int:
    rows = [(d.joint, p.port, p.protocol, d.model, d.id, p.baud) for p, d in todo]
    head = ("joint", "port", "protocol", "model", "id", "baud")
    if as_json:
        motors = [dict(zip(head, row, strict=True)) for row in rows]
        console.print_json({"ok": True, "dry_run": True, "motors": motors})
    else:
        console.say(console.table([head, *rows]))
    return Exit.OK


def _set_up(place: "Place", device: "Device", as_json: bool) -> dict[str, object]:
    from humanoid_hal.bus.protocol import BoardError
    from humanoid_hal.bus.transport import TransportError
    from humanoid_hal.tools.setup_motors import set_up

    try:
        done = set_up(place, device)
    except BoardError as problem:
        raise HumanoidError(str(problem)) from problem
    except TransportError as problem:
        raise HumanoidError(str(problem), Exit.ENVIRONMENT) from problem
    if not as_json:
        before = f"was id {done.before[0]} at {done.before[1]} baud"
        told = before if done.changed else "had both already"
        console.say(f"  {device.joint}: {done.model}, id {device.id} at {place.baud} baud ({told})")
    return {
        "joint": device.joint, "model": done.model, "id": device.id, "baud": place.baud,
        "id_before": done.before[0], "baud_before": done.before[1], "changed": done.changed,
    }  # fmt: skip
