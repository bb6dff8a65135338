"""AP on real COCO photos against pycocotools on the same files."""

import io
import json
import os
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepaper.data import coco as reader
from posepaper.evaluation import coco

SHARED = Path(os.environ.get("POSEPAPER_SHARED") or Path(__file__).parents[3] / "shared")
FOLDER = SHARED / "data/coco_mini"
ANNOTATIONS = FOLDER / "person_keypoints_val2017_open.json"
PLACES = {"ap": 0, "ap50": 1, "ap75": 2, "ap_medium": 3, "ap_large": 4, "ar": 5}


@pytest.mark.skipif(not ANNOTATIONS.exists(), reason="the open photos are not on this machine")
@pytest.mark.parametrize("jitter", [0.0, 0.04, 0.08])
def test_values_equal_pycocotools_on_the_open_photos(tmp_path, jitter):
    people = reader.read(ANNOTATIONS, FOLDER / "val2017")
    rng = np.random.default_rng(3)
    chosen = np.flatnonzero(people.usable)
    chosen = np.concatenate([chosen, chosen[::2]])
    keypoints = people.keypoints[chosen].astype(np.float64)
    spread = jitter * np.sqrt(people.areas[chosen])[:, None, None]
    keypoints[..., :2] += rng.normal(size=(len(chosen), 17, 2)) * spread
    keypoints[..., 2] = rng.random((len(chosen), 17))
    scores = rng.random(len(chosen))
    found = coco.Detections(people.image_index[chosen], keypoints, scores)
    results = [
        {
            "image_id": int(people.image_ids[people.image_index[p]]),
            "category_id": 1,
            "keypoints": person.ravel().tolist(),
            "score": float(score),
        }
        for p, person, score in zip(chosen, keypoints, scores, strict=True)
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(ANNOTATIONS))
        official = COCOeval(truth, truth.loadRes(str(tmp_path / "results.json")), "keypoints")
        official.evaluate()
        official.accumulate()
        official.summarize()
    values = coco.evaluate(people, found, resamples=0)["values"]
    assert len(people.usable) >= 16 and values["ap"] > 0
    for name, place in PLACES.items():
        if official.stats[place] >= 0:
            assert values[name] == pytest.approx(100 * official.stats[place], abs=1e-6)
        else:
            assert name not in values
