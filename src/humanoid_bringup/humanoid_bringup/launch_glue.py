"""The graph as ROS 2 launch actions, for the files in `launch/`.

`launch` and `launch_ros` belong to a ROS 2 installation and are imported only when called.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from humanoid_bringup.graph import AUTOSTART, NodeSpec, Options, graph
from humanoid_bringup.process import GRACE, GRACE_ACTUATORS, executable

_CHOICES = {"autostart": list(AUTOSTART)}


def launch_description(robot: str | None, hardware: str | None, **defaults: Any) -> Any:
    """A LaunchDescription that takes robot, hardware and every option of :class:`Options`.

    None as default makes an argument required; `defaults` replaces those of the options.
    """
    from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
    from launch.substitutions import EnvironmentVariable

    from launch import LaunchDescription

    discovery = "ROS_AUTOMATIC_DISCOVERY_RANGE"
    return LaunchDescription(
        [
            # This host only, unless the user says otherwise; the CLI does the same.
            SetEnvironmentVariable(
                discovery, EnvironmentVariable(discovery, default_value="LOCALHOST")
            ),
            DeclareLaunchArgument(
                "robot", default_value=robot, description="name of the robot, or its robot.yaml"
            ),
            DeclareLaunchArgument(
                "hardware", default_value=hardware, description="name of the hardware, or its file"
            ),
            *(_declare(DeclareLaunchArgument, field, defaults) for field in fields(Options)),
            OpaqueFunction(function=_start),
        ]
    )


def _declare(declare: Any, field: Any, defaults: dict[str, Any]) -> Any:
    default = defaults.get(field.name, field.default)
    choices = ["true", "false"] if field.type is bool else _CHOICES.get(field.name)
    return declare(
        field.name,
        default_value=str(default).lower() if field.type is bool else str(default),
        description=field.metadata["help"],
        choices=choices,
    )


def _start(context: Any) -> list[Any]:
    given = context.launch_configurations
    options = Options(**{f.name: _value(f.type, given[f.name]) for f in fields(Options)})
    return launch_nodes(graph(given["robot"], given["hardware"], options))


def replay_description() -> Any:
    """A LaunchDescription that plays a bag over live topics: `humanoid replay --live`."""
    from launch.actions import DeclareLaunchArgument, OpaqueFunction

    from launch import LaunchDescription

    texts = {
        "bag": (None, "the bag: a directory, or a file of its own"),
        "rate": ("1.0", "times real time"),
        "loop": ("false", "again from the start, until it is stopped"),
        "start": ("0.0", "begin so far into the bag [s]"),
        "namespace": ("", "namespace of the topics"),
    }
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    name,
                    default_value=default,
                    description=text,
                    choices=["true", "false"] if name == "loop" else None,
                )
                for name, (default, text) in texts.items()
            ),
            OpaqueFunction(function=_replay),
        ]
    )


def _replay(context: Any) -> list[Any]:
    from launch.actions import ExecuteProcess, Shutdown

    given = context.launch_configurations
    program = executable(NodeSpec("humanoid_bringup", "humanoid", "humanoid_replay"))
    command = [str(program), "replay", given["bag"], "--live"]
    command += ["--rate", given["rate"], "--start", given["start"]]
    command += ["--loop"] if given["loop"] == "true" else []
    command += ["--namespace", given["namespace"]] if given["namespace"] else []
    return [ExecuteProcess(cmd=command, output="both", on_exit=Shutdown(reason="the bag is over"))]


def _value(kind: Any, text: str) -> Any:
    return text == "true" if kind is bool else kind(text)


def launch_nodes(specs: Sequence[NodeSpec]) -> list[Any]:
    """One launch_ros action per node, and what takes a lifecycle node to its `autostart`.

    The end of any essential one ends the launch.
    """
    actions: list[Any] = []
    for spec in specs:
        target = spec.parameters.get("autostart")
        if spec.lifecycle and target in ("inactive", "active"):
            node = _action(replace(spec, parameters={**spec.parameters, "autostart": "none"}))
            actions += [*_lifecycle_events(node, target == "active"), node]
        else:
            actions.append(_action(spec))
    return actions


def _lifecycle_events(node: Any, activate: bool) -> list[Any]:
    """Configure `node` once it runs, then `activate` it; end the launch if it cannot configure."""
    from launch.actions import EmitEvent, RegisterEventHandler, Shutdown
    from launch.event_handlers import OnProcessStart
    from launch.events import matches_action
    from launch_ros.event_handlers import OnStateTransition
    from launch_ros.events.lifecycle import ChangeState
    from lifecycle_msgs.msg import Transition

    def change(transition: int) -> Any:
        return EmitEvent(
            event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
        )

    def after(goal: str, action: Any) -> Any:
        return RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state=goal,
                entities=[action],
            )
        )

    configure = change(Transition.TRANSITION_CONFIGURE)
    events = [
        RegisterEventHandler(OnProcessStart(target_action=node, on_start=[configure])),
        after("unconfigured", Shutdown(reason="the driver could not be opened; see the HAL's log")),
    ]
    if activate:
        events.append(after("inactive", change(Transition.TRANSITION_ACTIVATE)))
    return events


def _action(spec: NodeSpec) -> Any:
    from launch.actions import Shutdown
    from launch_ros.actions import LifecycleNode, Node

    def end_all(_event: Any, context: Any) -> Any:
        go_on = context.is_shutdown or not spec.essential
        return None if go_on else Shutdown(reason=f"{spec.name} ended")

    kind = LifecycleNode if spec.lifecycle else Node
    return kind(
        package=spec.package,
        executable=spec.executable,
        name=None if spec.nodes else spec.name,
        namespace=spec.namespace,
        parameters=[dict(spec.parameters)],
        remappings=list(spec.remappings),
        additional_env={"PYTHONUNBUFFERED": "1", **spec.environment},
        output="both",
        sigterm_timeout=str(GRACE_ACTUATORS if spec.owns_actuators else GRACE),
        on_exit=end_all,
    )
