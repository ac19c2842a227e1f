"""The HAL node's parameters."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from humanoid_description import RobotDescription, load_robot
from humanoid_hal.driver import Driver
from humanoid_hal.hardware import HardwareConfig, load_hardware, with_options
from humanoid_runtime import topics
from humanoid_runtime.parameters import declare

AUTOSTART = ("none", "inactive", "active")


@dataclass(frozen=True)
class Parameters:
    """What was asked for, with the files it named loaded."""

    robot: RobotDescription
    hardware: HardwareConfig
    driver: type[Driver]
    autostart: str  # one of AUTOSTART
    paced: bool
    busy_wait: bool
    answer_timeout: float  # [s]
    realtime_priority: int
    cpu: int
    publish_truth: bool
    await_recorder: bool


def read_parameters(node: Any) -> Parameters:
    """Declare the parameters on `node` and load the robot and its hardware file.

    Raises humanoid_description.DescriptionError for a file, ValueError for `autostart`.
    """
    robot = declare(node, "robot", "", "path of the robot's robot.yaml")
    hardware = declare(node, "hardware", "", "path of the hardware file")
    autostart = declare(
        node,
        "autostart",
        "",
        "go by itself to: none, inactive, active; empty: active in simulation, else inactive",
    )
    paced = declare(node, "paced", True, "simulation: in real time; false: as fast as it goes")
    busy_wait = declare(
        node,
        "busy_wait",
        False,
        "paced simulation: spin between two cycles, do not sleep: less jitter for a core",
    )
    answer_timeout = declare(
        node,
        "answer_timeout",
        1.0,
        "simulation: longest wait [s] for the answer to a sample",
        lower=0.001,
        upper=600.0,
    )
    priority = declare(
        node, "realtime_priority", 0, "SCHED_FIFO priority; 0: none", lower=0, upper=99
    )
    cpu = declare(node, "cpu", -1, "core to run on; -1: any", lower=-1, upper=1023)
    await_recorder = declare(
        node,
        "await_recorder",
        False,
        f"do not arm before the recorder says so on {topics.RECORDING}",
    )
    truth = declare(node, "publish_truth", False, f"simulation: publish {topics.TRUTH}")
    config, driver = load_hardware(hardware)
    config = _adapt(node, config)
    simulated = driver.capabilities.simulated
    autostart = autostart or ("active" if simulated else "inactive")
    if autostart not in AUTOSTART:
        known = ", ".join(AUTOSTART)
        raise ValueError(f"parameter 'autostart' is '{autostart}'; known: {known}")
    return Parameters(
        load_robot(robot),
        config,
        driver,
        autostart,
        paced,
        busy_wait,
        answer_timeout,
        priority,
        cpu,
        truth and simulated,
        await_recorder,
    )


def _adapt(node: Any, config: HardwareConfig) -> HardwareConfig:
    """The hardware file with what parameters say in its place."""
    rate = declare(
        node,
        "rate",
        0.0,
        "control rate [Hz] in place of the hardware file's; 0: that one",
        lower=0.0,
        upper=2000.0,
    )
    viewer = declare(node, "viewer", False, "simulation: open the simulator's window")
    video = declare(
        node, "video", "", "simulation: record the motion for this video, as .npz beside it"
    )
    seed = declare(
        node,
        "seed",
        -1,
        "simulation: random seed; -1: the hardware file's",
        lower=-1,
        upper=2**31 - 1,
    )
    if rate:
        config = replace(config, rate=rate)
    options: dict[str, Any] = {"control_rate": config.rate}
    if viewer:
        options["viewer"] = True
    if video:
        options["record"] = str(Path(video).with_suffix(".npz"))
    if seed >= 0:
        options["seed"] = seed
    return with_options(config, **options)
