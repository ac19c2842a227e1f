"""What the HAL says of itself: safety_state and diagnostics."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from humanoid_hal.faults import Reaction
from humanoid_hal.hal import HalCore, Phase
from humanoid_hal.latency import LatencyHistogram
from humanoid_interfaces.msg import SafetyState
from humanoid_runtime.stamps import set_stamp

_MS = 1e-6  # [ms] per [ns]


def safety_state(core: HalCore, stamp: int) -> SafetyState:
    """The supervisor's decision at `stamp` [ns] as a message."""
    supervisor, counters = core.supervisor, core.gate.counters
    message = SafetyState(
        reaction=int(supervisor.reaction),
        armed=core.phase is Phase.ARMED,
        active=list(supervisor.active),
        latched=list(supervisor.latched),
        accepted=counters.accepted,
        rejected=counters.rejected_total,
        clamped=counters.changed,
    )
    set_stamp(message.header.stamp, stamp)
    return message


def diagnostics(
    core: HalCore, latency: LatencyHistogram, rate: float, waiting_for: str, stamp: int
) -> DiagnosticArray:
    """One status with all figures. `rate` [Hz]: cycles per second of real time lately."""
    reaction = core.supervisor.reaction
    level = DiagnosticStatus.OK
    if reaction:
        level = DiagnosticStatus.WARN if reaction < Reaction.HOLD else DiagnosticStatus.ERROR
    counters = core.gate.counters
    overruns = 100.0 * core.overruns / core.cycles if core.cycles else 0.0
    values: dict[str, object] = {
        "phase": core.phase.value,
        "waiting_for": waiting_for,
        "reaction": reaction.name,
        "rate_hz": f"{rate:.1f}",
        "cycles": core.cycles,
        "overruns": core.overruns,
        "overruns_percent": f"{overruns:.4f}",
        "latency_samples": latency.count,
        "latency_p50_ms": f"{latency.percentile(50.0) * _MS:.3f}",
        "latency_p99_ms": f"{latency.percentile(99.0) * _MS:.3f}",
        "latency_p999_ms": f"{latency.percentile(99.9) * _MS:.3f}",
        "latency_max_ms": f"{latency.largest * _MS:.3f}",
        "accepted": counters.accepted,
        "lost": counters.lost,
        "rejected": counters.rejected_total,
        "clamped": counters.changed,
    }
    for rejection, count in counters.rejected.items():
        if count:
            values[f"rejected_{rejection.name.lower()}"] = count
    for kind, joints in core.gate.limiter.clamped.items():
        if joints.any():
            values[f"clamped_{kind}"] = int(joints.sum())
    status = DiagnosticStatus(
        level=level,
        name="humanoid_hal",
        message=waiting_for or "; ".join(core.supervisor.active) or core.phase.value,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )
    message = DiagnosticArray(status=[status])
    set_stamp(message.header.stamp, stamp)
    return message
