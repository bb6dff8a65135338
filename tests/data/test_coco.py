import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from posepaper.data import coco
from posepaper.data.open_data import check_hash
from posepaper.data.people import read_people, write_people
from posepaper.errors import InputError
from posepaper.experiments import load_study

SHARED = Path(__file__).parents[3] / "shared" / "data"


def _annotation(number, image, bbox, **changes):
    points = [v for k in range(17) for v in (10 + k, 12 + k, 2)]
    facts = {"id": number, "image_id": image, "bbox": bbox, "area": 99.0, "iscrowd": 0}
    return facts | {"category_id": 1, "keypoints": points, "num_keypoints": 17} | changes


def _content():
    images = [{"id": 5, "file_name": "a.png", "width": 60, "height": 40}]
    images += [{"id": 3, "file_name": "b.png", "width": 30, "height": 50}]
    annotations = [
        _annotation(11, 5, [1, 2, 30, 20]),
        _annotation(12, 3, [-4, 10, 20, 60]),
        _annotation(13, 5, [5, 5, 10, 0]),
        _annotation(14, 5, [5, 5, 10, 10], iscrowd=1),
        _annotation(15, 5, [5, 5, 10, 10], keypoints=[0] * 51),
    ]
    return {"images": images, "annotations": annotations}


def _write(folder: Path, content, detections=None, zipped=False):
    (folder / "annotations").mkdir()
    (folder / "annotations/person_keypoints_val2017.json").write_text(json.dumps(content))
    if detections is not None:
        (folder / coco.DETECTIONS).write_text(json.dumps(detections))
    pictures = {"a.png": np.full((40, 60, 3), 50, np.uint8), "b.png": np.zeros((50, 30, 3))}
    encoded = {n: cv2.imencode(".png", p)[1].tobytes() for n, p in pictures.items()}
    if zipped:
        with zipfile.ZipFile(folder / "val2017.zip", "w") as archive:
            for name, data in encoded.items():
                archive.writestr(f"val2017/{name}", data)
    else:
        (folder / "val2017").mkdir()
        for name, data in encoded.items():
            (folder / "val2017" / name).write_bytes(data)


def _read(folder: Path):
    return coco.read_split(folder, folder / "annotations/person_keypoints_val2017.json", "val")


@pytest.mark.parametrize("zipped", [False, True])
def test_people_boxes_and_images(tmp_path, zipped):
    boxes = [{"image_id": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.001}]
    boxes += [{"image_id": 5, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.9}]
    _write(tmp_path, _content(), boxes, zipped)
    people = _read(tmp_path)
    np.testing.assert_array_equal(people.image_ids, [5, 3])
    np.testing.assert_array_equal(people.sizes, [[60, 40], [30, 50]])
    np.testing.assert_array_equal(people.annotation_ids, [11, 12, 14, 15])
    np.testing.assert_array_equal(people.image_index, [0, 1, 0, 0])
    np.testing.assert_array_equal(people.boxes[:2], [[1, 2, 30, 20], [0, 10, 16, 40]])
    np.testing.assert_array_equal(people.crowds, [False, False, True, False])
    np.testing.assert_array_equal(people.usable, [True, True, False, False])
    np.testing.assert_array_equal(people.keypoints[0, 3], [13, 15, 2])
    assert people.dropped == 1
    np.testing.assert_array_equal(people.detection_image_index, [1])
    np.testing.assert_allclose(people.detection_scores, [0.001])
    assert people.image(0).shape == (40, 60, 3) and people.image(0).min() == 50


def _fault(change):
    content = _content()
    change(content, content["annotations"][0])
    return content


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c, a: c["annotations"].clear(), "holds no annotated person"),
        (lambda c, a: c.pop("images"), "has no list of images"),
        (lambda c, a: a.update(keypoints=[0] * 48), "annotation 11 has 16 joints, not 17"),
        (lambda c, a: a.update(keypoints=[float("nan")] * 51), "annotation 11 has a coordinate"),
        (lambda c, a: a.update(bbox=[61, 2, 10, 10]), "box of annotation 11 lies outside its"),
        (lambda c, a: a.update(bbox=[1, -20, 10, 10]), "box of annotation 11 lies outside its"),
        (lambda c, a: a.update(bbox=[1, 2]), "annotation 11 has a box of 2 numbers, not 4"),
        (lambda c, a: a.update(image_id=8), "annotation 11 is of image 8, not listed"),
        (lambda c, a: a.pop("area"), r"annotations\[0\] \(id 11\) has no area"),
        (lambda c, a: c["annotations"].append(3), r"annotations\[5\] has no id"),
        (lambda c, a: a.update(area="big"), "has a value that is no number"),
        (lambda c, a: c["images"][1].pop("width"), r"images\[1\] \(id 3\) has no width"),
        (lambda c, a: c["images"][0].update(file_name="c.png"), "val2017: lacks the image c.png"),
    ],
)
def test_faults_are_named(tmp_path, change, fault):
    _write(tmp_path, _fault(change))
    with pytest.raises(InputError, match=fault) as caught:
        _read(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("boxes", "fault"),
    [
        ([], "holds no detected box"),
        ([{"image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}], "boxes in image 9"),
        ([{"image_id": 5, "category_id": 1, "bbox": [1, 2, 3], "score": 1}], "not 4 numbers"),
        ([{"image_id": 5, "category_id": 1, "score": 1}], r"boxes\[0\] has no bbox"),
    ],
)
def test_bad_box_files(tmp_path, boxes, fault):
    _write(tmp_path, _content(), boxes)
    with pytest.raises(InputError, match=fault):
        _read(tmp_path)


def test_empty_files_and_absent_images(tmp_path):
    _write(tmp_path, _content())
    path = tmp_path / "annotations/person_keypoints_val2017.json"
    path.write_text("")
    with pytest.raises(InputError, match="not valid JSON"):
        _read(tmp_path)
    path.write_text(json.dumps(_content()))
    with pytest.raises(InputError, match="is not there"):
        coco.read(path, tmp_path / "val2018.zip")
    (tmp_path / "val2018.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match="cut off or no zip"):
        coco.read(path, tmp_path / "val2018.zip")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the open data are not beside this checkout")
@pytest.mark.parametrize(("split", "images", "people"), [("train", 26, 27), ("val", 25, 16)])
def test_real_photos(tmp_path, split, images, people):
    name = f"coco_mini/person_keypoints_{split}2017_open.json"
    pinned = load_study("open", Path(__file__).parents[2]).datasets["pose2d"].files
    check_hash(SHARED / name, pinned[Path(name).name])
    found = coco.read(SHARED / name, SHARED / "coco_mini" / f"{split}2017")
    assert len(found.image_ids) == images
    assert (found.keypoints[..., 2] > 0).any(axis=1).sum() == people
    write_people(tmp_path / "p.h5", {split: found}, identity="coco-mini")
    read = read_people(tmp_path / "p.h5", split)
    for index in range(images):
        np.testing.assert_array_equal(read.image(index), found.image(index))
    points, boxes = found.keypoints[found.usable], found.boxes[found.usable]
    labelled = points[..., 2] > 0
    low, high = boxes[:, None, :2] - 2, boxes[:, None, :2] + boxes[:, None, 2:] + 2
    inside = ((points[..., :2] >= low) & (points[..., :2] <= high)).all(axis=-1)
    assert inside[labelled].mean() > 0.95
