"""What an engineer does to boards without a graph: find, name, scan, set up, calibrate, stop.

No ROS. `ports`, `udev` and `can_links` look at the machine; `wire` opens one bus; the rest works on
buses, or on a whole robot through its driver. The `humanoid` verbs are thin shells around these.
"""
