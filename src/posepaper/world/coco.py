"""The generated COCO: small pictures of one to three people with keypoint annotations, and a
person-box file as a detector would have made it, all in COCO's own formats.
"""

import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from posepaper.files import atomic, dump_json
from posepaper.skeleton import COCO, H36M_FROM_32
from posepaper.world.body import POINT, Body
from posepaper.world.cameras import Camera, plain_camera
from posepaper.world.detectors import hidden_joints
from posepaper.world.human36m import Shot
from posepaper.world.outfits import Outfit, make_outfit
from posepaper.world.randomness import stream
from posepaper.world.render import draw_person, paint, stamp
from posepaper.world.scenery import backdrop, make_occluder

DETECTIONS = "COCO_val2017_detections_AP_H_56_person.json"
_SIZES = ((160, 160), (192, 144), (144, 192), (208, 192))
_CLOSE_SIZES = ((256, 256), (224, 272))
_QUALITY = 90
_UNLABELLED = 0.04  # share of people whose keypoints nobody marked, as COCO has them
_FACE = [POINT[n] for n in ("nose", "eye.l", "eye.r", "ear.l", "ear.r")]
_POINTS = [*_FACE, 17, 25, 18, 26, 19, 27, 6, 1, 7, 2, 8, 3]
# Where COCO's body joints (from the shoulders on) stand among Human3.6M's 17.
_IN_H36M = [11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3]
_LIMBS = (
    (15, 13),
    (13, 11),
    (16, 14),
    (14, 12),
    (11, 12),
    (5, 11),
    (6, 12),
    (5, 6),
    (5, 7),
    (6, 8),
)
_LIMBS += ((7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6))


@dataclass(frozen=True)
class Figure:
    """One person to put into pictures: body points (1, N, 3) world metres around the origin."""

    points: np.ndarray
    body: Body
    outfit: Outfit
    seated: bool


@dataclass(frozen=True)
class Picture:
    """An encoded image and its people: ``boxes`` (P, 4) x y w h, ``areas`` (P,) pixels,
    ``keypoints`` (P, 17, 3) x, y and COCO's visibility 0, 1 or 2.
    """

    number: int
    size: tuple[int, int]
    jpeg: bytes
    boxes: np.ndarray
    areas: np.ndarray
    keypoints: np.ndarray


def cast(seed: int, split: str, number: int, shots: list[Shot]) -> list[Figure]:
    """The one to three people of picture ``number``, at moments of ``shots``."""
    rng = stream(seed, "cast", split, number)
    count = rng.choice((1, 2, 3), p=(0.5, 0.35, 0.15))
    # Everybody changes clothes between pictures: seven outfits would teach a network too little.
    outfits = [make_outfit(seed, f"{split} {number} {index}") for index in range(count)]
    return [_figure(rng, shots, outfit) for outfit in outfits]


def make_picture(seed: int, split: str, number: int, figures: list[Figure]) -> Picture:
    """Draws picture ``number`` of a split with these people."""
    rng = stream(seed, "coco", split, number)
    close = len(figures) == 1 and rng.random() < 0.35
    sizes = _CLOSE_SIZES if close else _SIZES
    size = sizes[rng.integers(len(sizes))]
    camera = _camera(rng, size, close=close)
    figures = _side_by_side(rng, figures)
    image = backdrop(camera, seed, "coco", split, number)
    image, owner, views = _paint(image, camera, figures)
    if rng.random() < 0.25:
        around = (rng.uniform(0.2, 0.8) * size[0], 0.5 * size[1])
        occluder = make_occluder(rng, *size, around)
        occluder.paint(image)
        occluder.paint(owner[:, :, None])
    image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.8, 1.15), beta=rng.uniform(-12, 12))
    cv2.add(image, rng.normal(0, 2.5, image.shape), image, dtype=cv2.CV_8U)
    people = [_annotate(rng, camera, owner, label, *view) for label, view in views.items()]
    people = [person for person in people if person is not None]
    _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    boxes = np.array([p[0] for p in people]).reshape(-1, 4)
    keypoints = np.array([p[2] for p in people]).reshape(-1, 17, 3)
    return Picture(number, size, jpeg.tobytes(), boxes, np.array([p[1] for p in people]), keypoints)


def _figure(rng, shots: list[Shot], outfit: Outfit) -> Figure:
    shot = shots[rng.integers(len(shots))]
    points = shot.motion.points[rng.integers(shot.frames)].astype(float)
    points[:, :2] -= points[0, :2]
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    points[:, :2] = points[:, :2] @ np.array([[cos, sin], [-sin, cos]])
    return Figure(points[None], shot.motion.body, outfit, shot.motion.seated)


def _side_by_side(rng, figures: list[Figure]) -> list[Figure]:
    """Places people before a camera that looks along x."""
    placed = []
    for index, figure in enumerate(figures):
        across = (index - (len(figures) - 1) / 2) * rng.uniform(0.5, 0.85)
        offset = rng.uniform(-0.5, 0.5), across + rng.uniform(-0.12, 0.12), 0.0
        placed.append(replace(figure, points=figure.points + np.array(offset)))
    return placed


def _camera(rng, size: tuple[int, int], *, close: bool) -> Camera:
    distance = rng.uniform(1.5, 2.4) if close else rng.uniform(2.2, 4.2)
    height, side = rng.uniform(0.7, 1.9), rng.uniform(-0.4, 0.4)
    target = (rng.uniform(-0.1, 0.1), rng.uniform(-0.2, 0.2), rng.uniform(0.7, 1.15))
    focal = 1.15 * min(size) * rng.uniform(0.9, 1.15)
    return plain_camera("coco", size, focal, (-distance, side, height), target)


