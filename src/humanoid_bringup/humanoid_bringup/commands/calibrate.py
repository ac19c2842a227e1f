"""Find the zeros of joints: sweep each by hand from stop to stop, then hold it at a known posture.

Torque stays off. What was measured is kept in a file, joint by joint, so that a calibration can be
interrupted and resumed. Nonsense is refused: a sweep too short or too long, a joint that moves while
it should be still, an encoder that wraps around, a range that fits the joint table only mirrored.
At the end the zeros are written into the hardware file; all else in it stays as it is.

--feet finds what the force cells under the soles count without load instead, the robot hung up.

examples:
  humanoid calibrate --robot mine --hardware real
  humanoid calibrate --hardware real --joint left_knee_joint --posture ready
  humanoid calibrate --hardware real --dry-run         shows the difference, writes no zeros
  humanoid calibrate --hardware real --again           forget what was measured before
  humanoid calibrate --hardware real --feet            tare the force cells

exit codes: 0 done; 1 readings were refused or lost; 2 no such joint or posture; 3 wrong hardware
file or record; 6 the hardware cannot be opened, or a file cannot be written.
"""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.hardware import Hardware, add_hardware, check_joint, load
from humanoid_bringup.prompt import entered

if TYPE_CHECKING:
    from humanoid_hal.bus.feet import FootBoard
    from humanoid_hal.driver import Array, Driver
    from humanoid_hal.tools.calibration import JointRecord, Record, Watch
    from humanoid_hal.tools.hardware_edit import Place

