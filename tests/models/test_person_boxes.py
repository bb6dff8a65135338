"""People found in pictures: by HOG, and by a Darknet network that the user brings."""

import struct

import cv2
import numpy as np
import pytest

from posepaper.data.video import read_video
from posepaper.errors import InputError
from posepaper.models.person_boxes import hog, yolov3
from posepaper.world.footage import write_factory

# One 1x1 convolution that looks at a pixel of every cell, and YOLOv3's last layer.
CFG = """[net]
width=416
height=416
channels=3

[convolutional]
filters=255
size=1
stride=32
pad=0
activation=linear

[yolo]
mask=0,1,2
anchors=116,90, 104,208, 373,326
classes=80
num=3
"""
ANCHOR = (104, 208)


def darknet(folder, chosen=1, label=0):
    """A network that finds ``label`` around every cell whose first pixel is red."""
    biases, weights = np.full((3, 85), -10.0, "<f4"), np.zeros((3, 85, 3), "<f4")
    biases[:, :4] = 0
    biases[chosen, 5 + label] = 10
    weights[chosen, 4, 0] = 20
    (folder / "yolov3.cfg").write_text(CFG, encoding="utf-8")
    header = struct.pack("<iiiq", 0, 2, 0, 0)
    path = folder / "yolov3.weights"
    path.write_bytes(header + biases.tobytes() + weights.tobytes())
    return {name: str(folder / name) for name in ("yolov3.cfg", "yolov3.weights")}


def red_cell(row, column):
    image = np.zeros((832, 416, 3), np.uint8)
    image[row * 64 : row * 64 + 2, column * 32] = (255, 0, 0)
    return image


def test_yolo_finds_a_person_where_the_network_says(tmp_path):
    (box,) = yolov3(darknet(tmp_path))(red_cell(row=4, column=6))
    # Centre of the cell, the anchor's size; the picture is twice as high as the network's.
    width, height = ANCHOR[0], 2 * ANCHOR[1]
    centre = np.array([6.5 * 32, 4.5 * 64])
    np.testing.assert_allclose(box[:2], centre - (width / 2, height / 2), atol=0.5)
    np.testing.assert_allclose(box[2:4], (width, height), atol=0.5)
    assert 0.9 < box[4] <= 1


def test_yolo_knows_a_person_from_a_bicycle_and_one_from_two(tmp_path):
    assert yolov3(darknet(tmp_path, label=1))(red_cell(4, 6)).shape == (0, 5)
    find = yolov3(darknet(tmp_path))
    assert find(np.zeros((832, 416, 3), np.uint8)).shape == (0, 5)
    both = np.maximum(red_cell(2, 2), red_cell(9, 10))
    assert len(find(both)) == 2
    assert len(find(np.maximum(red_cell(4, 6), red_cell(5, 6)))) == 1


def test_files_that_are_no_darknet_network_are_named(tmp_path):
    files = darknet(tmp_path)
    (tmp_path / "yolov3.cfg").write_text("[nothing]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"yolov3\.weights: is no Darknet network") as caught:
        yolov3(files)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "factory.avi"
    write_factory(path, seed=20170)
    return next(read_video(path)[0])


def test_hog_finds_the_mini_world_s_worker(worker):
    boxes = hog({})(worker)
    x, y, width, height = boxes[0, :4]
    assert x > 90 and x + width < 220 and y > 30 and y + height < 240 and height > 130


def test_hog_does_not_depend_on_threads(worker):
    threads, found = cv2.getNumThreads(), []
    for count in (1, 4):
        cv2.setNumThreads(count)
        found.append(hog({})(worker))
    cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*found)


def test_hog_finds_nobody_in_an_empty_picture():
    assert hog({})(np.full((240, 320, 3), 127, np.uint8)).shape == (0, 5)
