"""Exit codes of the command line and the one exception that carries them."""

from enum import IntEnum


class Exit(IntEnum):
    """What a script reads; the table is in docs/cli.md."""

    OK = 0
    FAILED = 1  # it ran, and the answer is no: fell, refused, a bar missed
    USAGE = 2  # the command line is wrong (argparse's own code)
    CONFIGURATION = 3  # a file or name of the configuration is wrong
    NO_GRAPH = 4  # no node answers: nothing runs here, or discovery does not reach it
    NODE_DIED = 5  # a node of the graph ended by itself
    ENVIRONMENT = 6  # something is not installed, not permitted or full
    BAG = 7  # a recording is damaged, empty or of another kind


class HumanoidError(Exception):
    """One line for the user: what is wrong and the next step; `code` is the exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
