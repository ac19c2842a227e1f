"""Explain the last reaction of DAMP or above: the reason, the last 30 s, what to look at.

'humanoid up' keeps one MCAP file for each (--incidents elsewhere, 'sim --incidents' too), with all
topics, parameters, settings files and versions. Any MCAP viewer plays it; 'humanoid replay' runs
nodes from it.

examples:
  humanoid incident                            the newest one
  humanoid incident --list                     what there is
  humanoid incident 20260101-120000-fall.mcap --html fall.html      with curves

exit codes: 0 explained; 1 there is none; 2 usage; 6 the page cannot be written; 7 the file is
damaged or no incident.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.incidents import default_directory

if TYPE_CHECKING:
    from humanoid_bringup.bags.explain import Explanation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", nargs="?", type=Path, help="default: the newest one")
    parser.add_argument("--list", action="store_true", help="name the files, newest first")
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="where the files are (default: beside logs)"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with curves")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explain one, or list all."""
    from humanoid_bringup.bags.explain import explain, text_of

    directory = arguments.directory or default_directory()
    if arguments.list:
        return _list(directory, arguments.json)
    found = explain(arguments.file or _newest(directory))
    if arguments.html is not None:
        _write_page(found, arguments.html)
    if arguments.json:
        console.print_json({"ok": True, **found.as_data()})
        return Exit.OK
    for line in text_of(found):
        console.say(line)
    console.say(f"file: {found.path}")
    return Exit.OK


def _newest(directory: Path) -> Path:
    from humanoid_bringup.bags.incident_file import incident_files

    files = incident_files(directory)
    if not files:
        raise HumanoidError(f"no incident in {directory}; --directory names another place")
    return files[0]


def _list(directory: Path, as_json: bool) -> int:
    from humanoid_bringup.bags.incident_file import incident_files

    files = [str(path) for path in incident_files(directory)]
    if as_json:
        console.print_json({"ok": True, "files": files})
        return Exit.OK
    for path in files or [f"no incident in {directory}"]:
        console.say(path)
    return Exit.OK


def _write_page(found: "Explanation", path: Path) -> None:
    import html

    from humanoid_bringup.bags.explain import text_of
    from humanoid_bringup.bags.report import plot, write_page

    title = f"{found.incident.name} in {found.path.name}"
    lines = "\n".join(text_of(found))
    parts = [f"<h1>{html.escape(title)}</h1>", f"<pre>{html.escape(lines)}</pre>"]
    parts += [plot(name, [("", points)]) for name, points in found.curves.items()]
    try:
        write_page(path, title, parts)
    except OSError as problem:
        raise HumanoidError(
            f"cannot write {path}: {problem.strerror}", Exit.ENVIRONMENT
        ) from problem
