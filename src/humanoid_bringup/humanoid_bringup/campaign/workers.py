"""Where scenarios are run: in processes of this machine, or on a Ray cluster.

Both give each result as it comes, in any order; a scenario that raises gives the error's text.
"""

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from humanoid_bringup.campaign.definition import Scenario
from humanoid_bringup.campaign.run import run_scenario
from humanoid_bringup.errors import Exit, HumanoidError

#: A scenario, its figures, and why there are none ("" when there are).
Outcome = tuple[Scenario, dict[str, Any], str]
Workers = Callable[[Sequence[Scenario]], Iterator[Outcome]]

CONNECTING = 10.0  # [s]

INSTALL = "install it with './humanoid setup ray', on every machine of the cluster in this version"


def attempt(scenario: Scenario) -> Outcome:
    """Run one; what it raises becomes text, which crosses every process border."""
    try:
        return scenario, run_scenario(scenario), ""
    except Exception as error:
        return scenario, {}, f"{type(error).__name__}: {error}"


def local(processes: int) -> Workers:
    """In so many processes of this machine, each of one thread."""

    def run(scenarios: Sequence[Scenario]) -> Iterator[Outcome]:
        # Fresh processes: sums of a BLAS with several threads depend on how many there are.
        os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context) as pool:
            try:
                with _deaf():
                    waiting = [pool.submit(attempt, scenario) for scenario in scenarios]
                for done in as_completed(waiting):
                    yield done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    return run


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started here ignore Ctrl-C: this one tells them to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _knock(address: str) -> None:
    """Raises OSError when nobody listens at a host:port: Ray itself would try for ten minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), CONNECTING).close()


def on_ray(address: str) -> Workers:
    """On the Ray cluster at `address` ("local": one made for this run). Raises HumanoidError."""
    try:
        import ray
    except ImportError as error:
        raise HumanoidError(
            f"--ray needs Ray, which is not there: {INSTALL}", Exit.ENVIRONMENT
        ) from error

    def run(scenarios: Sequence[Scenario]) -> Iterator[Outcome]:
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, runtime_env={"env_vars": threads})
        except Exception as error:  # Ray raises plain Exception when a node does not come up
            raise HumanoidError(
                f"no Ray cluster at '{address}': {error}", Exit.ENVIRONMENT
            ) from error
        try:
            remote = ray.remote(attempt)
            waiting = {remote.remote(scenario): scenario for scenario in scenarios}
            while waiting:
                done, _ = ray.wait(list(waiting))
                scenario = waiting.pop(done[0])
                try:
                    yield ray.get(done[0])
                except ray.exceptions.RayError as error:  # the worker itself died
                    yield scenario, {}, f"Ray: {error}"
        finally:
            ray.shutdown()

    return run
