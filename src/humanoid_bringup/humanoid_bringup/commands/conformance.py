"""Prove that a driver keeps what the HAL relies on, one verdict for each promise.

Real hardware is only read, unless --move allows to arm it: then every joint moves by 0.05 rad, so
hang the robot up first. Faults are injected where the driver offers a bench (simulated and emulated
hardware). What cannot be tested is said, never counted as passed.

examples:
  humanoid conformance mock
  humanoid conformance mujoco --robot talos --html report.html
  humanoid conformance config/robots/g1/hardware/real.yaml --move
  humanoid conformance acme --promise units --promise sign --json

exit codes: 0 no promise failed; 1 one did; 2 no such promise; 3 no such driver or file, or its
options are wrong; 6 the hardware cannot be opened.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console, hardware
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_hal.conformance import Promise, Subject


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("driver", help="a hardware file, a robot's hardware by name, or a driver")
    parser.add_argument("--robot", default="g1", help="whose joints it drives (default: g1)")
    parser.add_argument("--move", action="store_true", help="real hardware may be armed and moved")
    parser.add_argument(
        "--strict-time", action="store_true", help="slower than its rate is a failure, too"
    )
    parser.add_argument(
        "--promise", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report there as well")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Test one promise after the other."""
    from humanoid_hal.conformance import examine, report

    promises = _promises(arguments.promise)
    subject = _subject(arguments)
    _opens(subject)
    title = f"{arguments.driver} on {subject.robot.name}"
    results = []
    for result in examine(subject, promises):
        results.append(result)
        if not arguments.json:
            console.say(report.as_line(result))
    if arguments.html:
        try:
            arguments.html.write_text(report.as_html(title, results), encoding="utf-8")
        except OSError as error:
            raise HumanoidError(f"cannot write the report: {error}", Exit.ENVIRONMENT) from error
    if arguments.json:
        console.print_json(report.as_data(title, results))
    else:
        console.say(f"{title}: {report.summary(results)}")
    return Exit.OK if report.kept(results) else Exit.FAILED


def _opens(subject: "Subject") -> None:
    """Hardware that is not there is no broken promise."""
    from humanoid_hal.conformance.trial import Trial
    from humanoid_hal.driver import DriverError

    try:
        with Trial(subject):
            pass
    except DriverError as problem:
        raise HumanoidError(
            f"the driver cannot be opened: {problem}", Exit.ENVIRONMENT
        ) from problem


def _promises(names: list[str] | None) -> "tuple[Promise, ...]":
    from humanoid_description.problems import nearest
    from humanoid_hal.conformance import PROMISES

    known = [promise.name for promise in PROMISES]
    for name in names or ():
        if name not in known:
            raise HumanoidError(
                f"no promise '{name}'{nearest(name, known)}; known: {', '.join(known)}", Exit.USAGE
            )
    return tuple(promise for promise in PROMISES if not names or promise.name in names)


def _subject(arguments: argparse.Namespace) -> "Subject":
    from humanoid_hal.conformance import Subject

    found = hardware.load(arguments.robot, arguments.driver)
    return Subject(found.driver, found.robot, found.options, arguments.move, arguments.strict_time)
