"""Pictures and films of a robot from recorded positions, drawn without a screen.

A recording is what the MuJoCo driver writes with its option `record`: an .npz file with `robot`
(its name), `time` [ns] and `qpos` (base position, base quaternion w x y z, joints in table order;
one row per picture).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from humanoid_bringup.errors import Exit, HumanoidError
from humanoid_description import RobotDescription
from humanoid_description.robot import Array

Image = NDArray[np.uint8]  # shape (height, width, 3)

FILM_SIZE = (960, 720)  # [pixels]; multiples of 16, which H.264 wants
PICTURE_SIZE = (1280, 960)

_HAZE = (0.87, 0.90, 0.93)  # colour of everything far away
_FOLLOW = 0.1  # how much of the way to the robot the camera moves per picture


class Studio:
    """One robot on a floor that fades into haze, and a camera that follows it.

    Use as a context manager. Raises HumanoidError if the machine cannot draw.
    """

    def __init__(self, robot: RobotDescription, size: tuple[int, int], fine: bool) -> None:
        """`size` is width and height [pixels]; `fine` adds shadows and smooth edges.

        A picture of 960 x 720 takes 60 ms in software (llvmpipe), a fine one over a second.
        """
        gl_context = _gl_context()
        import mujoco

        from humanoid_description.mujoco_model import SceneOptions, build_mujoco

        self._mj = mujoco
        self._model = model = build_mujoco(robot, SceneOptions(visuals=True))
        self._data = mujoco.MjData(model)
        _set_lights(mujoco, model, size, fine)
        _set_colours(model, robot)
        try:
            self._gl = gl_context(*size)
            self._gl.make_current()  # again before each picture: there may be two studios
            self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        except (RuntimeError, mujoco.FatalError) as error:
            raise _cannot_draw(error) from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 100)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_FOG] = 1
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = int(fine)
        self._options = mujoco.MjvOption()
        self._area = mujoco.MjrRect(0, 0, *size)
        self._pixels: Image = np.empty((size[1], size[0], 3), np.uint8)
        self._camera = camera = mujoco.MjvCamera()
        camera.azimuth, camera.elevation = 150.0, -8.0
        self._seen = False

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.free()
        self._gl.free()

    def draw(self, qpos: Array) -> Image:
        """Return the picture of one configuration; the camera moves on towards the robot."""
        mj, model, data, scene = self._mj, self._model, self._data, self._scene
        data.qpos[:] = qpos
        mj.mj_kinematics(model, data)
        mj.mj_comPos(model, data)
        mj.mj_camlight(model, data)
        self._follow()
        mj.mjv_updateScene(
            model, data, self._options, None, self._camera, mj.mjtCatBit.mjCAT_ALL.value, scene
        )
        self._add_backdrop()
        self._gl.make_current()
        mj.mjr_render(self._area, scene, self._context)
        mj.mjr_readPixels(self._pixels, None, self._area, self._context)
        return self._pixels[::-1].copy()

    def _follow(self) -> None:
        """Keep the robot in view: aim at its middle, at the height it starts at."""
        base, camera = self._data.qpos[:3], self._camera
        if not self._seen:
            camera.lookat[:] = base
            camera.lookat[2] = 0.85 * base[2]
            camera.distance = 2.7 * base[2]
            self._seen = True
        camera.lookat[:2] += _FOLLOW * (base[:2] - camera.lookat[:2])

    def _add_backdrop(self) -> None:
        """A wall in the haze, so that the edges of the robot blend into its colour."""
        scene, camera, mj = self._scene, self._camera, self._mj
        yaw = np.deg2rad(camera.azimuth)
        forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        axes = np.column_stack([forward, [-forward[1], forward[0], 0.0], [0.0, 0.0, 1.0]])
        wall = scene.geoms[scene.ngeom]
        mj.mjv_initGeom(
            wall, mj.mjtGeom.mjGEOM_BOX, [0.1, 60.0, 60.0],
            camera.lookat + 12.0 * camera.distance * forward, axes.flatten(), [*_HAZE, 1.0],
        )  # fmt: skip
        wall.emission = 1.0
        scene.ngeom += 1


def render_picture(
    robot: RobotDescription, qpos: Array, path: str | Path, size: tuple[int, int] = PICTURE_SIZE
) -> None:
    """Write a picture (.png) of `robot` at `qpos` (shape (nq,), as in a recording).

    Raises HumanoidError if the machine cannot draw or `path` cannot be written.
    """
    imageio = _imageio()
    with Studio(robot, size, fine=True) as studio, _writing(path):
        imageio.v3.imwrite(path, studio.draw(qpos), extension=".png", optimize=True)


def render_film(
    robot: RobotDescription,
    recording: str | Path,
    path: str | Path,
    size: tuple[int, int] = FILM_SIZE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the film (.mp4, H.264) of a recording in the time it happened in.

    `progress` is called with the pictures done and their total. Raises HumanoidError if the machine
    cannot draw, the recording is not one of `robot`, or `path` cannot be written.
    """
    times, positions = read_recording(recording, robot)
    rate = 1e9 / np.median(np.diff(times)) if len(times) > 1 else 25.0
    ffmpeg = _ffmpeg()
    with Studio(robot, size, fine=False) as studio, _writing(path):
        film = ffmpeg.write_frames(str(path), size, fps=rate, quality=8, macro_block_size=16)
        film.send(None)
        try:
            for done, qpos in enumerate(positions, start=1):
                film.send(studio.draw(qpos))
                progress(done, len(positions))
        finally:
            film.close()


