import pytest


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration of one robot, `biped`, with the hardware `mujoco` and `real`."""
    directory = tmp_path / "config" / "robots" / "biped"
    (directory / "hardware").mkdir(parents=True)
    (directory / "robot.yaml").write_text("name: biped\n")
    (directory / "hardware" / "mujoco.yaml").write_text("driver: mujoco\n")
    (directory / "hardware" / "real.yaml").write_text("driver: mock\n")
    monkeypatch.setenv("HUMANOID_CONFIG_PATH", str(tmp_path / "config"))
    return directory
