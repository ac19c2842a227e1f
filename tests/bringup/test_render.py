import builtins
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from humanoid_bringup import render
from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_description import RobotDescription, load_robot

ROBOTS = Path(__file__).parents[2] / "config" / "robots"
SIZE = (160, 128)


@pytest.fixture(scope="module")
def g1() -> RobotDescription:
    return load_robot(ROBOTS / "g1")


@pytest.fixture(scope="module")
def standing(g1):
    return np.concatenate([[0.0, 0.0, 0.78, 1.0, 0.0, 0.0, 0.0], g1.poses["ready"]])


@pytest.fixture(scope="module")
def eye(g1):
    """A camera; skipped by name where the machine has no EGL."""
    try:
        studio = render.Studio(g1, SIZE, fine=False)
    except HumanoidError as error:
        pytest.skip(str(error))
    with studio:
        yield studio


@pytest.fixture
def recording(tmp_path, standing):
    path = tmp_path / "run.npz"
    positions = np.repeat(standing[None], 5, axis=0)
    np.savez(path, robot=np.array("g1"), time=np.arange(5) * 40_000_000, qpos=positions)
    return path


def missing(monkeypatch, name):
    """Make `import name` fail as if it were not installed."""
    real = builtins.__import__

    def refuse(module, *rest, **more):
        if module == name or module.startswith(f"{name}."):
            raise ImportError(f"No module named '{module}'")
        return real(module, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


# --- drawing


def test_picture_shows_the_robot_in_its_middle(eye, standing):
    with_robot = eye.draw(standing).astype(int)
    away = standing.copy()
    away[2] += 50.0
    changed = np.abs(with_robot - eye.draw(away)).max(axis=2) > 30
    assert changed.any(axis=1)[SIZE[1] // 2]
    assert 0.05 < changed.mean() < 0.5
    assert not changed[:, :10].any()
    assert not changed[:, -10:].any()


def test_sky_is_above_and_floor_below(eye, standing):
    image = eye.draw(standing).astype(int)
    assert image.shape == (SIZE[1], SIZE[0], 3)
    assert image[0].mean() > image[-1].mean() + 30


def test_camera_follows_a_robot_that_walks_away(g1, eye, standing):
    walked = standing.copy()
    for _ in range(25):
        walked[0] += 0.1
        image = eye.draw(walked).astype(int)
    away = walked.copy()
    away[2] += 50.0
    changed = np.abs(image - eye.draw(away)).max(axis=2) > 30
    assert changed.mean() > 0.03
    assert not changed[:, 0].any()


def test_links_wear_the_colours_of_the_urdf(g1, eye):
    model = eye._model
    colours = {
        link: model.geom_rgba[
            (model.geom_bodyid == model.body(link).id) & (model.geom_group == 1)
        ].mean()
        for link in ("head_link", "torso_link")
    }
    assert colours["head_link"] < colours["torso_link"]


def test_picture_is_written_as_png(g1, eye, standing, tmp_path):
    pytest.importorskip("imageio")
    path = tmp_path / "g1.png"
    render.render_picture(g1, standing, path, SIZE)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_film_is_written_as_mp4_and_progress_is_told(g1, eye, recording, tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    path, told = tmp_path / "film.mp4", []
    render.render_film(g1, recording, path, SIZE, lambda *now: told.append(now))
    assert path.read_bytes()[4:8] == b"ftyp"
    assert told == [(k, 5) for k in range(1, 6)]


# --- refusals


def test_recordings_come_back_as_written(g1, recording, standing):
    times, positions = render.read_recording(recording, g1)
    assert times.tolist() == [0, 40_000_000, 80_000_000, 120_000_000, 160_000_000]
    np.testing.assert_array_equal(positions[-1], standing)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"not a recording"])
def test_file_that_is_no_recording_is_refused_by_name(g1, tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(HumanoidError, match=r"broken\.npz is not a recording"):
        render.read_recording(path, g1)


def test_missing_recording_is_refused_by_name(g1, tmp_path):
    with pytest.raises(HumanoidError, match=r"none\.npz is not a recording"):
        render.read_recording(tmp_path / "none.npz", g1)


def test_recording_without_pictures_is_refused(g1, tmp_path):
    path = tmp_path / "empty.npz"
    np.savez(path, robot=np.array("g1"), time=np.zeros(0, np.int64), qpos=np.zeros(0))
    with pytest.raises(HumanoidError, match="nothing"):
        render.read_recording(path, g1)


def test_recording_of_another_robot_is_refused(g1, recording):
    with pytest.raises(HumanoidError, match="of 'g1', not of 'talos'"):
        render.read_recording(recording, replace(g1, name="talos"))


def test_missing_film_writer_is_named_with_the_next_step(g1, recording, tmp_path, monkeypatch):
    missing(monkeypatch, "imageio_ffmpeg")
    with pytest.raises(HumanoidError, match=r"imageio_ffmpeg.*pip install imageio") as caught:
        render.render_film(g1, recording, tmp_path / "film.mp4")
    assert caught.value.code == Exit.ENVIRONMENT


@pytest.mark.parametrize(
    ("name", "message"), [("film.avi", r"\.mp4"), ("film", r"\.mp4"), ("none/film.mp4", "folder")]
)
def test_film_that_cannot_be_written_is_refused_before_the_run(tmp_path, name, message):
    with pytest.raises(HumanoidError, match=message):
        render.check_film(tmp_path / name)


def test_missing_picture_writer_is_named_with_the_next_step(g1, standing, tmp_path, monkeypatch):
    missing(monkeypatch, "imageio")
    with pytest.raises(HumanoidError, match=r"imageio.*pip install imageio"):
        render.render_picture(g1, standing, tmp_path / "g1.png")


def test_missing_egl_is_named_with_the_package_to_install(g1, monkeypatch):
    missing(monkeypatch, "mujoco.egl")
    with pytest.raises(HumanoidError, match="apt install libegl1") as caught:
        render.Studio(g1, SIZE, fine=False)
    assert caught.value.code == Exit.ENVIRONMENT


def test_picture_in_a_folder_that_is_not_there_is_refused(g1, eye, standing, tmp_path):
    pytest.importorskip("imageio")
    with pytest.raises(HumanoidError, match="cannot write"):
        render.render_picture(g1, standing, tmp_path / "none" / "g1.png", SIZE)