def check_film(path: str | Path) -> None:
    """Raise HumanoidError, before anything is simulated, if `path` cannot become a film here."""
    if Path(path).suffix.lower() != ".mp4":
        raise HumanoidError(f"a film is an .mp4 file (got '{path}')", Exit.USAGE)
    if not Path(path).absolute().parent.is_dir():
        raise HumanoidError(f"cannot write {path}: there is no such folder", Exit.ENVIRONMENT)
    _gl_context()
    _ffmpeg()


def read_recording(path: str | Path, robot: RobotDescription) -> tuple[NDArray[np.int64], Array]:
    """Return times [ns], shape (k,), and positions, shape (k, nq). Raises HumanoidError."""
    try:
        with np.load(path) as file:
            times, positions = file["time"], file["qpos"]
            name = str(file["robot"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise HumanoidError(f"{path} is not a recording of the simulator: {error}") from error
    if len(times) == 0:
        raise HumanoidError(f"{path} holds nothing: the simulation ended before its first sample")
    if name != robot.name or positions.ndim != 2 or positions.shape[1] != 7 + len(robot.joints):
        raise HumanoidError(f"{path} is a recording of '{name}', not of '{robot.name}'")
    return times, positions


def _set_lights(mujoco: Any, model: Any, size: tuple[int, int], fine: bool) -> None:
    """A sun, a soft head light, a bright floor and haze; see :class:`Studio` for `fine`."""
    view = model.vis
    view.global_.offwidth, view.global_.offheight = size
    view.quality.shadowsize = 8192 if fine else 0
    view.map.shadowclip = 3.0  # times the extent of the model; below, far floor gets speckles
    view.quality.offsamples = 8 if fine else 0
    view.rgba.fog[:] = [*_HAZE, 1.0]
    view.map.fogstart, view.map.fogend = 2.0, 6.0  # times the extent of the model
    view.headlight.ambient[:], view.headlight.diffuse[:] = 0.35, 0.3
    sun = np.array([2.0, 1.5, 3.0])
    model.light_type[0] = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    model.light_pos[0], model.light_dir[0] = sun, -sun / np.linalg.norm(sun)
    model.light_castshadow[0] = fine
    model.light_diffuse[0] = 0.6
    model.tex_data[:] = np.clip(1.9 * model.tex_data + 20.0, 0, 255)


def _set_colours(model: Any, robot: RobotDescription) -> None:
    """The URDF's material colour on each link's meshes, where it names one."""
    root = ElementTree.fromstring(robot.urdf)
    named = {
        material.get("name"): np.fromstring(colour.get("rgba", ""), sep=" ")
        for material in root.iter("material")
        if (colour := material.find("color")) is not None
    }
    for link in root.iter("link"):
        material = link.find("visual/material")
        if material is None or len(rgba := named.get(material.get("name"), np.empty(0))) != 4:
            continue
        for geom in np.flatnonzero(model.geom_bodyid == model.body(link.get("name")).id):
            if model.geom_group[geom] == 1:
                model.geom_rgba[geom] = np.sqrt(rgba)


def _gl_context() -> Any:
    """MuJoCo's off-screen context. Raises HumanoidError where it is not installed."""
    os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        from mujoco.egl import GLContext
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        raise _cannot_draw(error) from error
    return GLContext


def _cannot_draw(error: Exception) -> HumanoidError:
    return HumanoidError(
        f"cannot draw without a screen: {error}; install EGL (Debian, Ubuntu: sudo apt install"
        " libegl1 libgl1-mesa-dri)",
        Exit.ENVIRONMENT,
    )


def _imageio() -> Any:
    try:
        import imageio.v3
    except ImportError as error:
        raise _no_video(error) from error
    return imageio


def _ffmpeg() -> Any:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise _no_video(error) from error
    return imageio_ffmpeg


def _no_video(error: Exception) -> HumanoidError:
    return HumanoidError(
        f"{error}; install what writes pictures and films: pip install imageio imageio-ffmpeg",
        Exit.ENVIRONMENT,
    )


@contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HumanoidError(f"cannot write {path}: {error}", Exit.ENVIRONMENT) from error
