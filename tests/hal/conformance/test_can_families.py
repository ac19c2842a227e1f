"""Every CAN family keeps the promises of a driver, on its emulated boards behind ptys."""

from typing import Any

import pytest

from humanoid_description import RobotDescription
from humanoid_hal.bus.families import find_protocol
from humanoid_hal.conformance import PROMISES, Outcome, Promise, Subject, judge
from humanoid_hal.drivers.boards.options import BusOptions, JointOptions
from humanoid_hal.drivers.emulated import EmulatedDriver, EmulatedOptions

#: Protocol: model, transport, options of the bus.
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "damiao": ("DM-J8009", "slcan", {}),
    "cubemars": ("AK10-9", "slcan", {}),
    "robstride_mit": ("RS03", "slcan", {}),
    "robstride": ("RS03", "slcan", {}),
    "moteus": ("moteus", "fdcanusb", {}),
    "odrive": (
        "ODrive",
        "slcan",
        {"firmware": "0.6.10", "enable_watchdog": 200, "watchdog_timeout": 201},
    ),
    "cia402": ("", "slcan", {}),
}
#: Why a family does not keep a promise; the hardware file has to accept it.
KNOWN = {
    ("cubemars", "watchdog"): "these boards have no watchdog that can be set",
    ("robstride_mit", "watchdog"): "these boards have no watchdog that can be set",
}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def subject(family: str, robot: RobotDescription) -> Subject:
    model, transport, own = FAMILIES[family]
    buses = {
        name: BusOptions(
            protocol=family,
            transport=transport,
            port=name,
            options=find_protocol(family).Options(**own) if own else None,
        )
        for name in ("legs", "arms")
    }
    joints = {
        "hip": JointOptions(bus="legs", id=1, model=model, direction=-1, zero=0.3),
        "knee": JointOptions(bus="legs", id=2, model=model, gear=2.0),
        "shoulder": JointOptions(bus="arms", id=1, model=model),
    }
    return Subject(EmulatedDriver, robot, EmulatedOptions(buses, joints, plant="motors"))


@pytest.mark.parametrize("promise", PROMISES, ids=[promise.name for promise in PROMISES])
def test_promise(family: str, promise: Promise, subject: Subject) -> None:
    result = judge(promise, subject)
    if result.outcome is Outcome.NOT_TESTED:
        pytest.skip(f"not tested: {result.detail}")
    if (family, promise.name) in KNOWN:
        pytest.skip(KNOWN[family, promise.name])
    assert result.outcome is Outcome.PASSED, f"{promise.text} {result.detail}"
