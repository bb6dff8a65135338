"""Generated people and detections for the OKS and AP tests, and COCO's files made of them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepaper.evaluation.coco import Detections


def people(seed, images=12, most=4):
    """Annotated people: some in crowds, some without labels, some images empty."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most + 1, images)
    counts[0] = 0
    image_index = np.repeat(np.arange(images), counts)
    count = len(image_index)
    size = rng.uniform(25, 300, (count, 1)) * [1, 2]
    corner = rng.uniform(0, 400, (count, 2))
    keypoints = np.zeros((count, 17, 3))
    keypoints[..., :2] = corner[:, None] + rng.random((count, 17, 2)) * size[:, None]
    keypoints[..., 2] = rng.integers(0, 3, (count, 17))
    crowds = rng.random(count) < 0.1
    keypoints[crowds | (rng.random(count) < 0.15)] = 0
    keypoints[..., :2][keypoints[..., 2] == 0] = 0
    return SimpleNamespace(
        image_ids=rng.permutation(images) * 7,
        image_index=image_index,
        boxes=np.concatenate([corner, size], axis=1),
        keypoints=keypoints,
        areas=size.prod(axis=1) * rng.uniform(0.4, 0.8, count),
        crowds=crowds,
    )


def detect(truth, seed, jitter=0.05, missed=0.2, copies=2):
    """Jittered, missed, doubled and invented people, in no order."""
    rng = np.random.default_rng(seed)
    picked = np.repeat(np.arange(len(truth.image_index)), copies)
    picked = rng.permutation(picked[rng.random(len(picked)) > missed])
    keypoints = truth.keypoints[picked].copy()
    middle = truth.boxes[picked, None, :2] + truth.boxes[picked, None, 2:] / 2
    keypoints[..., :2] = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], middle)
    spread = jitter * np.sqrt(truth.areas[picked])[:, None, None]
    keypoints[..., :2] += rng.normal(size=(len(picked), 17, 2)) * spread
    keypoints[..., 2] = rng.random((len(picked), 17))
    invented = rng.uniform(0, 600, (5, 17, 3))
    index = np.concatenate([truth.image_index[picked], rng.integers(0, len(truth.image_ids), 5)])
    scores = np.round(rng.random(len(index)), 2)
    return Detections(index, np.concatenate([keypoints, invented]), scores)


def as_files(folder, truth, found):
    """Write COCO's annotation and result files; returns their paths."""
    annotations = [
        {
            "id": 1000 + p,
            "image_id": int(truth.image_ids[truth.image_index[p]]),
            "category_id": 1,
            "bbox": truth.boxes[p].tolist(),
            "area": truth.areas[p],
            "iscrowd": int(truth.crowds[p]),
            "keypoints": [v for joint in truth.keypoints[p].tolist() for v in joint],
            "num_keypoints": sum(1 for joint in truth.keypoints[p] if joint[2] > 0),
        }
        for p in range(len(truth.image_index))
    ]
    results = [
        {
            "image_id": int(truth.image_ids[found.image_index[d]]),
            "category_id": 1,
            "keypoints": [v for joint in found.keypoints[d].tolist() for v in joint],
            "score": float(found.scores[d]),
        }
        for d in range(len(found.image_index))
    ]
    images = [{"id": int(i), "width": 800, "height": 800} for i in truth.image_ids]
    whole = {
        "info": {},
        "images": images,
        "categories": [{"id": 1, "name": "person"}],
        "annotations": annotations,
    }
    paths = folder / "annotations.json", folder / "results.json"
    for path, content in zip(paths, (whole, results), strict=True):
        path.write_text(json.dumps(content))
    return paths


def official(folder, truth, found):
    """A COCOeval that went the documented way, through files and loadRes."""
    annotations, results = as_files(folder, truth, found)
    ground_truth = COCO(str(annotations))
    scorer = COCOeval(ground_truth, ground_truth.loadRes(str(results)), "keypoints")
    scorer.evaluate()
    scorer.accumulate()
    scorer.summarize()
    return scorer


@pytest.fixture(scope="session")
def made():
    """The functions of this module, which tests cannot import by name."""
    return SimpleNamespace(people=people, detect=detect, as_files=as_files, official=official)
