"""COCO person keypoints: annotations, images in a folder or zip, and a person-detector's boxes.

Boxes are clipped to the image as pycocotools users do. Annotations without any area are left out
and counted, as SimpleBaseline leaves them out; a box wholly outside its image is an error.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posepaper.data.people import PeopleSet
from posepaper.errors import InputError
from posepaper.files import read_json

DETECTIONS = "COCO_val2017_detections_AP_H_56_person.json"

_JOINTS = 17
_PERSON = 1
_REMEDY = "Fetch COCO 2017's annotations again"


def read_split(folder: str | Path, annotations: str | Path, split: str) -> PeopleSet:
    """Reads split "train" or "val" of a folder laid out as COCO 2017.

    Images lie in ``{split}2017/`` or ``{split}2017.zip``; "val" takes the AP-56.4 detector's boxes
    where they are present.

    Raises:
        InputError: as :func:`read`.
    """
    folder = Path(folder)
    images, boxes = folder / f"{split}2017", folder / DETECTIONS
    return read(
        annotations,
        images if images.is_dir() else images.with_suffix(".zip"),
        boxes if split == "val" and boxes.is_file() else None,
    )


def read(
    annotations: str | Path, images: str | Path, detections: str | Path | None = None
) -> PeopleSet:
    """Reads one split from files named one by one.

    Args:
        annotations: a ``person_keypoints_*.json``.
        images: the folder or zip with its images.
        detections: a list of ``image_id``, ``category_id``, ``bbox`` (xywh) and ``score``; all
            scores are kept, other categories and boxes without area are not.

    Returns:
        The people, annotations and images in the files' order.

    Raises:
        InputError: a file is absent or malformed, an image is missing, a box lies outside its
            image, or a person has not 17 joints.
    """
    content = read_json(annotations)
    listed = _column(annotations, content, "images")
    entries = _column(annotations, content, "annotations")
    if not listed or not entries:
        raise InputError(annotations, "holds no annotated person", _REMEDY)
    columns = ("id", "file_name", "width", "height")
    table = {name: _values(annotations, "images", listed, name) for name in columns}
    ids = _array(annotations, table["id"], np.int64)
    sizes = _array(annotations, [table["width"], table["height"]], np.int32).T
    row = {number: k for k, number in enumerate(ids.tolist())}
    people = _people(annotations, entries, row, sizes)
    if detections is not None:
        people |= _detections(detections, row)
    encoded = EncodedImages(images, table["file_name"])
    return PeopleSet(str(annotations), image_ids=ids, sizes=sizes, encoded=encoded, **people)


def _column(file, content, name: str) -> list:
    if not isinstance(content, dict) or not isinstance(content.get(name), list):
        raise InputError(file, f"has no list of {name}", _REMEDY)
    return content[name]


def _values(file, label: str, entries: list, name: str) -> list:
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict) or name not in entry:
            known = f" (id {entry['id']})" if isinstance(entry, dict) and "id" in entry else ""
            raise InputError(file, f"{label}[{place}]{known} has no {name}", _REMEDY)
    return [entry[name] for entry in entries]


def _array(file, values: list, dtype) -> np.ndarray:
    try:
        return np.array(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        fault = f"has a value that is no number ({error})".splitlines()[0]
        raise InputError(file, fault, _REMEDY) from None


def _people(file, entries: list[dict], row: dict[int, int], sizes: np.ndarray) -> dict:
    columns = ("id", "image_id", "bbox", "area", "iscrowd", "keypoints")
    table = {name: _values(file, "annotations", entries, name) for name in columns}
    ids = _array(file, table["id"], np.int64)
    for number, image, points, box in zip(
        ids, table["image_id"], table["keypoints"], table["bbox"], strict=True
    ):
        if image not in row:
            raise InputError(file, f"annotation {number} is of image {image}, not listed", _REMEDY)
        if len(points) != 3 * _JOINTS or len(box) != 4:
            fault = f"annotation {number} has {len(points) / 3:g} joints, not {_JOINTS}"
            if len(box) != 4:
                fault = f"annotation {number} has a box of {len(box)} numbers, not 4"
            raise InputError(file, fault, "Use COCO's person keypoints")
    keypoints = _array(file, table["keypoints"], np.float32).reshape(-1, _JOINTS, 3)
    boxes = _array(file, table["bbox"], np.float64)
    areas = _array(file, table["area"], np.float64)
    index = np.array([row[i] for i in table["image_id"]], dtype=np.int32)
    finite = np.isfinite(keypoints).all((1, 2)) & np.isfinite(boxes).all(1) & np.isfinite(areas)
    if not finite.all():
        number = ids[~finite][0]
        raise InputError(file, f"annotation {number} has a coordinate that is no number", _REMEDY)
    kept = (boxes[:, 2] > 0) & (boxes[:, 3] > 0) & (areas > 0)
    return {
        "annotation_ids": ids[kept],
        "image_index": index[kept],
        "boxes": _clip(file, ids[kept], boxes[kept], sizes[index[kept]]),
        "keypoints": keypoints[kept],
        "areas": areas[kept].astype(np.float32),
        "crowds": np.array(table["iscrowd"], dtype=bool)[kept],
        "dropped": int((~kept).sum()),
    }


def _clip(file, ids: np.ndarray, boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    low = np.clip(boxes[:, :2], 0, sizes)
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, sizes)
    outside = (high <= low).any(axis=1)
    if outside.any():
        number = ids[outside][0]
        fault = f"the box of annotation {number} lies outside its image"
        raise InputError(file, fault, "Correct or remove the annotation")
    touched = ((boxes[:, :2] < 0) | (boxes[:, :2] + boxes[:, 2:] > sizes)).any(axis=1)
    clipped = np.concatenate([low, high - low], axis=1)
    # An untouched box keeps its printed width, which high - low would round.
    return np.where(touched[:, None], clipped, boxes).astype(np.float32)


def _detections(file, row: dict[int, int]) -> dict:
    content = read_json(file)
    if not isinstance(content, list) or not content:
        raise InputError(file, "holds no detected box", "Fetch the box file again")
    columns = ("image_id", "category_id", "bbox", "score")
    image, category, boxes, scores = (_values(file, "boxes", content, name) for name in columns)
    strangers = set(image) - set(row)
    if strangers:
        fault = f"has boxes in image {min(strangers)}, which the annotations do not list"
        raise InputError(file, fault, "Use boxes and annotations of the same images")
    boxes, scores = _array(file, boxes, np.float64), _array(file, scores, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(file, "has boxes that are not 4 numbers", "Fetch the box file again")
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise InputError(file, "has a box or score that is no number", "Fetch it again")
    kept = (np.array(category) == _PERSON) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    return {
        "detection_image_index": np.array([row[i] for i in image], dtype=np.int32)[kept],
        "detection_boxes": boxes[kept].astype(np.float32),
        "detection_scores": scores[kept].astype(np.float32),
    }


class EncodedImages(Sequence):
    """The bytes of images in a folder or zip, read when asked for; all are there, or an error."""

    def __init__(self, source: str | Path, names: list[str]):
        self._source, self._zip = Path(source), None
        if self._source.is_dir():
            present = {p.name: p.name for p in self._source.iterdir()}
        else:
            self._zip = _open_zip(self._source)
            present = {Path(n).name: n for n in self._zip.namelist()}
        for name in names:
            if name not in present:
                raise InputError(source, f"lacks the image {name}", "Fetch the images again")
        self._names = [present[name] for name in names]

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> bytes:
        name = self._names[index]
        if self._zip is None:
            return (self._source / name).read_bytes()
        try:
            return self._zip.read(name)
        except zipfile.BadZipFile:
            fault = f"its image {name} is damaged"
            raise InputError(self._source, fault, "Fetch the images again") from None


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(path, "is not there", "Fetch the images as data/README.md says") from None
    except zipfile.BadZipFile:
        raise InputError(path, "is cut off or no zip", "Fetch the images again") from None
