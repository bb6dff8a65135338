"""AP against pycocotools driven through files, and the rescoring and bootstrap around it."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepaper.errors import InputError
from posepaper.evaluation import coco
from posepaper.evaluation.oks import oks_nms

PLACES = {"ap": 0, "ap50": 1, "ap75": 2, "ap_medium": 3, "ap_large": 4, "ar": 5}


@pytest.mark.parametrize("seed", range(6))
def test_values_equal_pycocotools_on_files(made, seed, tmp_path, capsys):
    truth = made.people(seed, images=15)
    found = made.detect(truth, seed, jitter=[0.02, 0.05, 0.08][seed % 3])
    expected = made.official(tmp_path, truth, found).stats
    capsys.readouterr()
    values = coco.evaluate(truth, found, resamples=0)["values"]
    assert capsys.readouterr().out == ""
    for name, place in PLACES.items():
        assert values[name] == pytest.approx(100 * expected[place])
    assert 0 < values["ap"] < 100


def test_two_hundred_people_equal_pycocotools(made, tmp_path, capsys):
    """Jitter, misses, doubles, inventions, crowds, people without labels and empty images."""
    truth = made.people(11, images=110)
    assert len(truth.image_index) >= 200 and truth.crowds.sum() > 10
    assert len(np.unique(truth.image_index)) < 100
    found = made.detect(truth, 12, jitter=0.06, missed=0.3)
    expected = made.official(tmp_path, truth, found).stats
    capsys.readouterr()
    values = coco.evaluate(truth, found, resamples=0)["values"]
    for name, place in PLACES.items():
        assert values[name] == pytest.approx(100 * expected[place])


def perfect(truth):
    keypoints = truth.keypoints.copy()
    keypoints[..., 2] = 1
    order = np.random.default_rng(0).random(len(keypoints))
    return coco.Detections(truth.image_index, keypoints, order)


def test_ground_truth_against_itself_is_perfect(made):
    """Crowds and unlabelled people are among the detections and cost nothing."""
    truth = made.people(3)
    assert truth.crowds.any() and ((truth.keypoints[..., 2] > 0).sum(1) == 0).any()
    counted = (truth.keypoints[..., 2] > 0).any(axis=1) & ~truth.crowds
    every = perfect(truth)
    only = coco.Detections(
        every.image_index[counted], every.keypoints[counted], every.scores[counted]
    )
    for value in coco.evaluate(truth, only, resamples=0)["values"].values():
        assert value == pytest.approx(100)
    assert coco.evaluate(truth, only, resamples=5)["intervals"]["ap"] == pytest.approx([100, 100])


def test_missing_people_cost_recall_unless_unlabelled(made):
    truth = made.people(3)
    every = perfect(truth)
    counted = np.flatnonzero((truth.keypoints[..., 2] > 0).any(axis=1) & ~truth.crowds)
    kept = np.setdiff1d(np.arange(len(truth.image_index)), counted[:1])
    some = coco.Detections(every.image_index[kept], every.keypoints[kept], every.scores[kept])
    values = coco.evaluate(truth, some, resamples=0)["values"]
    assert values["ar"] == pytest.approx(100 * (len(counted) - 1) / len(counted))


def test_nothing_found_is_zero_and_nobody_there_is_absent(made):
    truth = made.people(0)
    nothing = coco.Detections(np.zeros(0, int), np.zeros((0, 17, 3)), np.zeros(0))
    result = coco.evaluate(truth, nothing, resamples=3)
    assert set(result["values"].values()) == {0.0}
    assert result["intervals"]["ap"] == [0, 0]
    truth.keypoints[:] = 0
    found = made.detect(made.people(0), 0)
    result = coco.evaluate(truth, found, resamples=3)
    assert result["values"] == result["intervals"] == result["draws"] == {}


def test_a_size_nobody_has_is_absent(made):
    truth = made.people(1)
    truth.areas[:] = 50.0**2
    values = coco.evaluate(truth, made.detect(truth, 1), resamples=0)["values"]
    assert "ap_medium" in values and "ap_large" not in values


def test_intervals_equal_evaluations_of_resampled_data_sets(made, tmp_path):
    """Drawing images and evaluating anew, with repeated images renamed, gives the same ends."""
    truth = made.people(2, images=10)
    found = made.detect(truth, 2)
    result = coco.evaluate(truth, found, resamples=8, seed=5)
    rng = np.random.default_rng(5)
    order = np.argsort(truth.image_ids)
    expected = []
    for _ in range(8):
        drawn = np.sort(rng.integers(10, size=10))
        annotations, results = made.as_files(tmp_path, truth, found)
        whole, listed = json.loads(annotations.read_text()), json.loads(results.read_text())
        images, people_, detected = [], [], []
        for new, place in enumerate(drawn):
            old = int(truth.image_ids[order[place]])
            images.append({"id": new})
            for source, target in ((whole["annotations"], people_), (listed, detected)):
                target += [
                    {**one, "image_id": new} | ({"id": len(target) + n + 1})
                    for n, one in enumerate(o for o in source if o["image_id"] == old)
                ]
        annotations.write_text(json.dumps(whole | {"images": images, "annotations": people_}))
        results.write_text(json.dumps(detected))
        ground_truth = COCO(str(annotations))
        scorer = COCOeval(ground_truth, ground_truth.loadRes(str(results)), "keypoints")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
        expected.append(100 * scorer.stats[:6])
    for name, place in PLACES.items():
        column = np.array(expected)[:, place]
        ends = np.percentile(column[column >= 0], [2.5, 97.5])
        assert result["intervals"][name] == pytest.approx(ends)


def test_bootstrap_is_seeded_and_leaves_the_values_alone(made):
    truth = made.people(4, images=30)
    found = made.detect(truth, 4)
    first = coco.evaluate(truth, found, resamples=30, seed=1)
    assert first == coco.evaluate(truth, found, resamples=30, seed=1)
    other = coco.evaluate(truth, found, resamples=30, seed=2)
    assert first["intervals"] != other["intervals"] and first["values"] == other["values"]
    low, high = first["intervals"]["ap"]
    assert low < first["values"]["ap"] < high
    json.dumps(first, allow_nan=False)


def test_rescoring_equals_loop():
    rng = np.random.default_rng(0)
    boxes, scores = rng.random(20), rng.random((20, 17))
    scores[3] = 0.1
    scores[4] = 0.2
    for person, result in enumerate(coco.rescore(boxes, scores)):
        good = [s for s in scores[person] if s > 0.2]
        expected = boxes[person] * sum(good) / len(good) if good else 0
        assert result == pytest.approx(expected)


def test_detections_are_rescored_and_suppressed_in_each_image():
    rng = np.random.default_rng(1)
    index = np.array([2, 0, 2, 1, 2, 0])
    keypoints = rng.uniform(0, 300, (6, 17, 2))
    keypoints[4] = keypoints[0] + 0.1
    keypoints[3] = keypoints[1]
    joint_scores, box_scores = rng.random((6, 17)), rng.random(6)
    areas = np.full(6, 9000.0)
    found = coco.detections(index, keypoints, joint_scores, box_scores, areas)
    scores = coco.rescore(box_scores, joint_scores)
    expected = []
    for image in range(3):
        members = np.flatnonzero(index == image)
        expected += members[oks_nms(keypoints[members], scores[members], areas[members])].tolist()
    assert len(expected) == 5
    assert found.image_index.tolist() == index[expected].tolist()
    assert found.scores == pytest.approx(scores[expected])
    assert found.keypoints[..., :2] == pytest.approx(keypoints[expected])
    assert found.keypoints[..., 2] == pytest.approx(joint_scores[expected])


def test_no_boxes_give_no_detections(made):
    empty = np.zeros
    found = coco.detections(empty(0, int), empty((0, 17, 2)), empty((0, 17)), empty(0), empty(0))
    assert found.image_index.shape == (0,) and found.keypoints.shape == (0, 17, 3)
    assert coco.evaluate(made.people(0), found, resamples=0)["values"]["ap"] == 0


def test_arrays_that_do_not_fit_are_refused(made):
    truth, found = made.people(0), made.detect(made.people(0), 0)
    broken = found.keypoints.copy()
    broken[0, 0, 0] = np.nan
    beyond = found.image_index.copy()
    beyond[0] = 99
    for bad, word in (
        (coco.Detections(found.image_index, found.keypoints, found.scores[1:]), "scores"),
        (coco.Detections(found.image_index, found.keypoints[..., :2], found.scores), "keypoints"),
        (coco.Detections(found.image_index, broken, found.scores), "not finite"),
        (coco.Detections(beyond, found.keypoints, found.scores), "image_index"),
    ):
        with pytest.raises(InputError, match=word):
            coco.evaluate(truth, bad)
    truth.image_ids = truth.image_ids * 0
    with pytest.raises(InputError, match="image_ids"):
        coco.evaluate(truth, found)
