"""Whether a bag is whole: every message read, every checksum tested, every type understood."""

from dataclasses import dataclass, field
from pathlib import Path

from humanoid_bringup.bags.bag import Bag, BagError, Topic
from humanoid_bringup.bags.fields import Decoder
from humanoid_bringup.bags.mcap_file import verify
from humanoid_bringup.bags.source import LOST
from humanoid_bringup.errors import HumanoidError


@dataclass
class Findings:
    """What was read, and what a user should know of a whole bag."""

    messages: int = 0
    remarks: list[str] = field(default_factory=list)


def check(path: Path) -> Findings:
    """Read everything. Raises BagError with the first thing that is wrong."""
    found = Findings()
    with Bag(path) as bag:
        if not bag.count:
            raise BagError(f"{path}: empty: it holds no message")
        decoder = bag.decoder()
        decoded: set[str] = set()
        for message in bag.messages():
            found.messages += 1
            if message.topic not in decoded:
                decoded.add(message.topic)
                _decode(path, decoder, bag.topics[message.topic], message.data)
        if bag.kind == "sqlite3":
            found.remarks.append(
                "sqlite3 has no checksums: damage inside of a message cannot be seen"
            )
        if not all(topic.definition for topic in bag.topics.values()):
            found.remarks.append("message definitions are missing; installed ones are used")
        if lost := bag.custom.get(LOST):
            found.remarks.append(f"the recorder lost messages: {lost}")
        kinds = sorted({topic.kind for topic in bag.topics.values()})
        found.remarks += [
            f"{kind} is not known, its messages are not taken apart: {reason}"
            for kind in kinds
            if (reason := decoder.unknown(kind))
        ]
        silent = [t.name for t in bag.topics.values() if not t.qos]
        if silent and bag.kind != "ros1":
            found.remarks.append(f"no QoS is recorded for {len(silent)} topics")
    for file in sorted(path.glob("*.mcap")) if path.is_dir() else [path]:
        if file.suffix == ".mcap" and not verify(file).indexed:
            found.remarks.append(f"{file.name} has no index: it is read from front to back")
    return found


def _decode(path: Path, decoder: Decoder, topic: Topic, data: bytes) -> None:
    """Raises BagError where the type does not fit what is stored under it."""
    if decoder.unknown(topic.kind):
        return
    try:
        decoder.decode(topic.kind, data)
    except HumanoidError as error:
        raise BagError(f"{path}: {topic.name}: {error}") from error
