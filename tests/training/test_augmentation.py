import numpy as np
import pytest

from posepaper.config import Training
from posepaper.data.crops import UPPER_BODY
from posepaper.skeleton import COCO
from posepaper.training.augmentation import Draws, augmented_crops, draw

HEIGHT, WIDTH = 256, 192


def recipe(**values):
    base = {"lr": 1e-3, "epochs": 1, "batch": 1, "threads": 1}
    base |= {"scale_factor": 0.35, "rotation": 45, "half_body": 0.3}
    return Training(**base | values)


def still(people, **changes):
    none = np.zeros(people, dtype=bool)
    base = {"scale": np.ones(people), "rotation": np.zeros(people), "flip": none}
    return Draws(**base | {"half_body": none, "upper": none} | changes)


def people(count=5, seed=0):
    rng = np.random.default_rng(seed)
    boxes = np.concatenate([rng.uniform(0, 200, (count, 2)), rng.uniform(40, 300, (count, 2))], 1)
    keypoints = np.empty((count, 17, 3), dtype=np.float32)
    keypoints[..., :2] = boxes[:, None, :2] + rng.random((count, 17, 2)) * boxes[:, None, 2:]
    keypoints[..., 2] = rng.integers(1, 3, (count, 17))
    return boxes.astype(np.float32), keypoints


def test_draws_follow_the_recipe():
    draws = draw(200_000, recipe(), seed=1)
    assert draws.scale.min() == pytest.approx(0.65) and draws.scale.max() == pytest.approx(1.35)
    assert np.median(draws.scale) == pytest.approx(1, abs=0.01)
    assert (draws.rotation != 0).mean() == pytest.approx(0.6, abs=0.01)
    assert np.abs(draws.rotation).max() == 90
    turned = draws.rotation[draws.rotation != 0]
    # A normal of 45 degrees cut at two sigma.
    assert (np.abs(turned) < 45).mean() == pytest.approx(0.6827, abs=0.01)
    assert draws.flip.mean() == pytest.approx(0.5, abs=0.01)
    assert draws.half_body.mean() == pytest.approx(0.3, abs=0.01)
    assert draws.upper.mean() == pytest.approx(0.6915, abs=0.01)


def test_draws_follow_the_seed():
    first, again, other = (draw(50, recipe(), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.scale, again.scale)
    assert not np.array_equal(first.scale, other.scale)


def test_a_recipe_without_augmentation_draws_none():
    draws = draw(100, recipe(scale_factor=0, rotation=0, half_body=0, flip=False), seed=0)
    assert np.all(draws.scale == 1) and not draws.rotation.any()
    assert not draws.flip.any() and not draws.half_body.any()


def test_the_centre_of_the_box_becomes_the_centre_of_the_crop():
    boxes, _ = people()
    centres = np.zeros((5, 17, 3), dtype=np.float32)
    centres[..., :2] = (boxes[:, :2] + boxes[:, 2:] / 2)[:, None]
    for draws in (still(5), still(5, flip=np.ones(5, bool), rotation=np.full(5, 30.0))):
        _, moved = augmented_crops(boxes, centres, draws, (HEIGHT, WIDTH))
        np.testing.assert_allclose(moved[..., 0], WIDTH / 2, atol=1e-3)
        np.testing.assert_allclose(moved[..., 1], HEIGHT / 2, atol=1e-3)


def test_mirrored_is_the_crop_of_the_mirrored_image():
    """Against mirroring image, box and keypoints by hand, then cropping plainly."""
    boxes, keypoints = people()
    image_width = 640
    flipped_boxes, flipped = boxes.copy(), keypoints[:, list(COCO.flip)].copy()
    flipped_boxes[:, 0] = image_width - boxes[:, 0] - boxes[:, 2]
    flipped[..., 0] = image_width - flipped[..., 0]
    turn = np.array([0, 20, -50, 90, 10.0])
    _, expected = augmented_crops(flipped_boxes, flipped, still(5, rotation=-turn), (HEIGHT, WIDTH))
    mirrored = still(5, rotation=turn, flip=np.ones(5, bool))
    _, moved = augmented_crops(boxes, keypoints, mirrored, (HEIGHT, WIDTH))
    np.testing.assert_allclose(moved, expected, atol=1e-2)


def test_keypoints_go_where_the_matrix_takes_them():
    boxes, keypoints = people()
    draws = still(5, scale=np.linspace(0.7, 1.3, 5), rotation=np.linspace(-90, 90, 5))
    matrices, moved = augmented_crops(boxes, keypoints, draws, (HEIGHT, WIDTH))
    for p in range(5):
        for k in range(17):
            expected = matrices[p] @ np.append(keypoints[p, k, :2], 1)
            np.testing.assert_allclose(moved[p, k, :2], expected, atol=1e-2)
    np.testing.assert_array_equal(moved[..., 2], keypoints[..., 2])


def slow_half_body(keypoints, upper):
    """Centre and width of a half body's padded box, joint by joint."""
    picked = {True: [], False: []}
    for k, (x, y, v) in enumerate(keypoints):
        if v > 0:
            picked[bool(UPPER_BODY[k])].append((x, y))
    side = upper if len(picked[upper]) > 2 else True
    if not upper and len(picked[False]) <= 2:
        side = True
    if upper and len(picked[True]) <= 2:
        side = len(picked[False]) <= 2
    joints = np.array(picked[side])
    width, height = joints.max(0) - joints.min(0)
    return joints.mean(0), max(width, height * WIDTH / HEIGHT) * 1.5


@pytest.mark.parametrize("upper", [True, False])
def test_half_bodies(upper):
    boxes, keypoints = people()
    keypoints[1, :9, 2] = 0
    keypoints[2, 13:, 2] = 0
    keypoints[3, 5:, 2] = 0
    yes = np.ones(5, bool)
    draws = still(5, half_body=yes, upper=yes & upper)
    matrices, _ = augmented_crops(boxes, keypoints, draws, (HEIGHT, WIDTH))
    plain, _ = augmented_crops(boxes, keypoints, still(5), (HEIGHT, WIDTH))
    for p in range(5):
        if (keypoints[p, :, 2] > 0).sum() <= 8:
            np.testing.assert_array_equal(matrices[p], plain[p])
            continue
        centre, width = slow_half_body(keypoints[p], upper)
        middle = matrices[p] @ np.append(centre, 1)
        np.testing.assert_allclose(middle, [WIDTH / 2, HEIGHT / 2], atol=1e-2)
        assert matrices[p, 0, 0] == pytest.approx(WIDTH / width, rel=1e-4)


def test_half_a_body_on_one_point_is_left_whole():
    boxes, keypoints = people(1)
    keypoints[..., :2] = 50
    yes = np.ones(1, bool)
    matrices, _ = augmented_crops(
        boxes, keypoints, still(1, half_body=yes, upper=yes), (HEIGHT, WIDTH)
    )
    plain, _ = augmented_crops(boxes, keypoints, still(1), (HEIGHT, WIDTH))
    np.testing.assert_array_equal(matrices, plain)
