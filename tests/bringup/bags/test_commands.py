"""The verbs on bags, as a script calls them: exit codes, JSON, files."""

import csv
import errno
import json
import os
import sys
from pathlib import Path

import pytest
from sensor_msgs.msg import JointState

from humanoid_bringup.bags.outlet import serialise
from humanoid_bringup.bags.writer import BagWriter
from humanoid_bringup.cli import main
from humanoid_bringup.errors import Exit

from .conftest import SECOND, topic, write_bag


def say(capsys, *words):
    code = main([str(word) for word in words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_info_tells_topics_types_and_counts(small, capsys):
    code, shown, _ = say(capsys, "bag", "info", small, "--json")
    found = json.loads(shown)
    assert code == 0
    assert found["messages"] == 401
    assert found["topics"]["/imu/data"]["type"] == "sensor_msgs/msg/Imu"
    assert "best_effort" in found["topics"]["/imu/data"]["qos"]


def test_check_and_recover_end_with_the_codes_of_the_reference(small, tmp_path, capsys):
    assert say(capsys, "bag", "check", small)[0] == Exit.OK
    cut = tmp_path / "cut.mcap"
    cut.write_bytes((small / "small_0.mcap").read_bytes()[:-500])
    code, _, errors = say(capsys, "bag", "check", cut)
    assert code == Exit.BAG
    assert "bag recover" in errors
    assert len(errors.splitlines()) == 1
    code, shown, _ = say(capsys, "bag", "recover", cut, tmp_path / "saved")
    assert code == 0
    assert "401 messages recovered" in shown
    assert say(capsys, "bag", "check", tmp_path / "saved")[0] == Exit.OK


def test_exported_numbers_read_back_to_the_same_bits(small, tmp_path, capsys):
    assert say(capsys, "bag", "export", small, "-o", tmp_path / "tables")[0] == 0
    with (tmp_path / "tables" / "imu.data.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 400
    from humanoid_bringup.bags.export import series

    name = "imu/data.linear_acceleration.x"
    assert [float(row["linear_acceleration.x"]) for row in rows] == [
        value for _, value in series(small, [name])[name]
    ]


def test_parquet_holds_the_same_table(small, tmp_path, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    words = ("bag", "export", small, "--format", "parquet", "-o", tmp_path / "tables")
    assert say(capsys, *words)[0] == 0
    table = parquet.read_table(tmp_path / "tables" / "imu.data.parquet")
    from humanoid_bringup.bags.export import series

    name = "imu/data.linear_acceleration.x"
    assert table["linear_acceleration.x"].to_pylist() == [
        value for _, value in series(small, [name])[name]
    ]


@pytest.fixture
def growing(tmp_path):
    """A bag whose messages get longer, one of them with a text of 200 KB with line ends."""
    with BagWriter(tmp_path / "growing") as writer:
        writer.add(topic("/joints", "sensor_msgs/msg/JointState"))
        for index in range(7):
            names = [f"j{number}" for number in range(index // 3)]
            message = JointState(name=names, position=[0.5] * len(names))
            message.header.frame_id = 'a "b"\n,' * 25_000 if index == 1 else ""
            writer.write("/joints", SECOND + index, serialise(message))
    return tmp_path / "growing"


def test_sequences_that_grow_leave_cells_empty_before(growing, tmp_path, capsys):
    assert say(capsys, "bag", "export", growing, "-o", tmp_path / "tables")[0] == 0
    with (tmp_path / "tables" / "joints.csv").open(newline="") as stream:
        first, second, *others = csv.DictReader(stream)
    assert first["position[1]"] == ""
    assert second["header.frame_id"] == 'a "b"\n,' * 25_000
    assert others[-1]["position[1]"] == "0.5"
    assert len(others) == 5


def test_parquet_in_batches_is_one_table(growing, tmp_path, capsys, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("humanoid_bringup.bags.export.BATCH", 2)
    words = ("bag", "export", growing, "--format", "parquet", "-o", tmp_path / "tables")
    assert say(capsys, *words)[0] == 0
    table = parquet.read_table(tmp_path / "tables" / "joints.parquet")
    assert table["position[1]"].to_pylist() == [None] * 6 + [0.5]


def test_parquet_without_pyarrow_names_the_command_that_installs_it(
    small, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words = ("bag", "export", small, "--format", "parquet", "-o", tmp_path / "tables")
    code, _, errors = say(capsys, *words)
    assert code == Exit.ENVIRONMENT
    assert "./humanoid setup parquet" in errors
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("bag", "recover", "{bag}", "{new}"), "humanoid_bringup.bags.writer.BagWriter.write"),
        (("bag", "export", "{bag}", "-o", "{new}"), "humanoid_bringup.bags.export._write_csv"),
        (("replay", "{bag}", "-o", "{new}"), "humanoid_bringup.bags.session.BagWriter"),
    ],
)
def test_a_disk_that_fills_up_is_one_line_that_names_the_output(
    tmp_path, capsys, monkeypatch, words, place
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(place, full)
    bag = Path(__file__).parents[2] / "replay" / "bags" / "stand"
    code, _, errors = say(capsys, *(word.format(bag=bag, new=tmp_path / "new") for word in words))
    assert code == Exit.ENVIRONMENT
    assert errors == f"humanoid: {tmp_path / 'new'}: No space left on device\n"


def test_a_plot_is_one_page(small, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert say(capsys, "bag", "plot", small, "imu/data.angular_velocity.z", "-o", page)[0] == 0
    assert page.read_text().count("<svg") == 1
    code, _, errors = say(capsys, "bag", "plot", small, "imu/data.angular_velocity.q")
    assert code == Exit.USAGE
    assert "did you mean" in errors


def test_diff_gives_its_verdict_as_exit_code_and_json(small, tmp_path, capsys):
    other = write_bag(tmp_path / "other", change=lambda i: 1.0 if i == 7 else 0.0)
    assert say(capsys, "diff", small, small)[0] == Exit.OK
    code, shown, _ = say(capsys, "diff", other, small, "--json", "--html", tmp_path / "r.html")
    verdict = json.loads(shown)
    assert code == Exit.FAILED
    assert verdict["first"]["index"] == 7
    assert (tmp_path / "r.html").is_file()


def test_a_refusal_is_one_json_object_too(tmp_path, capsys):
    code, shown, errors = say(capsys, "bag", "check", tmp_path / "gone", "--json")
    said = json.loads(shown)
    assert (code, said["ok"], said["exit_code"]) == (Exit.BAG, False, Exit.BAG)
    assert said["error"] in errors


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "{bag}", "--robot", "g1", "--remap", "nonsense"),
        ("replay", "{bag}", "--robot", "g1", "--config", "wheels=x"),
        ("replay", "{bag}"),
        ("replay", "{bag}", "--robot", "g1", "--node", "nothing"),
        ("replay", "{bag}", "--robot", "g1", "--live", "--check"),
        ("replay", "{bag}", "--robot", "g1", "--live", "--node", "controller"),
        ("replay", "{bag}", "--robot", "g1", "--loop"),
        ("replay", "{bag}", "--robot", "g1", "--html", "page.html"),
        ("diff", "{bag}", "{bag}", "--tolerance", "x"),
        ("bag", "export", "{bag}", "--topics", "/nowhere"),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(small, capsys, words):
    code, _, errors = say(capsys, *(word.format(bag=small) for word in words))
    assert code == Exit.USAGE
    assert len(errors.splitlines()) == 1
