"""Camera geometry against OpenCV and matrices worked out another way."""

import cv2
import numpy as np
import pytest

from posepaper import geometry

INTRINSICS = np.array([1145.0, 1143.8, 512.5, 515.5, -0.2, 0.24, -0.002, -0.0009, -0.0016])


def quaternions(count, seed=0):
    found = np.random.default_rng(seed).normal(size=(count, 4))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def in_front(count, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform([-1.5, -1.5, 3.0], [1.5, 1.5, 6.0], (count, 3))


def matrix(quaternion):
    """The rotation by axis and angle, through OpenCV's Rodrigues formula."""
    angle = 2 * np.arctan2(np.linalg.norm(quaternion[1:]), quaternion[0])
    axis = quaternion[1:] / np.linalg.norm(quaternion[1:])
    return cv2.Rodrigues(axis * angle)[0]


def test_rotation_is_that_of_axis_and_angle():
    for quaternion, vector in zip(quaternions(40), in_front(40), strict=True):
        expected = matrix(quaternion) @ vector
        np.testing.assert_allclose(geometry.rotate(quaternion, vector), expected, atol=1e-12)
        back = geometry.rotate_inverse(quaternion, vector)
        np.testing.assert_allclose(back, matrix(quaternion).T @ vector, atol=1e-12)


def test_quaternions_broadcast_over_frames_and_joints():
    many, points = quaternions(5)[:, None], in_front(5 * 17).reshape(5, 17, 3)
    turned = geometry.rotate(many, points)
    for frame in range(5):
        expected = points[frame] @ matrix(many[frame, 0]).T
        np.testing.assert_allclose(turned[frame], expected, atol=1e-12)


def test_camera_frame_is_the_inverse_pose_and_goes_back():
    orientation, translation = quaternions(1)[0], np.array([1.8, -4.2, 1.5])
    world = in_front(30)
    camera = geometry.world_to_camera(world, orientation, translation)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = matrix(orientation), translation
    expected = (np.linalg.inv(pose) @ np.c_[world, np.ones(30)].T).T[:, :3]
    np.testing.assert_allclose(camera, expected, atol=1e-12)
    assert np.allclose(geometry.camera_to_world(camera, orientation, translation), world)
    assert not geometry.world_to_camera(translation[None], orientation, translation).any()


def opencv(points, intrinsics):
    """OpenCV's projection with the coefficients that mean Human3.6M's distortion.

    Human3.6M adds (p1 x + p2 y) (x, y) + (p1, p2) r2, where OpenCV's tangential terms count their
    squares twice; half of the coefficients as tangential, half as thin prism, is the same.
    """
    fx, fy, cx, cy, k1, k2, k3, p1, p2 = intrinsics
    camera = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    distortion = np.array([k1, k2, p2 / 2, p1 / 2, k3, 0, 0, 0, p1 / 2, 0, p2 / 2, 0])
    return cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera, distortion)[0][:, 0]


@pytest.mark.parametrize("kept", [4, 7, 9], ids=["pinhole", "radial", "tangential"])
def test_projection_is_opencv_s(kept):
    intrinsics = np.where(np.arange(9) < kept, INTRINSICS, 0)
    points = in_front(200)
    np.testing.assert_allclose(
        geometry.project(points, intrinsics), opencv(points, intrinsics), atol=1e-8
    )


def test_projection_keeps_shape_and_float32():
    points = in_front(34).reshape(2, 17, 3).astype(np.float32)
    pixels = geometry.project(points, INTRINSICS.astype(np.float32))
    assert pixels.shape == (2, 17, 2) and pixels.dtype == np.float32
    exact = geometry.project(points.astype(np.float64), INTRINSICS)
    np.testing.assert_allclose(pixels, exact, atol=2e-3)


def test_screen_coordinates_keep_the_aspect_and_go_back():
    pixels = np.array([[0.0, 0.0], [1000, 1002], [500, 501], [1000, 0]])
    screen = geometry.normalise_screen(pixels, 1000, 1002)
    np.testing.assert_allclose(screen, [[-1, -1.002], [1, 1.002], [0, 0], [1, -1.002]])
    np.testing.assert_allclose(geometry.image_coordinates(screen, 1000, 1002), pixels)
    single = geometry.normalise_screen(pixels.astype(np.float32), 1000, 1002)
    assert single.dtype == np.float32
    with pytest.raises(ValueError, match="2 coordinates, not 3"):
        geometry.normalise_screen(np.zeros((4, 3)), 1000, 1002)