def _paint(image: np.ndarray, camera: Camera, figures: list[Figure]):
    """Paints people far to near; returns image, who owns each pixel (H, W), views by label."""
    owner = np.zeros(image.shape[:2], dtype=np.uint8)
    views = {}
    depths = [camera.view(f.points[:, 0])[1][0, 2] for f in figures]
    focal = camera.intrinsics[0]
    for label, index in enumerate(np.argsort(depths)[::-1], start=1):
        figure = figures[index]
        pixels, seen = camera.view(figure.points)
        drawing = draw_person(pixels, seen, focal, figure.body, figure.outfit, seated=figure.seated)
        paint(image, drawing, 0)
        stamp(owner, drawing, 0, label)
        alone = np.zeros_like(owner)
        stamp(alone, drawing, 0, 1)
        views[label] = (pixels, seen, alone)
    return image, owner, views


def _annotate(rng, camera: Camera, owner, label: int, pixels, seen, alone):
    """Box, area and keypoints of one person, or None where too little of it can be seen."""
    area = int(np.count_nonzero(owner == label))
    if area < 60:
        return None
    x, y, w, h = cv2.boundingRect(alone)
    keypoints = np.zeros((17, 3))
    keypoints[:, :2] = np.floor(pixels[0, _POINTS])
    inside = ((keypoints[:, :2] >= 0) & (keypoints[:, :2] < (camera.width, camera.height))).all(1)
    columns, rows = np.where(inside, keypoints[:, :2].T, 0).astype(int)
    own = owner[rows, columns] == label
    kept = list(H36M_FROM_32)
    trunk = hidden_joints(pixels[:, kept], seen[:, kept, 2], camera.intrinsics[0])
    own[5:] &= ~trunk[0, _IN_H36M]
    # Eyes and nose on the far side of the head are not seen, though the head is.
    own[:5] &= seen[0, _FACE, 2] < seen[0, POINT["head_centre"], 2] + 0.045
    keypoints[:, 2] = np.where(inside, np.where(own, 2, 1), 0)
    if rng.random() < _UNLABELLED:
        keypoints[:, 2] = 0
    keypoints[keypoints[:, 2] == 0] = 0
    return (x, y, w, h), area, keypoints


def write_split(folder: Path, split: str, pictures: list[Picture]) -> None:
    """Writes {split}2017.zip and annotations/person_keypoints_{split}2017.json."""
    with atomic(folder / f"{split}2017.zip") as part, zipfile.ZipFile(part, "w") as archive:
        for picture in pictures:
            # ZipInfo's own date is 1980, so that the same pictures make the same archive.
            entry = zipfile.ZipInfo(f"{split}2017/{_file_name(picture)}")
            archive.writestr(entry, picture.jpeg)
    with atomic(folder / "annotations" / f"person_keypoints_{split}2017.json") as part:
        part.write_text(json.dumps(_instances(split, pictures), sort_keys=True) + "\n")


def _file_name(picture: Picture) -> str:
    return f"{picture.number:012d}.jpg"


def _instances(split: str, pictures: list[Picture]) -> dict:
    images, annotations = [], []
    for picture in pictures:
        width, height = picture.size
        images.append(
            {"id": picture.number, "file_name": _file_name(picture), "license": 1}
            | {"width": width, "height": height, "date_captured": "", "coco_url": ""}
        )
        people = zip(picture.boxes, picture.areas, picture.keypoints, strict=True)
        for order, (box, area, keypoints) in enumerate(people):
            annotations.append(
                {
                    "id": picture.number * 10 + order,
                    "image_id": picture.number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "segmentation": [],
                    "area": float(area),
                    "bbox": [float(v) for v in box],
                    "num_keypoints": int(np.count_nonzero(keypoints[:, 2])),
                    "keypoints": [int(v) for v in keypoints.ravel()],
                }
            )
    category = {"id": 1, "name": "person", "supercategory": "person"}
    category |= {"keypoints": list(COCO.joints), "skeleton": [[a + 1, b + 1] for a, b in _LIMBS]}
    return {
        "info": {"description": f"posepaper mini world, {split}", "version": "1.0"},
        "licenses": [{"id": 1, "name": "generated", "url": ""}],
        "images": images,
        "annotations": annotations,
        "categories": [category],
    }


def write_detections(folder: Path, seed: int, pictures: list[Picture]) -> None:
    """Writes the val box file: jittered boxes, some people missed, some boxes of nobody."""
    found = []
    for picture in pictures:
        rng = stream(seed, "boxes", picture.number)
        width, height = picture.size
        for box in picture.boxes:
            if rng.random() < 0.96:
                found.append(_detection(rng, picture, box, rng.beta(9, 1.2), 0.045))
            if rng.random() < 0.15:
                found.append(_detection(rng, picture, box, rng.beta(1.5, 5), 0.14))
        for _ in range(rng.poisson(0.5)):
            size = rng.uniform(0.12, 0.5, 2) * picture.size
            corner = rng.uniform(0, 1, 2) * (np.array([width, height]) - size)
            found.append(_detection(rng, picture, [*corner, *size], rng.beta(1.2, 9), 0.0))
    with atomic(folder / DETECTIONS) as part:
        part.write_text(dump_json(found))


def _detection(rng, picture: Picture, box, score: float, jitter: float) -> dict:
    x, y, w, h = box
    corners = np.array([x, y, x + w, y + h]) + rng.normal(0, jitter, 4) * (w, h, w, h)
    corners = np.clip(corners, 0, (*picture.size, *picture.size))
    x, y = corners[:2]
    w, h = np.maximum(corners[2:] - corners[:2], 1.0)
    return {
        "image_id": picture.number,
        "category_id": 1,
        "bbox": [round(float(v), 3) for v in (x, y, w, h)],
        "score": round(float(score), 6),
    }
