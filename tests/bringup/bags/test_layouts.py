"""The layouts for Foxglove and PlotJuggler are whole, and show what a recording really holds."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.fields import scalars

ROOT = Path(__file__).parents[3]
LAYOUTS = ROOT / "config" / "layouts"


@pytest.fixture(scope="module")
def recorded():
    """``/topic.field`` of everything in a reference bag."""
    with Bag(ROOT / "tests" / "replay" / "bags" / "stand") as bag:
        decoder, found = bag.decoder(), set()
        for message in bag.messages():
            if message.topic not in found:
                found.add(message.topic)
                kind = bag.topics[message.topic].kind
                for path, _ in scalars(decoder.decode(kind, message.data)):
                    found.add(f"{message.topic}.{path}")
    return found


def panels(node):
    if isinstance(node, str):
        return [node]
    assert set(node) == {"first", "second", "direction", "splitPercentage"}
    assert node["direction"] in ("row", "column")
    return [*panels(node["first"]), *panels(node["second"])]


def test_the_foxglove_layout_shows_each_of_its_panels_once():
    layout = json.loads((LAYOUTS / "foxglove.json").read_text())
    assert {"configById", "globalVariables", "userNodes", "layout"} <= set(layout)
    assert sorted(panels(layout["layout"])) == sorted(layout["configById"])
    kinds = {name.split("!")[0] for name in layout["configById"]}
    assert kinds == {"Plot", "StateTransitions", "RawMessages", "DiagnosticSummary"}


def test_every_path_of_the_foxglove_layout_is_recorded(recorded):
    layout = json.loads((LAYOUTS / "foxglove.json").read_text())
    paths = [p["value"] for c in layout["configById"].values() for p in c.get("paths", ())]
    assert len(paths) > 10
    assert [path for path in paths if path not in recorded] == []


def test_every_curve_of_the_plotjuggler_layout_is_recorded(recorded):
    root = ElementTree.parse(LAYOUTS / "plotjuggler.xml").getroot()
    assert root.tag == "root"
    assert root.find("tabbed_widget/currentTabIndex") is not None
    for splitter in root.iter("DockSplitter"):
        areas = splitter.findall("DockArea")
        assert splitter.get("count") == str(len(areas))
        assert len(splitter.get("sizes").split(";")) == len(areas)
    names = {re.sub("^/imu/data", "/imu|data", path) for path in recorded}
    known = {name.replace(".", "/").replace("|", "/") for name in names}
    curves = [curve.get("name") for curve in root.iter("curve")]
    assert len(curves) > 10
    assert [curve for curve in curves if curve not in known] == []


def test_the_rviz_file_shows_topics_of_the_graph_with_their_qos(recorded):
    shown = yaml.safe_load((LAYOUTS / "humanoid.rviz").read_text())["Visualization Manager"]
    assert shown["Global Options"]["Fixed Frame"] == "odom"
    best_effort = {"odom", "wrench/l_sole", "wrench/r_sole"}
    for display in shown["Displays"]:
        topic = display.get("Topic") or display.get("Description Topic")
        if topic is None:
            continue
        assert f"/{topic['Value']}" in {path.split(".")[0] for path in recorded}
        reliable = topic["Reliability Policy"] == "Reliable"
        latched = topic["Durability Policy"] == "Transient Local"
        assert reliable == latched == (topic["Value"] not in best_effort)
