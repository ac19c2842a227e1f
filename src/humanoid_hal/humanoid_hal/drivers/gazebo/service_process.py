"""The process that calls Gazebo's services; started by :mod:`.services`, which says why.

It reads one request per line, ``step 2``, ``pause``, ``run`` or ``reset``, and answers each with
one line, ``1`` or ``0``.
"""

import sys

from humanoid_hal.drivers.gazebo.bindings import find_bindings

TIMEOUT = 1000  # [ms] of one service call


def serve(service: str) -> None:
    """Answer requests for the control service of a world until the input ends."""
    bindings = find_bindings()
    control, boolean = bindings.message("WorldControl"), bindings.message("Boolean")
    node = bindings.transport.Node()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        verb, _, number = line.partition(" ")
        request = control()
        if verb == "step":
            request.pause, request.multi_step = True, int(number)
        elif verb.strip() == "reset":
            request.pause, request.reset.all = True, True
        else:
            request.pause = verb.strip() == "pause"
        done, answer = node.request(service, request, control, boolean, TIMEOUT)
        print(int(bool(done and answer.data)), flush=True)


if __name__ == "__main__":
    try:
        serve(sys.argv[1])
    except KeyboardInterrupt:
        pass
