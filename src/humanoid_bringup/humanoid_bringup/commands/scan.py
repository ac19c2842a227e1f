"""Look for boards: every port, protocol, baud rate and id; model, firmware, voltage, temperature.

Nothing moves. Boards of some CAN families can only be found by switching their torque off: do not
scan a robot that stands.

examples:
  humanoid scan --protocol dynamixel                     every serial port, all usual baud rates
  humanoid scan --port /dev/ttyUSB0 --baud 57600 --baud 1000000 --ids 1-20
  humanoid scan --port can0 --protocol damiao --json
  humanoid scan --robot mine --hardware real             the buses of a hardware file

exit codes: 0 boards were found; 1 none; 2 no such protocol, or wrong ids; 6 no port can be opened.
"""

import argparse
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, whole
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.hardware import add_hardware, load

if TYPE_CHECKING:
    from humanoid_hal.tools.scan import Looked
    from humanoid_hal.tools.wire import Place

HEAD = ("port", "protocol", "baud", "id", "model", "firmware", "V", "degC", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--port", action="append", help="default: all serial ports; repeatable")
    parser.add_argument("--protocol", action="append", help="default: all of the kind; repeatable")
    parser.add_argument(
        "--baud", action="append", type=whole(1), help="default: the family's usual ones"
    )
    parser.add_argument("--ids", default="", help="e.g. 1-20,30 (default: every id)")
    parser.add_argument("--transport", default="", help="serial, slcan, or one of python-can's")
    add_hardware(parser, required=False)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at one place after the other."""
    from humanoid_hal.lookup import UnknownNameError
    from humanoid_hal.tools.scan import ids_of, scan

    try:
        ids = ids_of(arguments.ids) if arguments.ids else None
        where = _places(arguments)
    except (ValueError, UnknownNameError) as problem:
        raise HumanoidError(str(problem), Exit.USAGE) from problem
    if not where:
        raise HumanoidError("there is no serial port; plug an adapter in, or name one with --port")
    looked: list[Looked] = []

    def asking(place: "Place", asked: int) -> None:
        console.progress(f"{len(looked) + 1}/{len(where)} {place}", f": {asked} questions")

    for result in scan(where, ids, asking):
        looked.append(result)
        if result.problem and not arguments.json:
            console.say(f"{result.place}: {result.problem}")
    console.clear()
    return _show(looked, arguments.json)


def _places(arguments: argparse.Namespace) -> "tuple[Place, ...]":
    """Raises ValueError, UnknownNameError."""
    from humanoid_hal.tools.ports import find_ports
    from humanoid_hal.tools.scan import places
    from humanoid_hal.tools.stop import targets
    from humanoid_hal.tools.wire import families

    if arguments.hardware:
        boards = load(arguments.robot, arguments.hardware).boards()
        return tuple(target.place for target in targets(boards))
    ports = arguments.port or [p.name for p in find_ports() if p.device.startswith("/")]
    found: list[Place] = []
    for port in ports:
        on_can = arguments.transport not in ("", "serial") or not port.startswith("/")
        protocols = arguments.protocol or families("can" if on_can else "serial")
        found += places([port], protocols, arguments.baud or (), arguments.transport)
    return tuple(found)


def _show(looked: "list[Looked]", as_json: bool) -> int:
    boards = [(one.place, board) for one in looked for board in one.found]
    problems = [one for one in looked if one.problem]
    if as_json:
        rows = [
            {
                "port": place.port,
                "protocol": place.protocol,
                "baud": place.baud,
                "id": board.id,
                "model": board.model,
                "firmware": board.firmware,
                "voltage_v": board.voltage,
                "temperature_degc": board.temperature,
                "note": board.note,
            }
            for place, board in boards
        ]
        listed = [{"place": str(one.place), "problem": one.problem} for one in problems]
        console.print_json({"ok": bool(boards), "boards": rows, "problems": listed})
    elif boards:
        console.say(console.table([HEAD, *(_row(place, board) for place, board in boards)]))
    if boards:
        return Exit.OK
    if len(problems) == len(looked):
        raise HumanoidError("no port could be opened; see above", Exit.ENVIRONMENT)
    raise HumanoidError(
        "no board answers: is the power on, is the cable right, is it another --protocol or --baud?"
    )


def _row(place: "Place", board: "object") -> tuple[object, ...]:
    from humanoid_hal.bus.protocol import Found

    assert isinstance(board, Found)
    voltage = "" if board.voltage is None else f"{board.voltage:.1f}"
    temperature = "" if board.temperature is None else f"{board.temperature:.0f}"
    where = (place.port, place.protocol, place.baud)
    return (*where, board.id, board.model, board.firmware, voltage, temperature, board.note)
