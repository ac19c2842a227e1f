"""Compare two bags, or a bag with a reference, and give a verdict.

Bit for bit unless --tolerance says otherwise. Messages are paired by their stamps. Topics that only
one of them has are a difference, unless --common or --topics leaves them out.

examples:
  humanoid diff out stand --topics /robot_state          out against the reference stand
  humanoid diff new old --common --tolerance 'robot_state.*=1e-9,1e-9' --html report.html

exit codes: 0 the same; 1 they differ; 2 usage; 7 a bag is damaged, empty or of another kind.
"""

import argparse
from pathlib import Path

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.commands.replay import add_verdict, save_report
from humanoid_bringup.errors import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("bag", type=Path)
    parser.add_argument("reference", type=Path, help="what it should be")
    add_verdict(parser, "names or patterns (default: all)")
    parser.add_argument("--common", action="store_true", help="only topics that both have")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare."""
    from humanoid_bringup.bags.compare import parse_tolerance
    from humanoid_bringup.bags.diff import diff

    verdict = diff(
        arguments.bag,
        arguments.reference,
        arguments.topics,
        [parse_tolerance(text) for text in arguments.tolerance],
        common=arguments.common,
    )
    if arguments.html is not None:
        save_report(verdict, arguments.html)
    if arguments.json:
        console.print_json(verdict.as_data())
    else:
        console.say(str(verdict))
    return Exit.OK if verdict else Exit.FAILED
