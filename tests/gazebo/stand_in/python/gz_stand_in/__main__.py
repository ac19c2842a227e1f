"""`gz sim -s [-r] world.sdf` and `gz sim -g`."""

import signal
import sys

from gz_stand_in.server import Server


def main(arguments):
    """What the script `gz` runs; the exit code."""
    if arguments[:1] != ["sim"] or not {"-s", "-g"} & set(arguments):
        print("the stand-in knows `gz sim -s world.sdf` and `gz sim -g` only", file=sys.stderr)
        return 2
    if "-g" in arguments:
        signal.pause()
        return 0
    world = next((word for word in arguments if word.endswith(".sdf")), None)
    if world is None:
        print("no world given", file=sys.stderr)
        return 1
    Server(world, running="-r" in arguments).run()
    return 0


sys.exit(main(sys.argv[1:]))
