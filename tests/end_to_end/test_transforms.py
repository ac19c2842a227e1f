"""TF of a running graph, where tf2_msgs is installed: a ROS 2 installation."""

import pytest

pytest.importorskip("tf2_msgs.msg", reason="tf2_msgs comes with a ROS 2 installation only")

from tf2_msgs.msg import TFMessage

from humanoid_bringup.link import Link
from humanoid_runtime import topics

from .conftest import PATIENCE

pytestmark = pytest.mark.slow


def test_a_standing_robots_frames_form_one_tree(start):
    graph = start("sim", "--composed", "--tf")
    graph.wait_for_output("standing after")
    with Link() as link:
        link.watch(TFMessage, "/tf")
        link.watch(TFMessage, "/tf_static", topics.LATCHED)
        assert link.wait(lambda: link.latest("/tf") and link.latest("/tf_static"), PATIENCE)
        both = [*link.latest("/tf").transforms, *link.latest("/tf_static").transforms]
    parents = {each.child_frame_id: each.header.frame_id for each in both}
    assert len(parents) == len(both)
    for frame in parents:
        path = [frame]
        while path[-1] in parents:
            path.append(parents[path[-1]])
        assert path[-1] == "odom"
    base = next(each for each in both if each.child_frame_id == "base_link").transform.translation
    assert 0.7 < base.z < 0.85
    assert {"pelvis", "l_sole", "r_sole", "torso", "base_footprint"} <= set(parents)
