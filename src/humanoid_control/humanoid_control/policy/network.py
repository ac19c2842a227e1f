"""The network of a policy: an ONNX file, run by onnxruntime, which is an optional extra."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humanoid_control.policy.description import PolicyDescription
from humanoid_description.assets import resolve
from humanoid_description.robot import RobotDescription
from humanoid_description.strict_yaml import Source

#: From the input, shape (1, inputs), to the actions, shape (1, n).
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]

INSTALL = "install the extra with './humanoid setup policies'"

#: Relative difference up to which two gains are the same: metadata is written in decimals.
_SAME = 1e-6


class UnavailableError(Exception):
    """The network cannot be run on this machine; the message says what to install."""


def load_network(
    address: str, description: PolicyDescription, source: Source, robot: RobotDescription
) -> Network:
    """Open the network at `address`, and check it against its `description`.

    `source` is the description's file. Raises UnavailableError when something is not installed,
    ConfigError when network and description do not fit.
    """
    path = resolve(address, near=robot.directory)
    if path is None:
        raise UnavailableError(f"the network {address} is not on this machine: {INSTALL}")
    session = _open(path, source)
    _check_shapes(session, description, source, path)
    _check_metadata(_metadata(session), description, source, path)
    source.check()
    name = session.get_inputs()[0].name
    output = [session.get_outputs()[0].name]
    return lambda values: session.run(output, {name: values})[0]


def _open(path: Path, source: Source) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(f"onnxruntime is not there ({error}): {INSTALL}") from error
    options = onnxruntime.SessionOptions()
    # One thread: so small a network gains nothing from more, and its sums keep their order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        source.refuse("", f"its network {path} cannot be opened: {error}")
        source.check()
        raise


def _check_shapes(session: Any, description: PolicyDescription, source: Source, path: Path) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs)
        source.refuse("observations", f"{path.name} has {len(inputs)} inputs ({names}), expected 1")
        return
    for value, where, expected in (
        (inputs[0], "observations", description.inputs),
        (outputs[0], "joints", len(description.joints)),
    ):
        if value.type != "tensor(float)":
            source.refuse(where, f"'{value.name}' of {path.name} is {value.type}, not float")
        size = value.shape[-1] if value.shape else 0
        if len(value.shape) != 2 or (isinstance(size, int) and size != expected):
            source.refuse(
                where,
                f"make {expected} numbers, but '{value.name}' of {path.name} has the shape "
                f"{value.shape}",
            )


def _metadata(session: Any) -> dict[str, Any]:
    """Key -> value of the file's metadata; what is not JSON is left out."""
    values = {}
    for name, text in session.get_modelmeta().custom_metadata_map.items():
        try:
            values[name] = json.loads(text)
        except ValueError:
            continue
    return values


def _check_metadata(
    metadata: Mapping[str, Any], description: PolicyDescription, source: Source, path: Path
) -> None:
    """What the network's maker wrote into the file must be what the description says."""
    names = list(description.joints)
    theirs = metadata.get("dof_names", names)
    for row, (ours, name) in enumerate(zip(names, theirs, strict=False)):
        if ours != name:
            source.refuse(f"joints.{ours}", f"joint {row} of {path.name} is '{name}'")
            return
    for key, column in (("kp", "stiffness"), ("kd", "damping")):
        values = np.asarray(metadata.get(key, description.column(column)), dtype=float)
        if values.shape != (len(names),):
            source.refuse("joints", f"{path.name} has {values.size} values of {key}")
            continue
        for name, ours, value in zip(names, description.column(column), values, strict=True):
            if abs(ours - value) > _SAME * abs(value):
                rule = f"{path.name} was trained with {value:g} (got {ours:g})"
                source.refuse(f"joints.{name}.{column}", rule)
    ranges = metadata.get("command_ranges", {})
    for axis, key in enumerate(("lin_vel_x", "lin_vel_y", "ang_vel_yaw")):
        lower, upper = ranges.get(key, (-np.inf, np.inf))
        for where, value, worse in (
            (
                "command_lower",
                description.command_lower[axis],
                description.command_lower[axis] < lower,
            ),
            (
                "command_upper",
                description.command_upper[axis],
                description.command_upper[axis] > upper,
            ),
        ):
            if worse:
                rule = (
                    f"{path.name} was trained for {key} in [{lower:g}, {upper:g}] (got {value:g})"
                )
                source.refuse(f"{where}[{axis}]", rule)
