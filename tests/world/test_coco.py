"""COCO's files: their JSON format, people where the boxes and keypoints say, a box detector."""

import contextlib
import io
import json
import zipfile

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO as Annotations

from posepaper.skeleton import COCO
from posepaper.world.coco import cast, make_picture, write_detections
from posepaper.world.human36m import make_shots

DETECTIONS = "COCO_val2017_detections_AP_H_56_person.json"


@pytest.fixture(scope="module")
def pictures():
    shots = make_shots(0, ["S9"], ["Walking", "Sitting", "Posing"], 1, (8, 8))
    return [make_picture(0, "val", n, cast(0, "val", n, shots)) for n in range(1, 61)]


@pytest.mark.parametrize("split", ["train", "val"])
def test_pycocotools_reads_the_annotations(tiny, settings, split):
    path = tiny / "coco" / "annotations" / f"person_keypoints_{split}2017.json"
    with contextlib.redirect_stdout(io.StringIO()):
        annotations = Annotations(str(path))
    assert len(annotations.imgs) == settings["coco_images"][split]
    category = annotations.loadCats(1)[0]
    assert category["name"] == "person" and category["keypoints"] == list(COCO.joints)
    keys = {"id", "image_id", "category_id", "iscrowd", "segmentation", "area", "bbox"}
    for person in annotations.loadAnns(annotations.getAnnIds()):
        assert set(person) == keys | {"num_keypoints", "keypoints"}
        keypoints = np.array(person["keypoints"]).reshape(17, 3)
        assert set(keypoints[:, 2]) <= {0, 1, 2}
        assert person["num_keypoints"] == np.count_nonzero(keypoints[:, 2])
        assert (keypoints[keypoints[:, 2] == 0] == 0).all()


def test_archives_hold_exactly_the_listed_images(tiny):
    for split in ("train", "val"):
        path = tiny / "coco" / "annotations" / f"person_keypoints_{split}2017.json"
        images = json.loads(path.read_text())["images"]
        with zipfile.ZipFile(tiny / "coco" / f"{split}2017.zip") as archive:
            assert archive.namelist() == [f"{split}2017/{i['file_name']}" for i in images]
            for image in images:
                data = archive.read(f"{split}2017/{image['file_name']}")
                pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                assert pixels.shape == (image["height"], image["width"], 3)


def test_people_are_inside_their_pictures_and_boxes_hold_their_keypoints(pictures):
    assert {len(p.boxes) for p in pictures} >= {1, 2, 3}
    for picture in pictures:
        for (x, y, w, h), area, keypoints in zip(
            picture.boxes, picture.areas, picture.keypoints, strict=True
        ):
            assert x >= 0 and y >= 0 and x + w <= picture.size[0] and y + h <= picture.size[1]
            assert 60 <= area <= w * h
            marked = keypoints[keypoints[:, 2] > 0, :2]
            assert (marked >= (x - 2, y - 2)).all()
            assert (marked <= (x + w + 2, y + h + 2)).all()


def test_all_three_visibilities_occur(pictures):
    flags = np.concatenate([p.keypoints[..., 2].ravel() for p in pictures])
    share = [np.mean(flags == flag) for flag in (0, 1, 2)]
    assert share[0] > 0.01 and share[1] > 0.08 and share[2] > 0.5


def test_an_eye_that_is_marked_visible_is_dark_or_skin_and_not_background(pictures):
    left_right = []
    for picture in pictures:
        for person in picture.keypoints:
            if (person[[1, 2, 5, 6], 2] == 2).all() and person[0, 2] == 2:
                left_right.append(person[1, 0] > person[2, 0])
    # Both eyes are seen from the front only, where the left one is on the picture's right.
    assert len(left_right) > 5 and np.mean(left_right) > 0.8


def test_detections_jitter_miss_and_invent(tmp_path, pictures):
    write_detections(tmp_path, 0, pictures)
    found = json.loads((tmp_path / DETECTIONS).read_text())
    assert all(set(d) == {"image_id", "category_id", "bbox", "score"} for d in found)
    assert all(d["category_id"] == 1 and 0 <= d["score"] <= 1 for d in found)
    boxes = {p.number: p.boxes for p in pictures}
    best = [overlap(np.array(d["bbox"]), boxes[d["image_id"]]).max(initial=0) for d in found]
    score = np.array([d["score"] for d in found])
    good = np.array(best) > 0.6
    people = sum(len(b) for b in boxes.values())
    assert 0.85 * people < np.count_nonzero(good) < 1.3 * people
    assert np.count_nonzero(~good) > 10
    assert score[good].mean() > 0.7 > 0.4 > score[~good].mean()
    assert max(best) < 1


def overlap(box, others):
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    return common / (np.prod(box[2:]) + np.prod(others[:, 2:], axis=1) - common)
