"""A crop out of a person's kept region is the crop out of the photo."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepaper.config import Training
from posepaper.data import person_crops
from posepaper.data.crops import crop
from posepaper.data.people import PeopleSet
from posepaper.data.person_crops import read_person_crops, regions, write_person_crops
from posepaper.errors import InputError
from posepaper.training.augmentation import augmented_crops, draw

SIZE = (64, 48)
WIDEST = Training(lr=1, epochs=1, batch=1, threads=1, scale_factor=0.5, rotation=60, half_body=0.6)


def people(seed=0, count=30, photo=(320, 240)):
    """People of all sizes, some cut by the photo's edge, on smooth photos that JPEG keeps well."""
    rng = np.random.default_rng(seed)
    width, height = photo
    encoded = []
    for _ in range(count):
        small = rng.integers(0, 255, (6, 8, 3)).astype(np.uint8)
        image = cv2.resize(small, photo, interpolation=cv2.INTER_CUBIC)
        encoded.append(cv2.imencode(".png", image)[1].tobytes())
    low = rng.uniform(0, 0.8, (count, 2)) * photo
    extent = np.maximum(rng.uniform(0.05, 1, (count, 2)) * (photo - low), 4)
    keypoints = np.empty((count, 17, 3), np.float32)
    keypoints[..., :2] = low[:, None] + rng.random((count, 17, 2)) * extent[:, None]
    keypoints[..., 2] = rng.integers(0, 3, (count, 17))
    keypoints[:, 0, 2] = 2
    boxes = np.concatenate([low, extent], axis=1).astype(np.float32)
    return PeopleSet(
        file="people.h5",
        image_ids=np.arange(count),
        sizes=np.tile([width, height], (count, 1)),
        encoded=encoded,
        annotation_ids=100 + np.arange(count),
        image_index=np.arange(count),
        boxes=boxes,
        keypoints=keypoints,
        areas=extent.prod(axis=1),
        crowds=np.arange(count) == 2,
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_draw_reaches_out_of_the_region(seed):
    """Photos of ones: every pixel that the crop takes from the photo lies in the region."""
    given_people = people(seed=1)
    kept = regions(given_people.boxes, given_people.keypoints, given_people.sizes, [0.75])
    draws = draw(len(kept), WIDEST, seed)
    matrices, _ = augmented_crops(given_people.boxes, given_people.keypoints, draws, SIZE)
    white = np.full((240, 320, 3), 255, np.uint8)
    for matrix, (x, y, w, h) in zip(matrices, kept, strict=True):
        hole = white.copy()
        hole[y : y + h, x : x + w] = 0
        assert not crop(hole, matrix, SIZE[::-1]).any()


def test_crops_of_regions_are_crops_of_photos(tmp_path):
    given_people = people()
    path = tmp_path / "crops.h5"
    write_person_crops(path, given_people, [0.75], identity="made")
    found = read_person_crops(path)
    usable = np.flatnonzero(given_people.usable)
    assert found.annotation_ids.tolist() == (100 + usable).tolist() and 2 not in usable
    draws = draw(len(found), WIDEST, 0)
    matrices, _ = augmented_crops(found.boxes, found.keypoints, draws, SIZE)
    smaller = 0
    for person, matrix in enumerate(matrices):
        x, y, width, height = found.regions[person]
        region = found.image(person)
        assert region.shape == (height, width, 3)
        smaller += region.size < 320 * 240 * 3
        moved = matrix.copy()
        moved[:, 2] += matrix[:, :2] @ [x, y]
        expected = crop(given_people.image(usable[person]), matrix, SIZE[::-1]).astype(int)
        got = crop(region, moved, SIZE[::-1]).astype(int)
        assert np.abs(got - expected).mean() < 1.5
    assert smaller > len(found) / 2


def test_the_same_people_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_person_crops(tmp_path / name, people(), [0.75, 1.0], identity="made")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_damaged_region_is_named(tmp_path):
    write_person_crops(tmp_path / "a", people(count=4), [0.75], identity="made")
    found = read_person_crops(tmp_path / "a")
    found.encoded = [b"", *list(found.encoded)[1:]]
    with pytest.raises(InputError, match=r"the crop of person 100 cannot be decoded"):
        found.image(0)


def test_recipes_stay_within_the_regions():
    limit = Training.model_fields["scale_factor"].metadata
    assert 1 + max(getattr(m, "le", 0) for m in limit) == person_crops.MOST_SCALE
