"""The layouts for Foxglove and PlotJuggler are whole, and show what a recording really holds."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from humanoid_bringup.bags.bag import Bag
from humanoid_bringup.bags.fields import scalars
from humanoid_bringup.bags.unit import message_class
from humanoid_bringup.recorder_node import expected
from humanoid_runtime import topics

ROOT = Path(__file__).parents[3]
LAYOUTS = ROOT / "config" / "layouts"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"


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


def strings(value):
    """Every text in nested data."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in strings(item)]


def shown_paths():
    """``topic.field`` of everything that a layout shows, topics without their first slash."""
    foxglove = json.loads((LAYOUTS / "foxglove.json").read_text())["configById"]
    found = [text[1:] for text in strings(foxglove) if text.startswith("/")]
    published = {**expected("g1"), topics.DIAGNOSTICS.strip("/"): DIAGNOSTICS}
    for curve in ElementTree.parse(LAYOUTS / "plotjuggler.xml").getroot().iter("curve"):
        name = curve.get("name")[1:]
        topic = next((t for t in published if name.startswith(f"{t}/")), name)
        found.append(f"{topic}.{name.removeprefix(topic)[1:].replace('/', '.')}")
    rviz = yaml.safe_load((LAYOUTS / "humanoid.rviz").read_text())["Visualization Manager"]
    named = [d.get("Topic") or d.get("Description Topic") for d in rviz["Displays"]]
    found += [topic["Value"] for topic in named if topic]
    return published, found


def test_what_the_layouts_show_is_published_by_the_graph_with_these_fields():
    published, paths = shown_paths()
    assert len(paths) > 30
    for path in paths:
        topic, *fields = path.split(".")
        assert topic in published, path
        message = message_class(published[topic])
        for name in fields:
            kinds = message.get_fields_and_field_types()
            assert name.split("[")[0] in kinds, path
            kind = kinds[name.split("[")[0]].removeprefix("sequence<").split(",")[0].rstrip(">")
            if "/" in kind:
                message = message_class(kind.replace("/", "/msg/"))


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
