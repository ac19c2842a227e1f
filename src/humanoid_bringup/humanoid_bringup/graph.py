"""The graph as data: which nodes run, with which parameters. The CLI and the launch files read it.

Nothing is started here and nothing of ROS is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from humanoid_bringup.environment import namespace_problem
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_hardware, find_robot, robots

ParameterValue = bool | int | float | str

HAL = "humanoid_hal"
PERCEPTION = "humanoid_perception"
CONTROL = "humanoid_control"
RECORDER = "humanoid_recorder"
TRANSFORMS = "humanoid_transforms"

AUTOSTART = ("none", "inactive", "active")


@dataclass(frozen=True)
class NodeSpec:
    """One node: the executable `lib/<package>/<executable>` and what it is told."""

    package: str
    executable: str
    name: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    lifecycle: bool = False
    #: The nodes in this process, where they are several; their names are their own.
    nodes: tuple[str, ...] = ()
    #: Its end is the end of the graph.
    essential: bool = True
    #: It commands actuators: stopped last and never killed before it had time for its stop frames.
    owns_actuators: bool = False

    @property
    def node_names(self) -> tuple[str, ...]:
        """The nodes that run in this process."""
        return self.nodes or (self.name,)


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Options:
    """Everything about a start besides robot and hardware. CLI and launch share the help texts."""

    autostart: str = _option(
        "active", "how far the HAL goes by itself: none, inactive or active (armed)"
    )
    startup_mode: str = _option(
        "stand", "mode to go to at start: damping, ready, stand, walk, sit, or a policy"
    )
    paced: bool = _option(True, "simulation: keep to real time; false runs as fast as it can")
    busy_wait: bool = _option(
        False, "simulation in real time: spin between two cycles: less jitter, a whole core"
    )
    answer_timeout: float = _option(
        1.0, "simulation: longest wait [s] for the command that answers a sample"
    )
    realtime_priority: int = _option(
        0, "SCHED_FIFO priority of the nodes, 1 to 99; 0: normal scheduling"
    )
    cpus: str = _option(
        "", "cores to pin the nodes to, e.g. 2,3,3 (HAL, perception, control); empty: none"
    )
    publish_truth: bool = _option(
        False, "simulation: publish the true base pose on simulator/truth"
    )
    viewer: bool = _option(False, "simulation: open the simulator's viewer window")
    video: str = _option(
        "", "simulation: file that a camera's view is written to (.mp4); empty: none"
    )
    seed: int = _option(-1, "simulation: seed of all random numbers; -1: the hardware file's")
    rate: float = _option(0.0, "control rate [Hz] in place of the hardware file's; 0: that one")
    composed: bool = _option(
        False, "all nodes in one process: faster, but a node that dies takes the others with it"
    )
    namespace: str = _option("", "namespace of every node and topic")
    record: str = _option("", "new bag that the whole run is recorded to; empty: none")
    incidents: str = _option(
        "",
        "directory for one file per reaction of DAMP or above: the last 30 s; none: no such files",
    )
    transforms: bool = _option(False, "publish TF, for RViz; needs tf2_msgs, of ROS 2 itself")


def option_help(name: str) -> str:
    """The help text of one option."""
    return str(next(f for f in fields(Options) if f.name == name).metadata["help"])


def graph(
    robot: str | Path, hardware: str | Path, options: Options | None = None
) -> tuple[NodeSpec, ...]:
    """The nodes of one robot on one hardware, in starting order (stop in reverse).

    `robot` and `hardware` are names or paths. Raises HumanoidError.
    """
    options = options or Options()
    robot_file = find_robot(robot)
    hardware_file = find_hardware(robot_file, hardware)
    cpus = _check(options)
    common: dict[str, ParameterValue] = {
        "robot": str(robot_file),
        "realtime_priority": options.realtime_priority,
    }
    hal: dict[str, ParameterValue] = {
        "hardware": str(hardware_file),
        "autostart": options.autostart,
        "paced": options.paced,
        "busy_wait": options.busy_wait,
        "answer_timeout": options.answer_timeout,
        "publish_truth": options.publish_truth,
        "viewer": options.viewer,
        "video": str(Path(options.video).absolute()) if options.video else "",
        "seed": options.seed,
        "rate": options.rate,
        "await_recorder": bool(options.record),
    }
    perception: dict[str, ParameterValue] = {"config": _config(robot_file, "perception")}
    control: dict[str, ParameterValue] = {
        "config": _config(robot_file, "control"),
        "startup_mode": options.startup_mode,
    }
    if options.composed:
        # Without `config`: each node finds its own file beside robot.yaml.
        together = {**common, "cpu": cpus[0], **hal, "startup_mode": options.startup_mode}
        return (
            *_observers(options, robot_file, hardware_file),
            NodeSpec(
                "humanoid_bringup",
                "graph_node",
                "humanoid_graph",
                together,
                namespace=options.namespace,
                nodes=(HAL, PERCEPTION, CONTROL),
                owns_actuators=True,
            ),
        )
    return (
        *_observers(options, robot_file, hardware_file),
        NodeSpec(
            HAL,
            "hal_node",
            HAL,
            {**common, "cpu": cpus[0], **hal},
            namespace=options.namespace,
            lifecycle=True,
            owns_actuators=True,
        ),
        NodeSpec(
            PERCEPTION,
            "perception_node",
            PERCEPTION,
            {**common, "cpu": cpus[1], **perception},
            namespace=options.namespace,
        ),
        NodeSpec(
            CONTROL,
            "control_node",
            CONTROL,
            {**common, "cpu": cpus[2], **control},
            namespace=options.namespace,
        ),
    )


def _observers(options: Options, robot_file: Path, hardware_file: Path) -> tuple[NodeSpec, ...]:
    """The nodes that only look on."""
    transforms = NodeSpec(
        "humanoid_bringup",
        "transforms_node",
        TRANSFORMS,
        {"robot": str(robot_file)},
        namespace=options.namespace,
        essential=False,
    )
    recorder = _recorder(options, robot_file, hardware_file)
    return (*recorder, transforms) if options.transforms else recorder


def _recorder(options: Options, robot_file: Path, hardware_file: Path) -> tuple[NodeSpec, ...]:
    """Started first and stopped last: a bag holds the whole run."""
    # The word as well as the empty string, which `ros2 launch` cannot be given.
    incidents = "" if options.incidents == "none" else options.incidents
    if not (options.record or incidents):
        return ()
    path = Path(options.record).absolute()
    if options.record and path.exists():
        raise HumanoidError(f"{path} exists already and is kept; name another bag", Exit.USAGE)
    by_file = {file: name for name, file in robots().items()}
    parameters: dict[str, ParameterValue] = {
        "path": str(path) if options.record else "",
        "incidents": str(Path(incidents).absolute()) if incidents else "",
        "robot": by_file.get(robot_file, str(robot_file)),
        "hardware": hardware_file.stem,
        "startup_mode": options.startup_mode,
    }
    return (
        NodeSpec(
            "humanoid_bringup",
            "recorder_node",
            RECORDER,
            parameters,
            namespace=options.namespace,
            essential=bool(options.record),
        ),
    )


def _config(robot_file: Path, name: str) -> str:
    """A robot's own settings of one node; empty when it has none and the defaults hold."""
    path = robot_file.parent / f"{name}.yaml"
    return str(path) if path.is_file() else ""


