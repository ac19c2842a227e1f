"""What a campaign says: every run, and the seeds of one case together. Sorted, so always the same."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import mean
from typing import Any

from humanoid_bringup import console
from humanoid_bringup.campaign.definition import Scenario

SPEEDS = ("forward_m_s", "left_m_s", "turning_rad_s")

Results = Mapping[Scenario, dict[str, Any]]


def summary(results: Results, errors: Mapping[Scenario, str]) -> dict[str, Any]:
    """As JSON: `cases`, `runs` and `errors` by name."""
    return {
        "cases": cases(results),
        "runs": {s.name: figures for s, figures in _sorted(results)},
        "errors": {s.name: text for s, text in _sorted(errors)},
    }


def cases(results: Results) -> list[dict[str, Any]]:
    """One row for the seeds of each combination of the other rows."""
    grouped: dict[tuple[str, ...], list[tuple[Scenario, dict[str, Any]]]] = defaultdict(list)
    for scenario, figures in _sorted(results):
        grouped[_case(scenario)].append((scenario, figures))
    return [_row(case, runs) for case, runs in grouped.items()]


def table(results: Results) -> str:
    """The cases as text."""
    rows: list[tuple[object, ...]] = [
        ("robot", "controller", "command", "push", "world", "walked", "speed", "ordered", "drift")
    ]
    for case in cases(results):
        speeds = (case[name] for name in SPEEDS)
        reached = " ".join("-" if value is None else f"{value:.2f}" for value in speeds)
        ordered = " ".join(f"{value:.2f}" for value in case["ordered"])
        names = (case[name] for name in ("robot", "controller", "command", "push", "world"))
        walked = f"{case['walked']}/{case['runs']}"
        rows.append((*names, walked, reached, ordered, f"{case['drift_m']:.3f} m"))
    return console.table(rows)


def _row(case: tuple[str, ...], runs: list[tuple[Scenario, dict[str, Any]]]) -> dict[str, Any]:
    robot, controller, command, push, world = case
    row: dict[str, Any] = {
        "robot": robot, "controller": controller, "command": command, "push": push, "world": world,
        "ordered": list(runs[0][0].command),
        "runs": len(runs),
        "walked": sum(bool(figures["walked"]) for _, figures in runs),
        "drift_m": max(figures["drift_m"] for _, figures in runs),
    }  # fmt: skip
    for name in SPEEDS:
        walked = (figures[name] for _, figures in runs if figures["walked"])
        values = [value for value in walked if value is not None]
        row[name] = round(mean(values), 6) if values else None
    return row


def _case(scenario: Scenario) -> tuple[str, ...]:
    return (
        scenario.robot,
        scenario.controller,
        scenario.command_name,
        scenario.push_name,
        scenario.world_name,
    )


def _sorted(results: Mapping[Scenario, Any]) -> list[tuple[Scenario, Any]]:
    return sorted(results.items(), key=lambda item: item[0].name)
