"""Say in one line each what is wrong with the machine and the running graph, and the fix.

examples:
  humanoid doctor
  humanoid doctor --robot mine      check its files too
  humanoid doctor --json            as a health check

exit codes: 0 nothing wrong (warnings may be shown); otherwise the worst: 1 the graph is not well,
3 configuration, 4 no graph runs, 5 a node is missing, 6 environment.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from humanoid_bringup import console
from humanoid_bringup.arguments import add_json, add_namespace
from humanoid_bringup.diagnosis import (
    ERROR,
    OK,
    Finding,
    Host,
    exit_code,
    graph_findings,
    host_findings,
    verdict,
)
from humanoid_bringup.errors import HumanoidError
from humanoid_bringup.locate import prefixes
from humanoid_runtime import realtime


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("--robot", default="g1", help="robot whose files are checked (default: g1)")
    parser.add_argument("--all", action="store_true", help="show what is fine too")
    add_namespace(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look, judge, print."""
    findings = list(_host(arguments.robot))
    if not any(f.subject in ("middleware", "discovery") and f.level == ERROR for f in findings):
        findings += _graph(arguments.namespace)
    code = exit_code(findings)
    if arguments.json:
        rows = [
            {"level": f.level, "subject": f.subject, "text": f.text, "fix": f.fix} for f in findings
        ]
        console.print_json({"ok": code == 0, "exit_code": int(code), "findings": rows})
        return code
    for finding in findings:
        if finding.level != OK or arguments.all:
            fix = f" -> {finding.fix}" if finding.fix else ""
            console.say(f"{finding.level:8}{finding.subject}: {finding.text}{fix}")
    console.say(verdict(findings))
    return code


def _host(robot: str) -> Iterator[Finding]:
    from humanoid_bringup.commands.check_config import problems
    from humanoid_bringup.graph import graph
    from humanoid_bringup.locate import find_robot, hardware_files
    from humanoid_bringup.process import executable

    missing = []
    try:
        config_errors = tuple(problems(robot))
        robot_file = find_robot(robot)
        hardware = next(iter(hardware_files(robot_file).values()))
        for spec in graph(robot_file, hardware):
            try:
                executable(spec)
            except HumanoidError:
                missing.append(f"{spec.package}/{spec.executable}")
    except HumanoidError as problem:
        config_errors = (str(problem),)
    except StopIteration:
        config_errors = (f"robot '{robot}' has no hardware file",)
    yield from host_findings(read_host(tuple(missing), config_errors))


def read_host(missing_nodes: tuple[str, ...], config_errors: tuple[str, ...]) -> Host:
    """What this machine and its environment say."""
    space = os.statvfs("/dev/shm")
    available = tuple(
        sorted(
            path.name
            for prefix in prefixes()
            for path in prefix.glob("share/ament_index/resource_index/rmw_typesupport/rmw_*")
        )
    )
    return Host(
        domain=os.environ.get("ROS_DOMAIN_ID") or "0",
        discovery_range=os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET"),
        rmw=os.environ.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp",
        rmw_available=available,
        shared_memory_free=space.f_bavail * space.f_frsize,
        governors=_governors(),
        realtime_limit=realtime.allowed(),
        missing_nodes=missing_nodes,
        config_errors=config_errors,
    )


def _governors() -> tuple[str, ...]:
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return tuple(sorted({path.read_text().strip() for path in files}))


def _graph(namespace: str) -> Iterator[Finding]:
    from humanoid_bringup.survey import Survey

    with Survey(namespace) as survey:
        survey.settle()
        yield from graph_findings(survey.graph())