def _check(options: Options) -> tuple[int, int, int]:
    """Refuse what no node could honour; returns the core of each node, -1 for any."""
    if options.autostart not in AUTOSTART:
        raise HumanoidError(
            f"autostart is '{options.autostart}', not one of {', '.join(AUTOSTART)}", Exit.USAGE
        )
    if not 0 <= options.realtime_priority <= 99:
        raise HumanoidError(
            f"realtime_priority is {options.realtime_priority}, not 0 to 99", Exit.USAGE
        )
    if not 0.0 <= options.rate <= 2000.0:
        raise HumanoidError(f"rate is {options.rate}, not 0 to 2000 Hz", Exit.USAGE)
    if problem := namespace_problem(options.namespace):
        raise HumanoidError(problem, Exit.USAGE)
    if not options.answer_timeout > 0.0:
        raise HumanoidError(f"answer_timeout is {options.answer_timeout}, not above 0", Exit.USAGE)
    if options.cpus and options.composed:
        raise HumanoidError(
            "cpus names a core for each node's own process: start with --no-composed", Exit.USAGE
        )
    if not options.cpus:
        return (-1, -1, -1)
    parts = options.cpus.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise HumanoidError(
            f"cpus is '{options.cpus}', not three core numbers such as 2,3,3", Exit.USAGE
        )
    first, second, third = (int(part) for part in parts)
    return (first, second, third)
