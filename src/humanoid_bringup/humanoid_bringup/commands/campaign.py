"""Run a matrix of walking scenarios in parallel, without ROS, and sum it up.

The file names robots, controllers, velocities, pushes, worlds and seeds; every combination is one
run of the estimator, the controller, the gate and the simulator in lock-step. Each result is kept
as it comes: the same command goes on where an interrupted one was. Results do not depend on where
and in which order the runs were made.

examples:
  humanoid campaign walking.yaml                     results in walking.results/
  humanoid campaign walking.yaml --processes 8
  humanoid campaign walking.yaml --ray auto          on the Ray cluster of this machine
  humanoid campaign walking.yaml --fresh             forget the results that are there

exit codes: 0 every scenario was run, whatever came of it; 1 some could not be run; 3 the file is
wrong; 6 Ray or the folder is not to be had; 130 interrupted: the same command goes on.
"""

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, whole
from humanoid_bringup.errors import Exit, HumanoidError

if TYPE_CHECKING:
    from humanoid_bringup.campaign.definition import Scenario
    from humanoid_bringup.campaign.store import Store
    from humanoid_bringup.campaign.workers import Workers

BAR = 30  # characters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("file", type=Path, help="the campaign, as docs/campaigns.md describes")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="of the results (default: <file>.results)"
    )
    parser.add_argument(
        "--processes", type=whole(1), default=os.cpu_count() or 1, help="(default: one per core)"
    )
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="run on this Ray cluster: host:port, auto, or local"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the results that are there")
    add_json(parser, "print the summary as one JSON object at the end")


def run(arguments: argparse.Namespace) -> int:
    """Run what is not there yet, and sum everything up."""
    from humanoid_bringup.campaign import summary
    from humanoid_bringup.campaign.definition import load_campaign, scenarios
    from humanoid_bringup.campaign.store import Store
    from humanoid_bringup.campaign.workers import local, on_ray
    from humanoid_description.problems import DescriptionError

    workers = on_ray(arguments.ray) if arguments.ray else local(arguments.processes)
    try:
        wanted = scenarios(load_campaign(arguments.file))
    except DescriptionError as error:
        raise HumanoidError(str(error), Exit.CONFIGURATION) from error
    folder = arguments.out or arguments.file.with_suffix(".results")
    if arguments.fresh:
        shutil.rmtree(folder / "runs", ignore_errors=True)
    results, errors = execute(wanted, Store(folder), workers)
    whole, text = summary.summary(results, errors), summary.table(results)
    Store(folder).sum_up(whole, text)
    for scenario, error in sorted(errors.items(), key=lambda item: item[0].name):
        console.error(f"{scenario.name}: {error}")
    if arguments.json:
        console.print_json({"ok": not errors, **whole})
    else:
        console.say(f"{text}\n{len(results)} of {len(wanted)} scenarios; results in {folder}")
    return Exit.FAILED if errors else Exit.OK


def execute(
    wanted: "Sequence[Scenario]", store: "Store", workers: "Workers"
) -> tuple[dict[Any, dict[str, Any]], dict[Any, str]]:
    """Results and errors of all `wanted`, those kept in `store` included."""
    kept = {scenario: store.load(scenario) for scenario in wanted}
    results = {scenario: figures for scenario, figures in kept.items() if figures is not None}
    missing = [scenario for scenario in wanted if scenario not in results]
    errors: dict[Any, str] = {}
    console.live(progress(len(results), len(wanted)))
    for scenario, figures, error in workers(missing) if missing else ():
        if error:
            errors[scenario] = error
        else:
            results[scenario] = store.save(scenario, figures)
        console.live(progress(len(results) + len(errors), len(wanted), scenario.name))
    console.clear()
    return results, errors


def progress(done: int, total: int, name: str = "") -> str:
    """The live line."""
    filled = BAR * done // total
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{total} {name}".rstrip()
