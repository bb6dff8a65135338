"""Camera geometry: quaternions, extrinsics, projection with distortion, screen coordinates.

Frames: world is z-up metres; camera is x right, y down, z forward, metres. Quaternions are
(w, x, y, z) and rotate camera axes into the world, as in Human3.6M's released cameras.
All functions take leading batch dimensions.
"""

import numpy as np


def rotate(quaternion: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotates vectors (..., 3) by unit quaternions (..., 4), broadcasting."""
    q = np.asarray(quaternion, dtype=vectors.dtype)
    axis = np.broadcast_to(q[..., 1:], vectors.shape)
    uv = np.cross(axis, vectors)
    return vectors + 2 * (q[..., :1] * uv + np.cross(axis, uv))


def rotate_inverse(quaternion: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Rotates vectors (..., 3) by the inverse of unit quaternions (..., 4)."""
    return rotate(np.asarray(quaternion) * np.array([1.0, -1.0, -1.0, -1.0]), vectors)


def world_to_camera(points, orientation, translation) -> np.ndarray:
    """World points (..., 3) metres in the frame of a camera at ``translation`` (3,) metres."""
    return rotate_inverse(orientation, points - np.asarray(translation, dtype=points.dtype))


def camera_to_world(points, orientation, translation) -> np.ndarray:
    """Inverse of :func:`world_to_camera`."""
    return rotate(orientation, points) + np.asarray(translation, dtype=points.dtype)


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Camera points (..., 3) metres to pixels (..., 2), Human3.6M's distortion model.

    ``intrinsics`` is (9,): fx fy cx cy k1 k2 k3 (radial) p1 p2 (tangential), focal lengths and
    centre in pixels. Source: Human3.6M's release, as used by VideoPose3D.
    """
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = np.asarray(intrinsics, dtype=points.dtype)
    xy = points[..., :2] / points[..., 2:]
    r2 = np.sum(xy**2, axis=-1, keepdims=True)
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    tangential = xy @ np.array([p1, p2], dtype=points.dtype)
    xy = xy * (radial + tangential[..., None]) + np.array([p1, p2], dtype=points.dtype) * r2
    return xy * np.array([fx, fy], dtype=points.dtype) + np.array([cx, cy], dtype=points.dtype)


def normalise_screen(pixels: np.ndarray, width, height) -> np.ndarray:
    """Pixels (..., 2) to [-1, 1] in x with the aspect ratio kept: x/w*2 - [1, h/w]."""
    if pixels.shape[-1] != 2:
        raise ValueError(f"pixels must end in 2 coordinates, not {pixels.shape[-1]}")
    offset = np.array([1.0, height / width], dtype=pixels.dtype)
    return pixels / pixels.dtype.type(width) * 2 - offset


def image_coordinates(points: np.ndarray, width, height) -> np.ndarray:
    """Inverse of :func:`normalise_screen`."""
    offset = np.array([1.0, height / width], dtype=points.dtype)
    return (points + offset) * points.dtype.type(width) / 2
