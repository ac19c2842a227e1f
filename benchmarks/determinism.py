"""Whether one seed gives one byte sequence: two lock-step runs, every joint command compared.

Each run is the whole graph over DDS, with sensor noise from the seed. Commands are compared by the
stamp of the sample they answer, so that a message that the observer lost hides no difference: it is
counted as not compared, and too many of these fail.
"""

import argparse
from typing import Any

from _running import check, own_domain, running

from humanoid_bringup.arguments import positive
from humanoid_bringup.graph import Options

NAME = "determinism"
SUMMARY = "two lock-step runs with one seed: joint commands byte by byte"
BARS = {"differing_commands": "0", "compared_percent": ">= 95"}

#: [s] of real time a run may take
LIMIT = 300.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's own arguments."""
    parser.add_argument("--robot", default="g1")
    parser.add_argument("--seconds", type=positive, default=10.0, help="simulated (default: 10)")
    parser.add_argument("--seed", type=int, default=7)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run twice and compare."""
    own_domain()
    first, second = _commands(arguments), _commands(arguments)
    last = min(max(first), max(second))
    expected = sorted(stamp for stamp in first.keys() | second.keys() if stamp <= last)
    common = [stamp for stamp in expected if stamp in first and stamp in second]
    differing = [stamp for stamp in common if first[stamp] != second[stamp]]
    compared = 100.0 * len(common) / len(expected)
    return {
        "ok": not differing and compared >= 95.0,
        "differing_commands": len(differing),
        "compared_commands": len(common),
        "compared_percent": compared,
        "first_difference_s": (differing[0] - expected[0]) * 1e-9 if differing else None,
    }


def _commands(arguments: argparse.Namespace) -> dict[int, bytes]:
    """Stamp [ns] -> serialised command, of one run."""
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    from humanoid_bringup.survey import Survey
    from humanoid_interfaces.msg import JointCommand
    from humanoid_runtime import topics

    commands: dict[int, bytes] = {}
    limit = arguments.seconds * 1e9

    def note(data: bytes) -> None:  # 4 bytes of encapsulation, then the header's stamp
        seconds, nanoseconds = (int.from_bytes(data[i : i + 4], "little") for i in (4, 8))
        commands[seconds * 1_000_000_000 + nanoseconds] = bytes(data)

    def over() -> bool:
        check(processes)
        return bool(commands) and next(reversed(commands)) - next(iter(commands)) >= limit

    options = Options(seed=arguments.seed)  # paced: the observer keeps up
    with Survey() as survey:
        qos = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
        survey.node.create_subscription(JointCommand, topics.JOINT_COMMANDS, note, qos, raw=True)
        with running(arguments.robot, options) as processes:
            survey.wait(over, LIMIT)
    return commands
