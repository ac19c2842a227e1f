"""Arguments that several verbs share."""

import argparse
import math
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from humanoid_bringup.environment import namespace_problem
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.graph import Options, option_help


class Parser(argparse.ArgumentParser):
    """Says a wrong command line as every other error: one line, and as JSON when asked."""

    def error(self, message: str) -> NoReturn:
        """Raises HumanoidError."""
        raise HumanoidError(f"{message} (see '{self.prog} --help')", Exit.USAGE)


def finite(text: str) -> float:
    """A finite number, for argparse."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def positive(text: str) -> float:
    """A finite number above 0, for argparse."""
    value = finite(text)
    if value <= 0.0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def not_negative(text: str) -> float:
    """A finite number of at least 0, for argparse."""
    value = finite(text)
    if value < 0.0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def whole(lowest: int) -> Callable[[str], int]:
    """A whole number of at least `lowest`, for argparse."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
        if value < lowest:
            raise argparse.ArgumentTypeError(f"{text} is below {lowest}")
        return value

    return convert


def add_json(parser: argparse.ArgumentParser, text: str = "print one JSON object") -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help=text)


def namespace(text: str) -> str:
    """A namespace of ROS 2, for argparse."""
    problem = namespace_problem(text)
    if problem:
        raise argparse.ArgumentTypeError(problem)
    return text


def add_namespace(parser: argparse.ArgumentParser) -> None:
    """`--namespace`."""
    parser.add_argument("--namespace", type=namespace, default="", help=option_help("namespace"))


def add_graph(parser: argparse.ArgumentParser, *, incidents: bool) -> None:
    """What every start of the graph takes; `incidents`: whether they are kept unless asked."""
    add_namespace(parser)
    parser.add_argument(
        "--realtime",
        nargs="?",
        type=whole(0),
        const=80,
        default=0,
        metavar="PRIORITY",
        help=f"{option_help('realtime_priority')} (80 when no number is given)",
    )
    parser.add_argument("--record", default="", metavar="BAG", help=option_help("record"))
    parser.add_argument(
        "--incidents", nargs="?", const="default", default="default" if incidents else "",
        metavar="DIR", help=f"{option_help('incidents')} (default: beside the logs)",
    )  # fmt: skip
    parser.add_argument(
        "--no-incidents", dest="incidents", action="store_const", const="", help="no such files"
    )
    parser.add_argument("--tf", action="store_true", help=option_help("transforms"))
    parser.add_argument("--cpus", default="", help=option_help("cpus"))
    parser.add_argument("--verbose", action="store_true", help="print what the nodes print")
    add_json(parser, "print one JSON object when it ends, and nothing else")


def new_folder(path: Path) -> None:
    """Raises HumanoidError where no new folder `path` can be made; none is left behind."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True)
        for folder in missing:
            folder.rmdir()
    except FileExistsError as problem:
        raise HumanoidError(
            f"{path} exists already and is kept; name another bag", Exit.USAGE
        ) from problem
    except OSError as problem:
        raise HumanoidError(
            f"cannot write {path}: {problem.strerror}; name another bag", Exit.ENVIRONMENT
        ) from problem


def _writable_folder(path: Path) -> None:
    """Raises HumanoidError where no file can be written into the folder `path`; makes it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as problem:
        raise HumanoidError(
            f"--incidents: cannot write to {path}: {problem.strerror}; name another folder, or "
            "leave them out with --no-incidents",
            Exit.ENVIRONMENT,
        ) from problem


def graph_options(arguments: argparse.Namespace, **others: object) -> Options:
    """The options of :func:`add_graph` and `others`."""
    from humanoid_bringup.incidents import default_directory

    if arguments.tf and find_spec("tf2_msgs") is None:
        raise HumanoidError(
            "TF needs tf2_msgs, which comes with a ROS 2 installation: source one, or leave --tf out",
            Exit.ENVIRONMENT,
        )
    if arguments.record:
        new_folder(Path(arguments.record))
    known = {"default": str(default_directory()), "none": ""}
    incidents = known.get(arguments.incidents, arguments.incidents)
    if incidents:
        _writable_folder(Path(incidents))
    return Options(
        incidents=incidents,
        realtime_priority=arguments.realtime,
        cpus=arguments.cpus,
        namespace=arguments.namespace,
        record=arguments.record,
        transforms=arguments.tf,
        **others,  # type: ignore[arg-type]  # checked by the callers' arguments
    )
