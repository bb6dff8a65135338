import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posepaper.data import crops


def _three_points(centre, scale, rotation, size):
    """The public recipe: centre, top middle, and the corner that makes a right angle."""
    angle, width = np.deg2rad(rotation), scale[0] * 200
    up = np.array([0, -width / 2])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def third(a, b):
        d = a - b
        return b + np.array([-d[1], d[0]])

    source = [np.asarray(centre), np.asarray(centre) + turn @ up]
    middle = np.array(size) / 2
    target = [middle, middle + np.array([0, -size[0] / 2])]
    source.append(third(source[0], source[1]))
    target.append(third(target[0], target[1]))
    return cv2.getAffineTransform(np.float32(source), np.float32(target))


@given(
    st.floats(0, 600), st.floats(0, 600), st.floats(0.2, 4), st.floats(-90, 90),
    st.sampled_from([(192, 256), (48, 64), (256, 256)]),
)  # fmt: skip
def test_affine_is_the_three_point_recipe(x, y, scale, rotation, size):
    ours = crops.affine([x, y], [scale, scale * size[1] / size[0]], rotation, size)
    theirs = _three_points([x, y], [scale], rotation, size)
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3 * max(1, np.abs(theirs).max()))


def test_box_is_padded_to_the_aspect_and_enlarged():
    boxes = np.array([[10, 20, 30, 80], [0, 0, 300, 100]])
    centres, scales = crops.box_to_centre_scale(boxes)
    np.testing.assert_allclose(centres, [[25, 60], [150, 50]])
    np.testing.assert_allclose(scales * 200, [[75, 100], [375, 500]], rtol=1e-6)
    _, square = crops.box_to_centre_scale(boxes, aspect=1.0)
    np.testing.assert_allclose(square * 200, [[100, 100], [375, 375]], rtol=1e-6)


def test_batched_is_each_one_alone():
    rng = np.random.default_rng(0)
    boxes = rng.uniform(10, 300, size=(7, 4))
    angles = rng.uniform(-45, 45, size=7)
    centres, scales = crops.box_to_centre_scale(boxes)
    many = crops.affine(centres, scales, angles, (48, 64))
    assert many.shape == (7, 2, 3) and many.dtype == np.float32
    for i in range(7):
        one = crops.affine(centres[i], scales[i], angles[i], (48, 64))
        np.testing.assert_array_equal(many[i], one)
    still = crops.affine(centres, scales, 0.0, (48, 64))
    np.testing.assert_allclose(still[:, 0, 0], 48 / (scales[:, 0] * 200), rtol=1e-6)


def test_inverse_brings_points_back():
    rng = np.random.default_rng(1)
    matrix = crops.affine(rng.uniform(0, 500, (5, 2)), rng.uniform(0.5, 3, (5, 2)), 30.0, (48, 64))
    points = rng.uniform(0, 500, (5, 17, 2)).astype(np.float32)
    there = crops.transform_points(points, matrix)
    assert there.dtype == np.float32
    np.testing.assert_allclose(
        crops.transform_points(there, crops.invert(matrix)), points, atol=0.02
    )
    for i in range(5):
        expected = matrix[i] @ np.concatenate([points[i], np.ones((17, 1))], axis=1).T
        np.testing.assert_allclose(there[i], expected.T, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("rotation", [0.0, 35.0])
def test_crop_shows_a_point_where_the_matrix_says(rotation):
    image = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(image, (140, 90), 4, (255, 255, 255), -1)
    centre, scale = crops.box_to_centre_scale([100, 50, 60, 100])
    matrix = crops.affine(centre, scale, rotation, (96, 128))
    patch = crops.crop(image, matrix, (96, 128))
    assert patch.shape == (128, 96, 3)
    weight = patch[..., 0].astype(float)
    rows, columns = np.mgrid[:128, :96]
    seen = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    expected = crops.transform_points(np.array([[140.0, 90.0]]), matrix)[0]
    np.testing.assert_allclose(seen, expected, atol=0.2)
