"""The `main` of every node: start, run, and leave in order whatever happens."""

import os
import signal
import sys
import traceback
from typing import Protocol

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.signals import SignalHandlerOptions


class Runnable(Protocol):
    """A node's shell."""

    def run(self) -> None:
        """Work until :func:`stopping` says so."""

    def close(self) -> None:
        """Release everything; called exactly once, also after an error."""


_stop_signal: int | None = None


def stopping() -> bool:
    """Whether the process was asked to stop (SIGINT, SIGTERM, SIGHUP) or ROS was shut down."""
    return _stop_signal is not None or not rclpy.ok()


def _remember(number: int, _frame: object) -> None:
    global _stop_signal
    _stop_signal = number


def run_node(make: type[Runnable], arguments: list[str] | None = None) -> int:
    """Run the node that `make()` builds, and return the process's exit code.

    Signals only raise a flag, so that a node is never interrupted between two of its own lines:
    publishers still work while :meth:`Runnable.close` runs, and a second SIGINT (the terminal's and
    the launcher's) changes nothing. Exit code 0 after a signal, 1 after an error, which is printed
    in one line; its traceback follows where ``HUMANOID_DEBUG`` is set.
    """
    rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _remember)
    shell: Runnable | None = None
    code = 0
    try:
        shell = make()
        shell.run()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception as error:
        code = 1
        _report(error)
    finally:
        try:
            if shell is not None:
                shell.close()
        except Exception as error:
            code = 1
            _report(error)
        rclpy.try_shutdown()
    return code


def _report(error: Exception) -> None:
    print(f"error: {error}", file=sys.stderr, flush=True)
    if os.environ.get("HUMANOID_DEBUG"):
        traceback.print_exception(error)
