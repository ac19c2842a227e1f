"""What `humanoid doctor` concludes from what it saw: pure rules, one line and one fix each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from humanoid_bringup.environment import HIGHEST_DOMAIN
from humanoid_bringup.errors import Exit
from humanoid_bringup.progress import DAMP, REACTIONS

OK, WARNING, ERROR = "ok", "warning", "error"

#: a rate below this share of the expected one is reported; counting for 2 s errs by 5 % at 10 Hz
RATE_SHARE = 0.8


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    level: str
    subject: str
    text: str
    fix: str = ""
    code: Exit = Exit.FAILED  # of an error


@dataclass(frozen=True)
class Host:
    """The machine and the environment variables."""

    domain: str
    discovery_range: str
    rmw: str
    rmw_available: tuple[str, ...]
    shared_memory_free: int  # [bytes] in /dev/shm
    governors: tuple[str, ...]  # distinct ones, empty where the kernel does not say
    realtime_limit: int  # highest SCHED_FIFO priority this user may ask for
    missing_nodes: tuple[str, ...] = ()  # executables that no ament prefix has
    config_errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Topic:
    """One topic of the graph."""

    name: str
    publishers: tuple[str, ...]
    rate: float  # [Hz] counted
    expected: float | None  # [Hz]; None: any above zero


@dataclass(frozen=True)
class Graph:
    """What discovery and the topics show."""

    nodes: dict[str, bool]
    hal_state: str
    mode: str = ""
    target: str = ""
    waiting_for: str = ""
    armed: bool | None = None  # None: the HAL says nothing
    reaction: int = 0
    active: tuple[str, ...] = ()
    latched: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    command_publishers: tuple[str, ...] = ()
    clock_speed: float | None = None  # graph's time per real time; None: no stamps seen
    paced: bool = True
    simulated: bool = False  # `humanoid reset` is offered
    gets_up: bool = False  # there is a mode `get_up`
    foreign_nodes: tuple[str, ...] = field(default=())


def host_findings(host: Host) -> Iterator[Finding]:
    """Judge the machine."""
    for text in host.config_errors:
        yield Finding(ERROR, "configuration", text, "correct the file", Exit.CONFIGURATION)
    for name in host.missing_nodes:
        yield Finding(
            ERROR,
            "installation",
            f"{name} is not installed",
            "run './humanoid setup', or source the workspace",
            Exit.ENVIRONMENT,
        )
    if host.rmw not in host.rmw_available:
        yield Finding(
            ERROR,
            "middleware",
            f"RMW_IMPLEMENTATION={host.rmw} is not installed",
            f"unset it, or set one of {', '.join(host.rmw_available) or 'none (install one)'}",
            Exit.ENVIRONMENT,
        )
    else:
        yield Finding(OK, "middleware", host.rmw)
    yield _discovery(host)
    megabytes = host.shared_memory_free / 1e6
    if megabytes < 64:
        yield Finding(
            WARNING,
            "shared memory",
            f"{megabytes:.0f} MB free in /dev/shm: messages go through sockets, or not at all",
            "delete stale files in /dev/shm, or give the container --shm-size=256m",
        )
    else:
        yield Finding(OK, "shared memory", f"{megabytes:.0f} MB free")
    slow = [name for name in host.governors if name not in ("performance", "schedutil")]
    if slow:
        yield Finding(
            WARNING,
            "cpu",
            f"frequency governor is {', '.join(slow)}: late cycles",
            "sudo cpupower frequency-set -g performance",
        )
    if host.realtime_limit > 0:
        yield Finding(OK, "real time", f"SCHED_FIFO up to {host.realtime_limit} is allowed")
    else:
        yield Finding(
            WARNING,
            "real time",
            "SCHED_FIFO is not allowed to this user: --realtime will be refused",
            "'@realtime - rtprio 98' in /etc/security/limits.d/realtime.conf, and join the group",
        )


def _discovery(host: Host) -> Finding:
    text = f"ROS_DOMAIN_ID={host.domain}, discovery range {host.discovery_range}"
    if not host.domain.isdecimal() or int(host.domain) > HIGHEST_DOMAIN:
        fix = f"set ROS_DOMAIN_ID to 0 to {HIGHEST_DOMAIN}, or unset it"
        return Finding(ERROR, "discovery", text, fix, Exit.USAGE)
    if host.discovery_range == "OFF":
        return Finding(
            ERROR,
            "discovery",
            f"{text}: no node finds another",
            "unset ROS_AUTOMATIC_DISCOVERY_RANGE",
            Exit.ENVIRONMENT,
        )
    if host.discovery_range != "LOCALHOST":
        return Finding(
            WARNING,
            "discovery",
            f"{text}: everybody on the network can command the robot",
            "export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST, or use a network of your own",
        )
    return Finding(OK, "discovery", text)


def graph_findings(graph: Graph) -> Iterator[Finding]:
    """Judge the running graph."""
    if not any(graph.nodes.values()):
        yield Finding(
            ERROR,
            "graph",
            "no node of the graph runs here",
            "humanoid sim, or humanoid up; was it started with another ROS_DOMAIN_ID?",
            Exit.NO_GRAPH,
        )
        return
    for name, running in graph.nodes.items():
        if running:
            yield Finding(OK, "node", f"{name} runs")
        else:
            yield Finding(
                ERROR,
                "node",
                f"{name} does not run",
                "its log says why (humanoid sim and up print where); start the graph again",
                Exit.NODE_DIED,
            )
    yield _lifecycle(graph)
    yield from _safety(graph)
    yield from _commands(graph)
    if graph.waiting_for:
        yield Finding(
            WARNING,
            "mode",
            f"'{graph.mode}' on the way to '{graph.target}', waiting for {graph.waiting_for}",
            "humanoid mode damping gives it up",
        )
    elif graph.mode:
        yield Finding(OK, "mode", graph.mode)
    yield from _clock(graph)
    for topic in graph.topics:
        yield _topic(topic)


def _lifecycle(graph: Graph) -> Finding:
    if graph.hal_state == "active":
        return Finding(OK, "HAL", "active")
    if not graph.hal_state:
        return Finding(
            ERROR, "HAL", "its lifecycle does not answer", "it hangs or died: restart the graph"
        )
    fix = {
        "inactive": "arm it: humanoid rearm",
        "unconfigured": "configure it: humanoid rearm, or restart the graph and read its log",
    }
    return Finding(
        ERROR,
        "HAL",
        f"is {graph.hal_state}: it cannot move anything",
        fix.get(graph.hal_state, "restart the graph"),
    )


def _safety(graph: Graph) -> Iterator[Finding]:
    if graph.armed is None:
        yield Finding(ERROR, "safety", "no safety_state from the HAL", "restart the graph")
        return
    bad = graph.reaction >= DAMP
    fix = "remove the cause, then: humanoid rearm" if bad else "remove the cause"
    lies = fallen(graph.active)
    fix = after_fall(graph.simulated, graph.gets_up) if lies else fix
    for text in graph.active:
        yield Finding(ERROR if bad or not graph.armed else WARNING, "fault", text, fix)
    for text in graph.latched:
        yield Finding(ERROR, "latched", text, fix if lies else "humanoid rearm")
    trying = graph.hal_state == "active"
    if trying and not graph.armed and not graph.active and not graph.latched:
        yield Finding(ERROR, "armed", "no", "humanoid rearm says which check fails")
    if graph.armed and graph.reaction == 0:
        yield Finding(OK, "safety", "armed, no fault")
    elif graph.reaction:
        yield Finding(
            ERROR if bad else WARNING, "safety", f"reaction {REACTIONS[graph.reaction]}", fix
        )


def fallen(active: Iterable[str]) -> bool:
    """Whether `active` faults, each 'name: reason', say that the robot falls or lies."""
    return any(text.split(":")[0] in ("fall", "fallen") for text in active)


def after_fall(simulated: bool, gets_up: bool) -> str:
    """What helps a robot that lies."""
    by_itself = "let it get up: humanoid rearm --mode get_up; or " if gets_up else ""
    if simulated:
        return f"{by_itself}humanoid reset && humanoid rearm --mode stand"
    return f"{by_itself}set it on its feet or hang it up, then: humanoid rearm --mode ready"


def _commands(graph: Graph) -> Iterator[Finding]:
    if len(graph.command_publishers) > 1:
        yield Finding(
            ERROR,
            "joint_commands",
            f"{len(graph.command_publishers)} publishers: {', '.join(graph.command_publishers)}",
            "stop all but the controller; the HAL keeps the first and refuses to arm",
        )


def _clock(graph: Graph) -> Iterator[Finding]:
    speed = graph.clock_speed
    if speed is None or not graph.armed:  # a simulated world stands still until armed
        return
    if speed <= 0.0:
        yield Finding(
            ERROR,
            "clock",
            "stamps do not advance",
            "the HAL or its simulator hangs: restart the graph",
        )
    elif graph.paced and not 0.95 <= speed <= 1.05:
        yield Finding(
            WARNING,
            "clock",
            f"runs at {speed:.2f} of real time",
            "free the CPU, or accept it (free-running)",
        )
    else:
        yield Finding(OK, "clock", f"runs at {speed:.2f} of real time")


def _topic(topic: Topic) -> Finding:
    if not topic.publishers:
        return Finding(ERROR, topic.name, "nobody publishes it", "start the node that should")
    if topic.rate == 0.0:
        return Finding(
            ERROR, topic.name, f"silent, published by {', '.join(topic.publishers)}", "it hangs"
        )
    if topic.expected is not None and topic.rate < RATE_SHARE * topic.expected:
        return Finding(
            WARNING,
            topic.name,
            f"{topic.rate:.0f} of {topic.expected:.0f} Hz",
            "free the CPU; humanoid status shows overruns",
        )
    return Finding(OK, topic.name, f"{topic.rate:.0f} Hz")


def verdict(findings: list[Finding]) -> str:
    """The last line: how much is wrong."""
    counts = {
        name: sum(f.level == level for f in findings)
        for name, level in (("error", ERROR), ("warning", WARNING))
    }
    said = [f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items() if count]
    return ", ".join(said) or "nothing is wrong"


def exit_code(findings: list[Finding]) -> Exit:
    """The worst: warnings are 0, the highest code of an error wins."""
    return max((f.code for f in findings if f.level == ERROR), default=Exit.OK)