#: [Hz] A hand is slow; at a low rate no answer comes too late.
RATE = 50.0
#: Samples between two looks at the keyboard and the live line.
_LOOK = 2
#: Samples that a joint is watched while it is held, and force cells while the feet hang.
_HELD, _HANGING = 25, 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_hardware(parser)
    parser.add_argument("--joint", action="append", help="only this one; repeatable")
    parser.add_argument(
        "--posture", default="", help="named pose to hold each joint at (default: all zero)"
    )
    parser.add_argument(
        "--feet",
        action="store_true",
        help="the offsets of the force cells, not the zeros of joints",
    )
    parser.add_argument("--record", type=Path, help="where measurements are kept")
    parser.add_argument(
        "--again", action="store_true", help="measure anew what was measured before"
    )
    parser.add_argument("--dry-run", action="store_true", help="do not write the hardware file")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure what is missing, show the difference, write it."""
    from humanoid_description import DescriptionError
    from humanoid_hal.tools.calibration import load_record

    hardware = load(arguments.robot, arguments.hardware, RATE)
    if arguments.feet:
        return _tare(arguments, hardware)
    joints = _joints(arguments, hardware)
    assert hardware.path is not None
    folder = hardware.path.parent
    folder = folder.parent if folder.name == "hardware" else folder
    kept = arguments.record or folder / "calibration" / hardware.path.name
    try:
        record = load_record(kept, hardware.robot.name)
    except (DescriptionError, ValueError) as problem:
        raise HumanoidError(str(problem), Exit.CONFIGURATION) from problem
    missing = [name for name in joints if arguments.again or name not in record.joints]
    if not arguments.json:
        told = f"{len(joints) - len(missing)} of {len(joints)} joints are measured already"
        console.say(f"{told} ({kept})" if len(missing) < len(joints) else f"measuring into {kept}")
    if missing:
        with hardware.opened() as driver:
            for name in missing:
                record = _measure(arguments, hardware, driver, name, record, kept)
    return _finish(arguments, hardware, record, joints)


def _joints(arguments: argparse.Namespace, hardware: Hardware) -> list[str]:
    known = list(hardware.boards().joints)
    for name in arguments.joint or ():
        check_joint(name, known)
    poses = hardware.robot.poses
    if arguments.posture and arguments.posture not in poses:
        raise HumanoidError(f"no pose '{arguments.posture}'; known: {', '.join(poses)}", Exit.USAGE)
    return arguments.joint or known


def _measure(
    arguments: argparse.Namespace,
    hardware: Hardware,
    driver: "Driver",
    name: str,
    record: "Record",
    kept: Path,
) -> "Record":
    """Sweep and hold one joint, and keep what came of it."""
    from humanoid_hal.tools.calibration import calibrated, save_record, with_joint

    robot = hardware.robot
    row = robot.index[name]
    posture = float(robot.poses[arguments.posture][row]) if arguments.posture else 0.0
    quiet = arguments.json
    sweep = _watched(driver, row, f"{name}: move it from stop to stop", quiet)
    _watched(driver, row, f"{name}: hold it still at {posture:.3f} rad", quiet)
    held = _watched(driver, row, "", quiet)
    try:
        found = calibrated(robot.joints[row], hardware.boards().joints[name], sweep, held, posture)
    except ValueError as problem:
        raise HumanoidError(f"{problem} (run this again to go on from here)") from problem
    record = with_joint(record, name, found)
    try:
        save_record(kept, record)
    except OSError as problem:
        raise HumanoidError(f"cannot write {kept}: {problem}", Exit.ENVIRONMENT) from problem
    return record


def _watched(driver: "Driver", row: int, ask: str, quiet: bool) -> "Watch":
    """Readings of one joint until Enter, or, without `ask`, for a moment."""
    from humanoid_hal.tools.calibration import Watch

    if ask and not quiet:
        console.say(f"{ask}, then press Enter")
    watch = Watch()
    count = 0
    while True:
        sample = driver.read()
        watch.see(float(sample.position[row]), bool(sample.fresh[row]))
        count += 1
        if not ask and count >= _HELD:
            return watch
        if ask and count % _LOOK == 0:
            if not quiet and math.isfinite(watch.lower):
                now = watch.last if watch.last is not None else math.nan
                console.live(f"  {now:+.3f} rad, from {watch.lower:+.3f} to {watch.upper:+.3f}")
            if entered():
                console.clear()
                return watch


def _finish(
    arguments: argparse.Namespace, hardware: Hardware, record: "Record", joints: list[str]
) -> int:
    from humanoid_hal.tools.hardware_edit import zero_of

    options = hardware.boards().joints
    found: dict[str, JointRecord] = {name: record.joints[name] for name in joints}
    rows = [
        (name, f"{options[name].zero:+.4f}", f"{one.zero:+.4f}",
         f"{one.zero - options[name].zero:+.4f}", f"{one.lower:+.2f} … {one.upper:+.2f}")
        for name, one in found.items()
    ]  # fmt: skip
    numbers = {zero_of(name): f"{one.zero:.6f}" for name, one in found.items()}
    written = _write(arguments, hardware, numbers)
    if arguments.json:
        listed = [
            {"joint": name, "zero_before_rad": options[name].zero, "zero_rad": one.zero}
            for name, one in found.items()
        ]
        console.print_json({"ok": True, "written": written or None, "joints": listed})
    else:
        head = ("joint", "zero before", "zero", "difference [rad]", "swept [rad]")
        _say(head, rows, written)
    return Exit.OK


def _tare(arguments: argparse.Namespace, hardware: Hardware) -> int:
    """Look at the force cells of hanging feet, show the difference, write it."""
    from humanoid_hal.tools.hardware_edit import offset_of
    from humanoid_hal.tools.tare import tared

    boards = {name: foot.board(name) for name, foot in hardware.boards().feet.items()}
    if not boards:
        raise HumanoidError(
            f"{hardware.path} names no force cells under `feet`", Exit.CONFIGURATION
        )
    with hardware.opened() as driver:
        _wait_while_reading(
            driver, "" if arguments.json else "hang the robot up, its feet free and still"
        )
        counts = _counted(driver, boards)
    try:
        offsets = {name: tared(board, counts[name], _HANGING) for name, board in boards.items()}
    except ValueError as problem:
        raise HumanoidError(str(problem)) from problem
    cells = [
        (name, cell, float(before), round(float(offset), 1), float(scale))
        for name, board in boards.items()
        for cell, before, offset, scale in zip(
            board.names, board.offset, offsets[name], board.scale, strict=True
        )
    ]
    numbers = {offset_of(foot, cell): f"{offset:.1f}" for foot, cell, _, offset, _ in cells}
    written = _write(arguments, hardware, numbers)
    if arguments.json:
        names = ("foot", "cell", "offset_before", "offset")
        listed = [dict(zip(names, cell, strict=False)) for cell in cells]
        console.print_json({"ok": True, "written": written or None, "force_cells": listed})
    else:
        rows = [
            (foot, cell, f"{before:.1f}", f"{offset:.1f}", f"{scale * (offset - before):+.1f}")
            for foot, cell, before, offset, scale in cells
        ]
        _say(("foot", "cell", "offset before", "offset", "difference [N]"), rows, written)
    return Exit.OK


def _wait_while_reading(driver: "Driver", ask: str) -> None:
    """Until Enter."""
    if ask:
        console.say(f"{ask}, then press Enter")
    while not entered():
        driver.read()


def _counted(driver: "Driver", boards: "dict[str, FootBoard]") -> "dict[str, list[Array]]":
    """What the cells of each foot count, look by look; without those that brought nothing new."""
    newest = driver.feet.newest  # type: ignore[attr-defined]
    counts: dict[str, list[Array]] = {name: [] for name in boards}
    for _ in range(_HANGING):
        newest.clear()
        driver.read()
        for name, (board, data) in newest.items():
            counts[name].append(board.counted(data))
    return counts


def _write(arguments: argparse.Namespace, hardware: Hardware, numbers: "dict[Place, str]") -> str:
    """The file that they were written to; '': none (--dry-run)."""
    from humanoid_hal.tools.hardware_edit import write_numbers

    if arguments.dry_run:
        return ""
    assert hardware.path is not None
    try:
        write_numbers(hardware.path, numbers)
    except (OSError, ValueError) as problem:
        raise HumanoidError(f"nothing is written: {problem}", Exit.ENVIRONMENT) from problem
    return str(hardware.path)


def _say(head: tuple[str, ...], rows: list[tuple[str, ...]], written: str) -> None:
    console.say(console.table([head, *rows]))
    console.say(f"written to {written}" if written else "not written (--dry-run)")
