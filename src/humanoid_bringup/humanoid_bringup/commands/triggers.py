"""What the verbs that call one service without arguments share."""

import argparse
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.link import Link


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--namespace` and `--json`."""
    add_namespace(parser)
    add_json(parser)


def trigger(arguments: argparse.Namespace, service: str, timeout: float = 5.0) -> int:
    """Call a std_srvs/Trigger and say its answer; raises HumanoidError when it refuses."""
    from humanoid_bringup.link import Link

    with Link(arguments.namespace) as link:
        said = call(link, service, timeout)
    report(arguments, said)
    return Exit.OK


def call(link: "Link", service: str, timeout: float = 5.0) -> str:
    """What a std_srvs/Trigger answers; raises HumanoidError when it refuses."""
    from std_srvs.srv import Trigger

    answer = link.call(Trigger, service, Trigger.Request(), timeout)
    if not answer.success:
        raise HumanoidError(answer.message)
    return str(answer.message)


def report(arguments: argparse.Namespace, message: str) -> None:
    """Say a success."""
    if arguments.json:
        console.print_json({"ok": True, "message": message})
    else:
        console.say(message or "done")
