"""The graph as ROS 2 launch actions, for the files in `launch/`.

`launch` and `launch_ros` belong to a ROS 2 installation and are imported only when called.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from humanoid_bringup.graph import AUTOSTART, NodeSpec, Options, graph
from humanoid_bringup.process import GRACE, GRACE_ACTUATORS

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


def _value(kind: Any, text: str) -> Any:
    return text == "true" if kind is bool else kind(text)


def launch_nodes(specs: Sequence[NodeSpec]) -> list[Any]:
    """One launch_ros action per node; the end of any essential one ends the launch."""
    return [_action(spec) for spec in specs]


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
