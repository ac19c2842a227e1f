"""Quality of service as recordings keep it, and as a reader must ask for it."""

import yaml
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

#: A reader that is looked at every 50 ms loses nothing in a stall of 0.4 s at 1000 Hz.
DEPTH = 500

#: What every publisher satisfies, and every latched one.
EXPECTED = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
EXPECTED_LATCHED = QoSProfile(
    depth=DEPTH,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def compatible(offered: list[QoSProfile]) -> QoSProfile:
    """The strictest profile that every one of these publishers satisfies."""
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def describe(offered: list[QoSProfile]) -> str:
    """Offered profiles as rosbag2 writes them into the channel's metadata."""
    return yaml.safe_dump(
        [
            {
                "history": qos.history.short_key,
                "depth": qos.depth,
                "reliability": qos.reliability.short_key,
                "durability": qos.durability.short_key,
                "deadline": _duration(qos.deadline.nanoseconds),
                "lifespan": _duration(qos.lifespan.nanoseconds),
                "liveliness": qos.liveliness.short_key,
                "liveliness_lease_duration": _duration(qos.liveliness_lease_duration.nanoseconds),
                "avoid_ros_namespace_conventions": qos.avoid_ros_namespace_conventions,
            }
            for qos in offered
        ],
        sort_keys=False,
    )


def recorded(text: str) -> QoSProfile:
    """A profile to publish with, from what :func:`describe` or rosbag2 wrote; lenient.

    History and depth may be unknown in a recording (rmw does not tell them): then 10 are kept.
    """
    profiles = yaml.safe_load(text) if text else []
    if not profiles:
        return QoSProfile(depth=10)
    first = profiles[0]
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max(10, int(first["depth"])),
        reliability=_policy(ReliabilityPolicy, first["reliability"], "reliable"),
        durability=_policy(DurabilityPolicy, first["durability"], "volatile"),
        liveliness=LivelinessPolicy.AUTOMATIC,
    )


def _policy(kind: type, value: str | int, default: str) -> object:
    known = {policy.short_key: policy for policy in kind if policy.short_key != "unknown"}
    by_number = {int(policy): policy for policy in known.values()}
    return known.get(str(value)) or by_number.get(value) or known[default]


def _duration(nanoseconds: int) -> dict[str, int]:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return {"sec": seconds, "nsec": rest}
