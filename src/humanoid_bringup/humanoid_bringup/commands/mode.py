"""Show the mode of the controller, or ask for another one.

The controller walks to the mode you name through the modes between, each as soon as it is safe.

examples:
  humanoid mode                   what it does, wants and waits for, and the modes there are
  humanoid mode stand --wait 10   return when it stands, or fail after 10 s
  humanoid mode damping

exit codes: 0 done or accepted; 1 refused, with the reason, or not reached in time; 3 no such mode;
4 no graph.
"""

import argparse
from typing import Any

from humanoid_bringup import console, modes
from humanoid_bringup.arguments import add_json, add_namespace, positive
from humanoid_bringup.errors import Exit, HumanoidError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument(
        "mode", nargs="?", help="damping, ready, stand, walk, sit, get_up, or a policy; none: show"
    )
    parser.add_argument(
        "--wait", type=positive, metavar="SECONDS", help="return when the mode is reached"
    )
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show or set."""
    from humanoid_bringup.link import Link
    from humanoid_runtime import topics

    with Link(arguments.namespace) as link:
        modes.watch(link)
        if arguments.mode:
            modes.ask(link, arguments.mode)
            link.forget(topics.MODE)
        if not link.discover(lambda: link.latest(topics.MODE)):
            raise HumanoidError(
                f"nobody publishes '{link.absolute(topics.MODE)}': start the graph with "
                "'humanoid sim' or 'humanoid up'",
                Exit.NO_GRAPH,
            )
        reached = True
        if arguments.mode and arguments.wait:
            reached = link.wait(
                lambda: link.latest(topics.MODE).mode == arguments.mode, arguments.wait
            )
        state = link.latest(topics.MODE)
    _show(state, reached, arguments.json)
    if not reached:
        raise HumanoidError(
            f"mode '{arguments.mode}' was not reached within {arguments.wait:g} s: "
            f"waiting for {state.waiting_for or 'the transition'}"
        )
    return Exit.OK


def _show(state: Any, reached: bool, as_json: bool) -> None:
    if as_json:
        console.print_json(
            {
                "ok": reached,
                "mode": state.mode,
                "target": state.target,
                "waiting_for": state.waiting_for,
                "available": list(state.available),
            }
        )
        return
    heading = f" -> {state.target}" if state.target != state.mode else ""
    waiting = f", waiting for {state.waiting_for}" if state.waiting_for else ""
    console.say(f"{state.mode}{heading}{waiting}   (of {', '.join(state.available)})")
