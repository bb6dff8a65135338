"""Decoding against loops over joints, OpenCV's smoothing and closed-form peaks."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepaper.errors import InputError
from posepaper.evaluation.heatmaps import decode, flip_back
from posepaper.skeleton import COCO

quick = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def gaussians(centres, height=64, width=48, sigma=2.0):
    y, x = np.mgrid[:height, :width]
    square = (x - centres[..., 0, None, None]) ** 2 + (y - centres[..., 1, None, None]) ** 2
    return np.exp(-square / (2 * sigma**2)).astype(np.float32)


def loop_quarter(heatmap):
    height, width = heatmap.shape
    best = max(heatmap[y, x] for y in range(height) for x in range(width))
    if best <= 0:
        return (0.0, 0.0), best
    y, x = next((y, x) for y in range(height) for x in range(width) if heatmap[y, x] == best)
    px, py = float(x), float(y)
    if 1 < x < width - 1 and 1 < y < height - 1:
        px += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
        py += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return (px, py), best


def loop_dark(heatmap):
    """DARK on the whole map: blur by OpenCV, then the Newton step by numpy's solver."""
    height, width = heatmap.shape
    y, x = np.unravel_index(np.argmax(heatmap), heatmap.shape)
    padded = np.zeros((height + 10, width + 10))
    padded[5:-5, 5:-5] = heatmap
    blurred = cv2.GaussianBlur(padded, (11, 11), 0)[5:-5, 5:-5]
    log = np.log(np.maximum(blurred * heatmap.max() / blurred.max(), 1e-10))
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return np.array([x, y], float)
    gradient = np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]) / 2
    xx = (log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]) / 4
    yy = (log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]) / 4
    xy = (log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1]) / 4
    return np.array([x, y]) - np.linalg.solve([[xx, xy], [xy, yy]], gradient)


@quick
@given(seeds)
def test_quarter_offset_equals_loop(seed):
    rng = np.random.default_rng(seed)
    heatmaps = rng.normal(size=(3, 5, 7, 6)).astype(np.float32)
    heatmaps[0, 0] -= heatmaps[0, 0].max() + 1
    heatmaps[1, 1] = 0
    heatmaps[2, 2] = np.round(heatmaps[2, 2])
    keypoints, scores = decode(heatmaps)
    assert keypoints.shape == (3, 5, 2) and keypoints.dtype == np.float32
    for n in range(3):
        for k in range(5):
            place, best = loop_quarter(heatmaps[n, k])
            assert tuple(keypoints[n, k]) == place
            assert scores[n, k] == best


@pytest.mark.parametrize("edge", [0, 1, 2, 44, 45, 46, 47])
def test_border_is_refined_only_inside(edge):
    heatmaps = np.zeros((1, 1, 64, 48), np.float32)
    heatmaps[0, 0, 30, edge] = 1
    heatmaps[0, 0, 30, max(edge - 1, 0)] += 0.5
    keypoints, _ = decode(heatmaps)
    assert tuple(keypoints[0, 0]) == loop_quarter(heatmaps[0, 0])[0]


@quick
@given(seeds)
def test_dark_equals_whole_map_loop(seed):
    rng = np.random.default_rng(seed)
    centres = rng.uniform([-1, -1], [49, 65], (2, 6, 2))
    heatmaps = gaussians(centres) * 0.8 + 0.3 * gaussians(centres + 3)
    heatmaps += rng.normal(0, 0.005, heatmaps.shape).astype(np.float32)
    keypoints, _ = decode(heatmaps, "dark")
    for n in range(2):
        for k in range(6):
            assert keypoints[n, k] == pytest.approx(loop_dark(heatmaps[n, k]), abs=2e-3)


@quick
@given(seeds)
def test_dark_finds_the_peak_of_a_gaussian_below_a_pixel(seed):
    centres = np.random.default_rng(seed).uniform([8, 8], [39, 55], (2, 17, 2))
    heatmaps = gaussians(centres)
    dark, scores = decode(heatmaps, "dark")
    quarter, _ = decode(heatmaps)
    assert np.abs(dark - centres).max() < 0.02
    assert np.abs(quarter - centres).max() <= 0.2501
    assert scores == pytest.approx(heatmaps.max(axis=(2, 3)))


def test_dark_takes_no_step_from_a_plateau():
    heatmaps = np.ones((1, 1, 40, 40), np.float32)
    heatmaps[0, 0, 20, 20] += 1e-6
    keypoints, _ = decode(heatmaps, "dark")
    assert np.abs(keypoints[0, 0] - 20).max() < 1e-3
    valley = np.where(np.arange(40) % 20 == 0, 1.0, 0.0) * np.ones((40, 1))
    keypoints, _ = decode(valley[None, None].astype(np.float32), "dark")
    assert np.isfinite(keypoints).all()


@pytest.mark.parametrize(
    "blobs", [[(16, 30), (23, 30)], [(15, 30), (24, 30), (20, 25), (20, 34)]], ids=["saddle", "pit"]
)
def test_dark_takes_no_step_where_the_smoothed_heatmap_has_no_peak(blobs):
    """A lone high pixel between blobs, nearer to some: smoothed, it lies in a valley."""
    heatmaps = gaussians(np.array([blobs], float)).sum(axis=1, keepdims=True)
    heatmaps[0, 0, 30, 20] = heatmaps.max() + 0.1
    assert np.abs(loop_dark(heatmaps[0, 0]) - [20, 30]).max() > 0.2
    keypoints, _ = decode(heatmaps, "dark")
    assert tuple(keypoints[0, 0]) == (20, 30)


@pytest.mark.parametrize("shift", [True, False])
def test_flip_back_equals_loop(shift):
    heatmaps = np.random.default_rng(0).normal(size=(2, 17, 6, 5)).astype(np.float32)
    kept = heatmaps.copy()
    restored = flip_back(heatmaps, COCO.flip, shift)
    pairs = {1: 2, 3: 4, 5: 6, 7: 8, 9: 10, 11: 12, 13: 14, 15: 16}
    pairs |= {b: a for a, b in pairs.items()}
    for n in range(2):
        for k in range(17):
            source = heatmaps[n, pairs.get(k, k)]
            for y in range(6):
                mirrored = [source[y, 4 - x] for x in range(5)]
                expected = [mirrored[0], *mirrored[:4]] if shift else mirrored
                assert restored[n, k, y].tolist() == expected
    assert (heatmaps == kept).all()


def test_flip_back_restores_a_mirrored_heatmap():
    heatmaps = gaussians(np.random.default_rng(0).uniform(5, 40, (1, 17, 2)))
    mirrored = heatmaps[:, list(COCO.flip), :, ::-1]
    assert (flip_back(mirrored, COCO.flip, shift=False) == heatmaps).all()


def test_bad_heatmaps_are_refused():
    good = np.zeros((1, 2, 5, 5), np.float32)
    for place in (0, 12):
        for value in (np.nan, np.inf, -np.inf):
            bad = good.copy()
            bad.reshape(-1)[place] = value
            with pytest.raises(InputError, match="not finite"):
                decode(bad)
    with pytest.raises(InputError, match="shape"):
        decode(good[0])
    with pytest.raises(InputError, match="unknown"):
        decode(good, "softargmax")


def test_no_image_gives_no_keypoint():
    keypoints, scores = decode(np.zeros((0, 17, 8, 6), np.float32))
    assert keypoints.shape == (0, 17, 2) and scores.shape == (0, 17)
