"""Make a package with a driver of your own: entry point, options, tests that pass from the start.

The driver speaks to boards imitated in software until you fill in what yours speak. Its tests are
the conformance kit; docs/bring-your-own-hardware.md explains the promises.

examples:
  humanoid new-driver acme                     writes ./humanoid_acme
  humanoid new-driver acme --directory src --json

exit codes: 0 written; 2 no name for a driver, or the package is there already; 6 cannot be written.
"""

import argparse
from pathlib import Path

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("name", help="of the driver: small letters, digits and _")
    parser.add_argument("--directory", type=Path, default=Path(), help="where to put the package")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write it, and say what comes next."""
    from humanoid_hal.new_driver import generate

    try:
        written = generate(arguments.name, arguments.directory)
    except ValueError as problem:
        raise HumanoidError(str(problem), Exit.USAGE) from problem
    except OSError as problem:
        raise HumanoidError(f"cannot write the package: {problem}", Exit.ENVIRONMENT) from problem
    package = arguments.directory / f"humanoid_{arguments.name}"
    if arguments.json:
        console.print_json({"ok": True, "package": str(package), "files": list(map(str, written))})
        return Exit.OK
    for path in written:
        console.say(f"  {path}")
    console.say(
        f"fill in {package / package.name / 'boards.py'}; test with: pytest {package / 'test'}"
    )
    return Exit.OK
