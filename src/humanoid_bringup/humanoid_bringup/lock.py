"""One graph per ROS_DOMAIN_ID and namespace on this host, whatever discovery has heard so far."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from humanoid_bringup.environment import domain
from humanoid_bringup.errors import Exit, HumanoidError


@contextmanager
def only_graph(namespace: str) -> Iterator[None]:
    """Hold the lock of this domain and `namespace`. The kernel releases it when the process ends.

    Raises HumanoidError when another process holds it, or ROS_DOMAIN_ID is none.
    """
    number, path = _file(namespace)
    try:
        # Opened for reading: users of one machine share its domains, and so this file.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HumanoidError(
            f"cannot open {path}: {error.strerror}; remove it, or set another ROS_DOMAIN_ID",
            Exit.ENVIRONMENT,
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise HumanoidError(
            f"a graph already runs in ROS_DOMAIN_ID={number}: stop it first, or set another "
            "ROS_DOMAIN_ID or --namespace",
            Exit.ENVIRONMENT,
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)


def graph_runs(namespace: str) -> bool:
    """Whether another process holds that lock."""
    try:
        descriptor = os.open(_file(namespace)[1], os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _file(namespace: str) -> tuple[str, Path]:
    """The domain, and the file of its lock."""
    number = str(domain())
    place = namespace.strip("/").replace("/", ".") or "root"
    return number, Path(tempfile.gettempdir()) / f"humanoid-graph-{number}-{place}.lock"
