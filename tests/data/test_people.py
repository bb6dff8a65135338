"""The first few images of a 2D dataset, whole."""

import numpy as np
import pytest

from posepaper.data.people import PeopleSet, first_images


@pytest.fixture
def people():
    """Five images: one empty, one of a crowd only; detected boxes in three."""
    image = np.array([0, 0, 2, 3, 4, 4, 4])
    keypoints = np.zeros((7, 17, 3), np.float32)
    keypoints[:, 0, 2] = 2
    return PeopleSet(
        file="people.h5",
        image_ids=np.arange(10, 15),
        sizes=np.full((5, 2), 9),
        encoded=[bytes([i]) for i in range(5)],
        annotation_ids=np.arange(7),
        image_index=image,
        boxes=np.arange(28.0).reshape(7, 4),
        keypoints=keypoints,
        areas=np.ones(7),
        crowds=np.array([0, 0, 0, 1, 0, 0, 0], bool),
        detection_image_index=np.array([0, 3, 3, 4]),
        detection_boxes=np.arange(16.0).reshape(4, 4),
        detection_scores=np.array([0.1, 0.2, 0.3, 0.4]),
    )


def test_images_are_taken_until_they_show_enough_people(people):
    assert first_images(people, 1, boxes=False).image_ids.tolist() == [10]
    found = first_images(people, 3, boxes=False)
    assert found.image_ids.tolist() == [10, 12], "one without people is left out"
    assert first_images(people, 4, boxes=False).image_ids.tolist() == [10, 12, 14]
    everything = first_images(people, 99, boxes=False)
    assert everything.image_ids.tolist() == [10, 12, 14], "and one with a crowd only"
    assert everything.image_index.tolist() == [0, 0, 1, 2, 2, 2]
    assert everything.encoded == [b"\0", b"\2", b"\4"]


def test_boxes_and_people_follow_their_images(people):
    found = first_images(people, 3, boxes=True)
    assert found.image_ids.tolist() == [10, 13]
    assert found.annotation_ids.tolist() == [0, 1, 3] and found.image_index.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(found.boxes, people.boxes[[0, 1, 3]])
    assert found.crowds.tolist() == [False, False, True]
    assert found.detection_image_index.tolist() == [0, 1, 1]
    assert found.detection_scores.tolist() == [0.1, 0.2, 0.3]
    np.testing.assert_array_equal(found.detection_boxes, people.detection_boxes[:3])
    people.detection_boxes = people.detection_image_index = people.detection_scores = None
    assert first_images(people, 3, boxes=True).image_ids.tolist() == [10, 12], "none detected"
