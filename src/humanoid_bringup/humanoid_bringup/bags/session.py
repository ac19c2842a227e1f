"""What `humanoid replay` and the pytest fixture do: a bag, nodes, outputs and a verdict."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from humanoid_bringup.bags.bag import Bag, BagError, Message, Topic
from humanoid_bringup.bags.compare import Comparison, Tolerance, Verdict
from humanoid_bringup.bags.fields import Decoder
from humanoid_bringup.bags.mapping import Mapper, load_mapping
from humanoid_bringup.bags.replay import Outcome, Replay
from humanoid_bringup.bags.source import BEGAN, LOST, MID_RUN, Source
from humanoid_bringup.bags.unit import Setup
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.definitions import definition
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_bringup.locate import find_robot
from humanoid_description import DescriptionError

#: [ns] The nodes of a graph start and stop one after the other.
ENDS = 1_000_000_000


@dataclass(frozen=True)
class Job:
    """One replay."""

    bag: Path
    nodes: Sequence[str] = ("estimator",)
    robot: str = ""  # name or file; empty: what the bag says
    namespace: str = ""
    mode: str = ""  # the controller's mode at the start; empty: what the bag says
    configs: Mapping[str, Path] = field(default_factory=dict)  # see Setup
    remaps: Mapping[str, str] = field(default_factory=dict)  # the bag's topic -> ours
    mapping: Path | None = None  # of another robot's bag
    chain: bool = False
    start: float = 0.0  # [s] into the bag
    until: float | None = None  # [s] into the bag
    output: Path | None = None  # bag for what the nodes emit
    check: bool = False  # compare with what is recorded
    topics: Sequence[str] = ()  # to check; empty: all that are the same in every run
    tolerances: Sequence[Tolerance] = ()


@dataclass(frozen=True)
class Result:
    """What came of it; `verdict` is None without a check."""

    outcome: Outcome
    verdict: Verdict | None


def run(job: Job) -> Result:
    """Replay a bag. Raises HumanoidError, of which BagError is one."""
    try:
        return _run(job)
    except DescriptionError as error:
        raise HumanoidError(str(error), Exit.CONFIGURATION) from error


def _run(job: Job) -> Result:
    with ExitStack() as stack:
        bag = stack.enter_context(Bag(job.bag))
        if not bag.count:
            raise BagError(f"{job.bag}: empty: it holds no message")
        _require_beginning(job, bag)
        setup = _setup(job, bag)
        source = open_source(job, bag, setup.robot.joint_names)
        outputs = _Outputs()
        replay = Replay(source, job.nodes, setup, outputs.take, chain=job.chain)
        if job.output is not None:
            outputs.writer = stack.enter_context(BagWriter(job.output, custom=setup.custom))
        if job.check:
            outputs.comparison = _comparison(job, replay, source)
        outputs.open(replay, source)
        watched = outputs.checked
        outcome = replay.run(outputs.recorded if watched else None, sorted(watched))
        verdict = None
        if outputs.comparison is not None:
            names = ", ".join(job.nodes)
            lost = bag.custom.get(LOST, "")
            note = f" (its recorder lost messages: {lost})" if lost else ""
            note += f" (recorded {MID_RUN})" if bag.custom.get(BEGAN) == MID_RUN else ""
            verdict = outputs.comparison.finish(f"{names} replayed from {job.bag}{note}")
            if not verdict and BEGAN not in bag.custom:
                verdict.title += f" (it may have been recorded {MID_RUN}: the bag does not say)"
        return Result(outcome, verdict)


def _require_beginning(job: Job, bag: Bag) -> None:
    """Raises BagError where a check bit for bit cannot pass: a state from before is not recorded.

    What own nodes (``module:Class``) carry is theirs to know.
    """
    ours = [name for name in job.nodes if ":" not in name]
    began = "recorded" if bag.custom.get(BEGAN) == MID_RUN else "--start is" * bool(job.start)
    if job.check and ours and began and not job.tolerances:
        raise BagError(
            f"{job.bag}: {began} {MID_RUN}: what {', '.join(ours)} knew by then is not "
            "there, and --check cannot pass bit for bit; record and replay from the first sample on "
            "('humanoid sim --record <bag>', or up --record), or allow differences with --tolerance"
        )


def open_source(job: Job, bag: Bag, joints: tuple[str, ...]) -> Source:
    """The bag as this job sees it."""
    mapper, remaps = None, dict(job.remaps)
    if job.mapping is not None:
        mapping = load_mapping(job.mapping)
        mapper = Mapper(mapping, joints, bag.decoder())
        remaps = {**mapping.topics, **remaps}
    return Source(
        bag,
        namespace=job.namespace,
        remaps=remaps,
        mapper=mapper,
        start=bag.start + round(job.start * 1e9) if job.start else None,
        stop=None if job.until is None else bag.start + round(job.until * 1e9),
    )


def _setup(job: Job, bag: Bag) -> Setup:
    from humanoid_description import load_robot

    robot = job.robot or bag.custom.get("robot", "")
    if not robot:
        raise HumanoidError(
            f"{job.bag}: does not say which robot it is of; give --robot", Exit.USAGE
        )
    custom = {**bag.custom, **({"startup_mode": job.mode} if job.mode else {})}
    return Setup(load_robot(find_robot(robot)), job.configs, custom)


def _comparison(job: Job, replay: Replay, source: Source) -> Comparison:
    """Of the outputs that are recorded too."""
    asked = job.topics or replay.checked
    missing = [t for t in asked if t not in source.topics or t not in replay.outputs]
    if missing or not asked:
        what = f"'{missing[0]}' is not" if missing else "nothing is"
        raise HumanoidError(
            f"cannot check: {what} both emitted ({', '.join(replay.outputs)}) and recorded; "
            "name others with --topics",
            Exit.USAGE,
        )
    for topic in asked:
        recorded, emitted = source.topics[topic].kind, replay.outputs[topic]
        if recorded != emitted:
            raise BagError(f"{job.bag}: {topic} is {recorded}, but {emitted} is emitted")
    kinds = {topic: replay.outputs[topic] for topic in asked}
    mine = Decoder({kind: definition(kind) for kind in kinds.values()})
    decoder, begin = source.bag.decoder(), source.bag.start
    return Comparison(kinds, decoder, mine, job.tolerances, begin, margin=ENDS)


class _Outputs:
    """Where the emitted and the recorded messages go."""

    def __init__(self) -> None:
        self.writer: BagWriter | None = None
        self.comparison: Comparison | None = None
        self.checked: frozenset[str] = frozenset()
        self._names: dict[str, str] = {}

    def open(self, replay: Replay, source: Source) -> None:
        if self.comparison is not None:
            self.checked = self.comparison.topics
        self._names = {topic: source.absolute(topic) for topic in replay.outputs}
        if self.writer is not None:
            for topic, kind in replay.outputs.items():
                qos = source.topics[topic].qos if topic in source.topics else ""
                self.writer.add(Topic(self._names[topic], kind, definition(kind), qos))

    def take(self, time: int, topic: str, data: bytes) -> None:
        """One message that a node emitted."""
        if self.writer is not None:
            self.writer.write(self._names[topic], time, data)
        if self.comparison is not None and topic in self.checked:
            self.comparison.actual(topic, time, data)

    def recorded(self, message: Message) -> None:
        """One message as recorded."""
        assert self.comparison is not None
        self.comparison.expected(message.topic, message.time, message.data)
