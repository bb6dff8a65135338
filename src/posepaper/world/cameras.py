"""Calibrated cameras of Human3.6M's kind: four at the corners of the floor, z-up world."""

from dataclasses import dataclass

import numpy as np

from posepaper.geometry import project, world_to_camera
from posepaper.world.randomness import stream

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")
SIZE = 250

# Rounded from what is publicly known of Human3.6M's rig: positions in metres, focal length,
# centre and distortion for frames of 1000 pixels.
_POSITIONS = ((1.84, 4.95, 1.56), (1.76, -5.08, 1.61), (-1.85, 5.20, 1.49), (-1.80, -3.75, 1.57))
_TARGET = (0.05, 0.25, 0.95)
_FOCAL = ((1145.0, 1144.0), (1149.5, 1148.0), (1149.0, 1149.0), (1145.5, 1145.0))
_CENTRE = ((512.5, 515.5), (508.8, 508.1), (519.8, 501.4), (514.9, 501.9))
_RADIAL = (-0.207, 0.247, -0.0031)
_TANGENTIAL = (-0.00098, -0.00142)


@dataclass(frozen=True)
class Camera:
    """A calibrated camera: size and ``intrinsics`` (9,) in pixels, ``orientation`` (4,) unit
    quaternion (w, x, y, z) and ``translation`` (3,) metres, both from camera to world.
    """

    name: str
    width: int
    height: int
    intrinsics: np.ndarray
    orientation: np.ndarray
    translation: np.ndarray

    def view(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) metres as pixels (..., 2) and camera coordinates (..., 3)."""
        seen = world_to_camera(points, self.orientation, self.translation)
        return project(seen, self.intrinsics), seen


def look_at(position, target, roll: float = 0.0) -> np.ndarray:
    """Quaternion of a camera (x right, y down, z forward) at ``position`` facing ``target``."""
    forward = np.asarray(target, float) - np.asarray(position, float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    right, down = (
        right * np.cos(roll) + down * np.sin(roll),
        down * np.cos(roll) - right * np.sin(roll),
    )
    return _quaternion(np.stack([right, down, forward], axis=1))


def _quaternion(matrix: np.ndarray) -> np.ndarray:
    """The quaternion of a rotation, as the top eigenvector of Bar-Itzhack's 4 x 4 matrix."""
    m = matrix
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = m
    k = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, yx + xy, zx + xz],
            [xz - zx, yx + xy, yy - xx - zz, zy + yz],
            [yx - xy, zx + xz, zy + yz, zz - xx - yy],
        ]
    )
    q = np.linalg.eigh(k)[1][:, -1]
    return q if q[0] >= 0 else -q


def human36m_rig(seed: int, subject: str) -> list[Camera]:
    """The four cameras in Human3.6M's order; every subject's recording day moved them a little."""
    rng = stream(seed, "rig", subject)
    shrink = SIZE / 1000
    rig = []
    for name, at, focal, centre in zip(CAMERA_IDS, _POSITIONS, _FOCAL, _CENTRE, strict=True):
        position = np.array(at) + rng.normal(0, 0.02, 3)
        target = np.array(_TARGET) + rng.normal(0, 0.02, 3)
        orientation = look_at(position, target, roll=rng.normal(0, 0.008))
        lens = [*np.multiply(focal, shrink), *np.multiply(centre, shrink), *_RADIAL, *_TANGENTIAL]
        # Rounded as they are stored, so that what is drawn is what the written file says.
        rig.append(
            Camera(name, SIZE, SIZE, np.array(lens), orientation.round(8), position.round(6))
        )
    return rig


def plain_camera(name, size: tuple[int, int], focal: float, position, target) -> Camera:
    """A camera without distortion; ``size`` is (width, height) and ``focal`` is in pixels."""
    width, height = size
    lens = np.array([focal, focal, width / 2, height / 2, 0, 0, 0, 0, 0], dtype=float)
    return Camera(
        str(name), width, height, lens, look_at(position, target), np.asarray(position, float)
    )
