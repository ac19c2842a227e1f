import pytest

from humanoid_bringup import locate
from humanoid_bringup.errors import Exit, HumanoidError


def test_a_robot_is_found_by_name_directory_and_file(config):
    for robot in ("biped", config, config / "robot.yaml"):
        assert locate.find_robot(robot) == config / "robot.yaml"


def test_hardware_is_found_by_name_and_file(config):
    for hardware in ("real", config / "hardware" / "real.yaml"):
        found = locate.find_hardware(config / "robot.yaml", hardware)
        assert found == config / "hardware" / "real.yaml"


def test_an_unknown_robot_is_refused_with_the_list_and_the_nearest(config):
    with pytest.raises(HumanoidError, match=r"among .*biped.*did you mean 'biped'") as caught:
        locate.find_robot("bipde")
    assert caught.value.code == Exit.CONFIGURATION


def test_unknown_hardware_is_refused_with_the_list_and_the_nearest(config):
    with pytest.raises(HumanoidError, match="among mujoco, real; did you mean 'mujoco'"):
        locate.find_hardware(config / "robot.yaml", "mujco")


@pytest.mark.parametrize("path", ["absent/robot.yaml", "absent.yml"])
def test_a_file_that_is_not_there_is_refused_by_its_path(config, path):
    with pytest.raises(HumanoidError, match=f"{path}: no such file"):
        locate.find_robot(path)


def test_the_users_configuration_wins_over_the_installed_one(config, tmp_path, monkeypatch):
    prefix = tmp_path / "prefix"
    for name in ("biped", "installed"):
        robot = prefix / "share" / "humanoid_bringup" / "config" / "robots" / name
        robot.mkdir(parents=True)
        (robot / "robot.yaml").write_text("")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix))
    assert locate.find_robot("biped") == config / "robot.yaml"
    assert locate.find_robot("installed").is_relative_to(prefix)


@pytest.mark.parametrize(("made", "wrong"), [(False, "is no folder"), (True, "no folder 'robots'")])
def test_a_wrong_configuration_path_is_an_error_and_not_ignored(
    config, tmp_path, monkeypatch, made, wrong
):
    other = tmp_path / "other"
    if made:
        other.mkdir()
    monkeypatch.setenv("HUMANOID_CONFIG_PATH", f"{tmp_path / 'config'}:{other}")
    with pytest.raises(HumanoidError, match="HUMANOID_CONFIG_PATH") as caught:
        locate.find_robot("biped")
    assert caught.value.code == Exit.CONFIGURATION
    assert wrong in str(caught.value)
    assert str(other) in str(caught.value)
    assert "robots/<name>/robot.yaml" in str(caught.value)


def test_a_folder_that_is_named_and_installed_is_looked_into_once(config, monkeypatch):
    monkeypatch.setattr(locate, "shared", lambda _: [config.parents[1]])
    assert locate.config_directories() == [config.parents[1]]


def test_a_name_is_never_taken_for_a_directory_of_the_working_directory(
    config, tmp_path, monkeypatch
):
    (tmp_path / "biped").mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate.find_robot("biped") == config / "robot.yaml"


def test_without_a_prefix_python_itself_is_the_prefix(monkeypatch):
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    monkeypatch.setattr("sys.prefix", "/somewhere")
    assert [str(path) for path in locate.prefixes()] == ["/somewhere"]
