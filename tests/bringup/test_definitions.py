import pytest

from humanoid_bringup.definitions import SEPARATOR, definition
from humanoid_bringup.errors import HumanoidError


def test_a_definition_holds_every_type_it_uses_once():
    first, *others = definition("humanoid_interfaces/msg/RobotState").split(SEPARATOR + "\n")
    assert "FootState[] feet" in first
    names = [text.splitlines()[0] for text in others]
    assert sorted(names) == sorted(
        "MSG: " + name
        for name in (
            "std_msgs/Header",
            "builtin_interfaces/Time",
            "geometry_msgs/Pose",
            "geometry_msgs/Point",
            "geometry_msgs/Quaternion",
            "geometry_msgs/Twist",
            "geometry_msgs/Vector3",
            "geometry_msgs/Wrench",
            "humanoid_interfaces/FootState",
        )
    )


def test_constants_comments_and_bounds_are_no_types(tmp_path, monkeypatch):
    folder = tmp_path / "share" / "odd" / "msg"
    folder.mkdir(parents=True)
    (folder / "A.msg").write_text(
        "uint8 ONE=1\n# B comment\nstring<=5 text\nfloat64[<=3] numbers\nB[2] items # C c\n\n"
    )
    (folder / "B.msg").write_text("bool value")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert definition("odd/msg/A").endswith(f"{SEPARATOR}\nMSG: odd/B\nbool value")


def test_a_type_that_is_not_installed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    with pytest.raises(HumanoidError, match="definition of absent_msgs/msg/A is not installed"):
        definition("absent_msgs/msg/A")
