"""Promises of the graph in one process, as `humanoid sim` starts it."""

import os
import signal

import pytest

from .conftest import PATIENCE, alive, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def composed(start):
    """A robot that stands on a graph of one process, and that process."""
    graph = start("sim", "--composed")
    graph.wait_for_output("standing after")
    (process,) = graph.nodes().values()
    return graph, process


def test_it_stands_as_fast_as_it_goes_and_ends_with_0(start):
    graph = start("sim", "--composed", "--free-running", "--seconds", "3")
    assert graph.process.wait(PATIENCE) == 0, graph.output()
    assert "still standing" in graph.output()


def test_ctrl_c_ends_it_in_order(composed):
    graph, process = composed
    assert graph.end(signal.SIGINT) == 0, graph.output()
    assert not alive(process)


def test_killed_it_ends_the_command_with_one_clear_line(composed):
    graph, process = composed
    os.kill(process, signal.SIGKILL)
    assert graph.process.wait(PATIENCE) == 5
    assert "humanoid_graph was killed by SIGKILL" in graph.output()


def test_it_does_not_outlive_a_command_that_is_killed(composed):
    graph, process = composed
    graph.process.kill()
    wait_for(lambda: not alive(process), "the end of the graph")
