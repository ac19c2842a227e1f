"""Makes the reference bags of this folder anew: after a change that is meant to change them.

python tests/replay/make_bags.py
"""

import shutil
from pathlib import Path

from geometry_msgs.msg import PoseStamped

from humanoid_bringup.bags.simulated import record_simulation

BAGS = Path(__file__).parent / "bags"


def squat(tick):
    """One order, half a second in: lower and lean."""
    if round(tick.time * 1000) != 700:
        return None
    order = PoseStamped()
    order.pose.position.z = float(tick.estimate.position[2]) - 0.05
    order.pose.orientation.y, order.pose.orientation.w = 0.05, 0.99875
    return order


def main():
    shutil.rmtree(BAGS, ignore_errors=True)
    print("stand:", record_simulation(BAGS / "stand", 1.3, squat, seed=3).time, "s")
    print("fall:", record_simulation(BAGS / "fall", 1.5, startup_mode="damping", seed=5).time, "s")


if __name__ == "__main__":
    main()
