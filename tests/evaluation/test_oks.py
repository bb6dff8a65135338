"""OKS against pycocotools and suppression against a loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.cocoeval import Params

from posepaper.errors import InputError
from posepaper.evaluation import oks as module
from posepaper.evaluation.oks import SIGMAS, oks, oks_nms

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def test_sigmas_are_cocos():
    np.testing.assert_allclose(SIGMAS, Params("keypoints").kpt_oks_sigmas)


@pytest.mark.parametrize("seed", range(4))
def test_oks_equals_pycocotools(made, seed, tmp_path):
    truth = made.people(seed)
    found = made.detect(truth, seed, jitter=0.1, copies=1)
    scorer = made.official(tmp_path, truth, found)
    compared = 0
    for image, name in enumerate(truth.image_ids):
        mine, theirs = found.image_index == image, truth.image_index == image
        expected = np.array(scorer.ious[int(name), 1])
        if not expected.size:
            continue
        order = np.argsort(-found.scores[mine], kind="stable")
        assert expected == pytest.approx(
            oks(
                found.keypoints[mine][order],
                truth.keypoints[theirs],
                truth.areas[theirs],
                truth.boxes[theirs],
            )
        )
        compared += expected.size
    assert compared > 10


def test_oks_of_itself_and_of_a_known_distance():
    keypoints = np.zeros((1, 17, 3))
    keypoints[0, :, :2] = np.arange(34).reshape(17, 2)
    keypoints[0, 5, 2] = 2
    boxes, areas = np.array([[0.0, 0, 34, 34]]), np.array([900.0])
    assert oks(keypoints, keypoints, areas, boxes) == pytest.approx(1)
    moved = keypoints.copy()
    moved[0, 5, 0] += 2 * 0.079 * 30
    moved[0, 6] += 1000
    assert oks(moved, keypoints, areas, boxes)[0, 0] == pytest.approx(np.exp(-0.5))


def test_arrays_that_do_not_fit_are_refused(made):
    truth = made.people(0)
    with pytest.raises(InputError, match="areas"):
        oks(truth.keypoints, truth.keypoints, truth.areas[:-1], truth.boxes)
    with pytest.raises(InputError, match="keypoints"):
        oks(truth.keypoints[:, :16], truth.keypoints, truth.areas, truth.boxes)


def loop_nms(keypoints, scores, areas, threshold):
    waiting = sorted(range(len(scores)), key=lambda d: -scores[d])
    kept = []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        rest = []
        for other in waiting:
            area = (areas[best] + areas[other]) / 2
            total = 0
            for joint in range(17):
                dx, dy = keypoints[best, joint, :2] - keypoints[other, joint, :2]
                total += np.exp(-(dx**2 + dy**2) / (2 * SIGMAS[joint]) ** 2 / area / 2)
            if total / 17 <= threshold:
                rest.append(other)
        waiting = rest
    return kept


@quick
@given(seeds, st.floats(0.3, 0.95))
def test_nms_equals_loop(seed, threshold):
    rng = np.random.default_rng(seed)
    base = rng.uniform(0, 200, (3, 17, 2))
    keypoints = base[rng.integers(0, 3, 12)] + rng.normal(size=(12, 17, 2)) * rng.choice([1, 9])
    scores, areas = np.round(rng.random(12), 1), rng.uniform(2000, 20000, 12)
    kept = oks_nms(keypoints, scores, areas, threshold)
    assert kept.tolist() == loop_nms(keypoints, scores, areas, threshold)


@pytest.mark.parametrize("pairs", [1, 7, 10000])
def test_nms_of_many_images_is_that_of_each(pairs, monkeypatch):
    """However the pairs are cut into parts, and in whatever order the people come."""
    monkeypatch.setattr(module, "PAIRS", pairs)
    rng = np.random.default_rng(pairs)
    image = rng.permutation(np.repeat([3, 4, 9, 11], [1, 20, 12, 7]))
    keypoints = rng.uniform(0, 200, (3, 17, 2))[rng.integers(0, 3, 40)] + rng.normal(
        size=(40, 17, 2)
    )
    scores, areas = np.round(rng.random(40), 1), rng.uniform(2000, 20000, 40)
    kept = oks_nms(keypoints, scores, areas, 0.8, image)
    alone = [np.flatnonzero(image == i) for i in (3, 4, 9, 11)]
    expected = [
        group[loop_nms(keypoints[group], scores[group], areas[group], 0.8)] for group in alone
    ]
    assert kept.tolist() == np.concatenate(expected).tolist()
    assert len(kept) < 30


def test_nms_keeps_the_better_of_two_equals_and_nothing_of_nothing():
    keypoints = np.ones((2, 17, 3))
    assert oks_nms(keypoints, np.array([0.1, 0.9]), np.array([50.0, 50.0])).tolist() == [1]
    assert oks_nms(np.zeros((0, 17, 3)), np.zeros(0), np.zeros(0)).tolist() == []
