"""Metrics against slow loops, closed forms and the invariances that define them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepaper.errors import InputError
from posepaper.evaluation import metrics

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None)


def poses(seed, frames=7, joints=17):
    return np.random.default_rng(seed).normal(0, 400, (frames, joints, 3))


def rotations(rng, count):
    """Proper rotations from random axes and angles (Rodrigues)."""
    result = []
    for _ in range(count):
        x, y, z = axis = rng.normal(size=3)
        x, y, z = axis / np.linalg.norm(axis)
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        angle = rng.uniform(-np.pi, np.pi)
        result.append(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
    return np.stack(result)


def similar(target, seed):
    rng = np.random.default_rng(seed + 1)
    n = len(target)
    scale, shift = rng.uniform(0.2, 5, (n, 1, 1)), rng.normal(0, 500, (n, 1, 3))
    return scale * np.einsum("nij,nkj->nki", rotations(rng, n), target) + shift


def loop_errors(predicted, target):
    return [
        math.dist(p, t)
        for a, b in zip(predicted, target, strict=True)
        for p, t in zip(a, b, strict=True)
    ]


@quick
@given(seeds)
def test_mpjpe_equals_loop(seed):
    a, b = poses(seed), poses(seed + 1)
    errors = loop_errors(a, b)
    assert metrics.mpjpe(a, b) == pytest.approx(sum(errors) / len(errors))


@quick
@given(seeds)
def test_similarity_transformed_poses_have_no_p_mpjpe(seed):
    target = poses(seed)
    assert metrics.p_mpjpe(similar(target, seed), target) < 1e-3


@quick
@given(seeds)
def test_reflected_poses_keep_a_p_mpjpe(seed):
    target = poses(seed)
    assert metrics.p_mpjpe(target * [-1, 1, 1], target) > 10


@quick
@given(seeds)
def test_p_mpjpe_does_not_see_a_similarity_of_the_prediction(seed):
    predicted, target = poses(seed), poses(seed + 7)
    moved = similar(predicted, seed)
    assert metrics.p_mpjpe(moved, target) == pytest.approx(metrics.p_mpjpe(predicted, target))


@quick
@given(seeds)
def test_alignment_is_the_best_similarity(seed):
    """No random similarity, small or large, comes closer in squared distance."""
    rng = np.random.default_rng(seed)
    target = poses(seed, frames=1)
    predicted = target + rng.normal(0, 80, target.shape)
    aligned = metrics.align_similarity(predicted, target)
    best = ((aligned - target) ** 2).sum()
    assert best <= ((predicted - target) ** 2).sum() + 1e-6
    for _ in range(20):
        angle = rng.normal(0, 0.02, 3)
        cross = np.array(
            [[0, -angle[2], angle[1]], [angle[2], 0, -angle[0]], [-angle[1], angle[0], 0]]
        )
        turn, _ = np.linalg.qr(np.eye(3) + cross)
        turn = turn * np.sign(np.diag(turn))
        other = rng.normal(1, 0.02) * aligned @ turn.T + rng.normal(0, 5, (1, 1, 3))
        assert best <= ((other - target) ** 2).sum()


@quick
@given(seeds)
def test_root_mean_square_never_grows_by_alignment(seed):
    predicted, target = poses(seed), poses(seed + 3)
    raw = ((predicted - target) ** 2).sum(axis=(1, 2))
    for align in (metrics.align_similarity, metrics.align_scale):
        aligned = align(predicted, target)
        assert (((aligned - target) ** 2).sum(axis=(1, 2)) <= raw * (1 + 1e-12)).all()


@quick
@given(seeds)
def test_p_mpjpe_of_planar_and_noisy_poses_against_loop(seed):
    """Degenerate and mirrored frames included; Kabsch spelt out frame by frame."""
    rng = np.random.default_rng(seed)
    target = poses(seed)
    predicted = target + rng.normal(0, 60, target.shape)
    predicted[1, :, 2] = 0
    predicted[2] *= [1, -1, 1]
    errors = []
    for p, t in zip(predicted, target, strict=True):
        x, y = p - p.mean(0), t - t.mean(0)
        u, s, vt = np.linalg.svd(y.T @ x)
        d = np.diag([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
        rotation, scale = u @ d @ vt, np.trace(np.diag(s) @ d) / (x**2).sum()
        errors += [math.dist(scale * rotation @ a, b) for a, b in zip(x, y, strict=True)]
    assert metrics.p_mpjpe(predicted, target) == pytest.approx(np.mean(errors))


def test_collapsed_predictions_are_scored():
    target = poses(0)
    spread = np.linalg.norm(target - target.mean(1, keepdims=True), axis=-1).mean()
    assert metrics.p_mpjpe(np.zeros_like(target), target) == pytest.approx(spread)
    still = np.linalg.norm(target, axis=-1).mean()
    assert metrics.n_mpjpe(np.zeros_like(target), target) == pytest.approx(still)


@quick
@given(seeds, st.floats(0.05, 20))
def test_scaled_poses_have_no_n_mpjpe(seed, scale):
    target = poses(seed)
    assert metrics.n_mpjpe(scale * target, target) < 1e-6
    assert metrics.n_mpjpe(scale * target + [30, 0, 0], target) > 0.5


@quick
@given(seeds)
def test_n_mpjpe_scale_beats_its_neighbours(seed):
    predicted, target = poses(seed, frames=1), poses(seed + 5, frames=1)
    best = ((metrics.align_scale(predicted, target) - target) ** 2).sum()
    scale = np.linspace(-2, 2, 401)
    tried = ((scale[:, None, None] * predicted - target) ** 2).sum(axis=(1, 2))
    assert best <= tried.min() + 1e-6


@quick
@given(seeds)
def test_mpjve_sees_no_constant_offset_and_equals_loop(seed):
    target = poses(seed)
    assert metrics.mpjve(target + np.array([100, -20, 3]), target) < 1e-9
    other = poses(seed + 2)
    errors = [
        np.linalg.norm((other[t, j] - other[t - 1, j]) - (target[t, j] - target[t - 1, j]))
        for t in range(1, 7)
        for j in range(17)
    ]
    assert metrics.mpjve(other, target) == pytest.approx(np.mean(errors))


@quick
@given(seeds)
def test_pck_and_auc_equal_loops(seed):
    rng = np.random.default_rng(seed)
    target = poses(seed)
    predicted = target + rng.normal(0, 70, target.shape)
    errors = loop_errors(predicted, target)
    share = [100 * sum(e < t for e in errors) / len(errors) for t in range(0, 151, 5)]
    assert len(share) == 31
    assert metrics.pck(predicted, target) == pytest.approx(share[-1])
    assert metrics.auc(predicted, target) == pytest.approx(sum(share) / 31)


def test_thresholds_are_strict():
    target = np.zeros((1, 2, 3))
    predicted = np.array([[[150.0, 0, 0], [0, 90.0, 120.0 - 1e-6]]])
    assert metrics.pck(predicted, target) == 50
    assert metrics.auc(target, target) == pytest.approx(100 * 30 / 31)
    assert metrics.auc(predicted, target) == 100 * 0.5 / 31


def test_known_values():
    target = np.zeros((2, 3, 3), np.float32)
    predicted = target + np.array([3, 4, 0], np.float32)
    predicted[1] *= 2
    assert metrics.mpjpe(predicted, target) == 7.5
    assert metrics.mpjve(predicted, target) == 5.0
    assert isinstance(metrics.mpjpe(predicted, target), float)


@pytest.mark.parametrize(
    "name", ["mpjpe", "p_mpjpe", "n_mpjpe", "mpjve", "pck", "auc"], ids=lambda n: n
)
def test_bad_poses_are_refused(name):
    metric, good = getattr(metrics, name), poses(0)
    kept = good.copy()
    broken = good.copy()
    broken[3, 2, 1] = np.nan
    for bad, word in ((good[:5], "shape"), (broken, "frame 3")):
        with pytest.raises(InputError, match=word):
            metric(bad, good)
        with pytest.raises(InputError, match=word):
            metric(good, bad)
    for bad in (good[0], good[..., :2], good[:0]):
        with pytest.raises(InputError, match="frames, joints, 3"):
            metric(bad, bad)
    metric(good, good + 1)
    assert (good == kept).all()


def test_one_frame_has_no_velocity():
    with pytest.raises(InputError, match="velocity"):
        metrics.mpjve(poses(0, 1), poses(1, 1))
