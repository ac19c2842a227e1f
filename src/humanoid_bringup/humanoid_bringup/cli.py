"""The `humanoid` command. Each verb is a module of :mod:`humanoid_bringup.commands`.

Only the module of the verb that was asked for is imported, so that `--help` answers at once.
"""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType

from humanoid_bringup import console
from humanoid_bringup.arguments import Parser
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.signals import interrupted, noted_interrupts

VERBS = {
    "sim": "bring up a robot in simulation: it stands",
    "up": "bring up a robot on its hardware",
    "status": "what the running graph does: mode, safety, rates, latency",
    "walk": "walk with a velocity: forward, left, turning",
    "walk-to": "walk to a place, and turn there",
    "teleop": "walk by keyboard",
    "mode": "show or set the mode: damping, ready, stand, walk, sit, or a policy",
    "pose": "move the body while standing: height, shift, lean",
    "push": "push the simulated robot",
    "stop": "stop the robot: damping now, stays disarmed",
    "rearm": "clear latched faults and arm",
    "reset": "put the simulated robot back to its start",
    "gazebo": "write world and torque law for a Gazebo server of your own",
    "doctor": "say in one line each what is missing or wrong, and the fix",
    "check-config": "check all files of a robot",
    "find-port": "say which port a cable is",
    "setup-udev": "give adapters names that last, and access",
    "can-up": "bring CAN interfaces up",
    "scan": "look for boards: ports, baud rates, ids",
    "setup-motors": "give motors their ids, one at a time",
    "calibrate": "find the zeros of joints by hand",
    "jog": "move one joint a little and back, without a graph",
    "monitor": "watch boards live, without a graph",
    "bench": "measure rate, jitter and errors of buses",
    "emulate": "emulate the boards of a hardware file in real time",
    "conformance": "prove that a driver keeps what the HAL relies on",
    "new-driver": "make a package with a driver of your own, with its tests",
    "record": "record the topics of the graph to a bag",
    "replay": "replay a bag through nodes, and check what they emit",
    "diff": "compare two bags, with a verdict",
    "bag": "look into a bag; check, recover, plot, export it",
    "incident": "explain the last reaction of DAMP or above",
    "campaign": "run a matrix of walking scenarios in parallel",
    "benchmark": "measure what the README promises",
}

EPILOG = """exit codes: 0 yes, 1 no, 2 usage, 3 configuration, 4 no graph, 5 node died, 6 machine,
7 bag
'humanoid <verb> --help' shows examples; docs/cli.md is the whole reference.
'./humanoid setup|test|lint|clean' belong to the script in the checkout."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # This host only, unless the user says otherwise: a robot is not everybody's.
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    with noted_interrupts():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments  # also when the command line is wrong
    console.begin()
    try:
        verb = next((word for word in arguments if not word.startswith("-")), None)
        if verb is not None and verb not in VERBS:
            raise HumanoidError(
                f"no verb '{verb}'{_near(verb)}; 'humanoid --help' shows all", Exit.USAGE
            )
        parser, entry, module = _parser(verb)
        options, unknown = parser.parse_known_args(arguments)
        if unknown:
            entry.error(f"unrecognized arguments: {' '.join(unknown)}")
        if module is None:
            parser.print_help()
            return Exit.USAGE
        return int(module.run(options))
    except KeyboardInterrupt:
        return _interrupted(as_json)
    except BrokenPipeError:  # the reader of a pipe went away
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for the interpreter's last flush)
        return Exit.FAILED
    except HumanoidError as problem:
        return _interrupted(as_json) if interrupted() else _report(problem, problem.code, as_json)
    except Exception as problem:
        return _interrupted(as_json) if interrupted() else _report(*_classified(problem), as_json)


def _near(verb: str) -> str:
    from humanoid_bringup.locate import nearest

    guess = nearest(verb, VERBS)
    return f": did you mean '{guess}'?" if guess else ""


def _classified(problem: Exception) -> tuple[Exception, int]:
    """What the verb let through, told as what it is: a bad file, the machine, or our mistake."""
    from humanoid_description.problems import DescriptionError

    if isinstance(problem, DescriptionError):
        return _told(str(problem), Exit.CONFIGURATION, problem)
    if isinstance(problem, OSError) and problem.filename:
        return _told(f"{problem.filename}: {problem.strerror}", Exit.ENVIRONMENT, problem)
    return problem, Exit.FAILED


def _told(text: str, code: Exit, cause: Exception) -> tuple[Exception, int]:
    told = HumanoidError(text, code)
    told.__cause__ = cause
    return told, code


def _interrupted(as_json: bool) -> int:
    console.clear()
    if as_json:
        console.print_failure("interrupted", 130)
    return 130


def _report(problem: Exception, code: int, as_json: bool) -> int:
    if os.environ.get("HUMANOID_DEBUG"):
        traceback.print_exception(problem.__cause__ or problem)
    known = isinstance(problem, HumanoidError)
    kind = "" if known else f"unexpected {type(problem).__name__}: "
    hint = "" if known else "; HUMANOID_DEBUG=1 shows where"
    console.error(f"{kind}{problem}{hint}")
    if as_json:
        console.print_failure(f"{kind}{problem}", int(code))
    return code


def _parser(verb: str | None) -> tuple[Parser, Parser, ModuleType | None]:
    """The whole parser, that of the verb, and the verb's module."""
    parser = Parser(
        prog="humanoid",
        description="A ROS 2 control stack for humanoid robots.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="<verb>", dest="verb")
    chosen, module = parser, None
    for name, summary in VERBS.items():
        entry = verbs.add_parser(
            name,
            help=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == verb:
            module = importlib.import_module(f"humanoid_bringup.commands.{name.replace('-', '_')}")
            chosen = entry
            entry.description = module.__doc__
            module.add_arguments(entry)
    return parser, chosen, module


if __name__ == "__main__":
    sys.exit(main())
