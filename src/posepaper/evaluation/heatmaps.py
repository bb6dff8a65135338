"""From heatmaps to keypoints, for a whole batch at once."""

from typing import Literal

import numpy as np

from posepaper.errors import InputError

# DARK smooths with the Gaussian the heatmaps were trained on (sigma 2), cut at 5 pixels.
BLUR_SIGMA, BLUR_RADIUS = 2.0, 5
PATCH_RADIUS = BLUR_RADIUS + 2
# Heatmaps of 64 x 48 that half a megabyte of cache holds.
IN_CACHE = 32


def decode(
    heatmaps: np.ndarray, method: Literal["quarter-offset", "dark"] = "quarter-offset"
) -> tuple[np.ndarray, np.ndarray]:
    """The keypoint of each heatmap: its maximum, refined below a pixel.

    A maximum within one pixel of the border is not refined; a heatmap without a positive value
    gives (0, 0), as in the reference evaluation of SimpleBaseline and HRNet.

    Args:
        heatmaps: (N, K, H, W).
        method: "quarter-offset" moves a quarter pixel towards the larger neighbour (Newell et
            al. 2016); "dark" takes a Newton step on the logarithm of the smoothed heatmap
            (Zhang et al. 2020, section 3.2).

    Returns:
        keypoints (N, K, 2) float32, x and y in heatmap pixels, and scores (N, K) float32,
        the maxima.

    Raises:
        InputError: the shape is not (N, K, H, W), a value is not finite, or the method unknown.
    """
    if method not in ("quarter-offset", "dark"):
        raise InputError("heatmaps", f"method {method!r} is unknown", "Say quarter-offset or dark")
    if heatmaps.ndim != 4 or 0 in heatmaps.shape[2:]:
        raise InputError("heatmaps", f"shape is {heatmaps.shape}", "Give (images, joints, H, W)")
    n, k, height, width = heatmaps.shape
    maps = np.ascontiguousarray(heatmaps).reshape(n * k, height, width)
    peak = peaks(maps.reshape(n * k, height * width))
    scores = maps.reshape(-1).take(np.arange(n * k) * (height * width) + peak)
    y, x = np.divmod(peak, width)
    keypoints = np.stack([x, y], axis=1).astype(np.float32)
    margin, refine = (1, quarter_offset) if method == "quarter-offset" else (2, newton_step)
    inside = (x > 1) & (x < width - margin) & (y > 1) & (y < height - margin)
    chosen = np.flatnonzero(inside & (scores > 0))
    keypoints[chosen] += refine(maps, chosen, x[chosen], y[chosen])
    keypoints[scores <= 0] = 0
    return keypoints.reshape(n, k, 2), scores.reshape(n, k).astype(np.float32)


def peaks(maps: np.ndarray) -> np.ndarray:
    """Where each of the flattened heatmaps (M, P) has its maximum (M,).

    Some at a time, so that the second look at their values finds them in the cache. The first
    sums squares: no value that is not finite hides in that, and nothing costs less.

    Raises:
        InputError: a value is not finite.
    """
    found = np.empty(len(maps), np.intp)
    for start in range(0, len(maps), IN_CACHE):
        part = maps[start : start + IN_CACHE]
        values = part.reshape(-1)
        if not (np.isfinite(np.dot(values, values)) or np.isfinite(values).all()):
            what = "a value is not finite"
            raise InputError("heatmaps", what, "Find out where the network diverged")
        part.argmax(axis=1, out=found[start : start + IN_CACHE])
    return found


def quarter_offset(maps: np.ndarray, chosen: np.ndarray, x: np.ndarray, y: np.ndarray):
    """A quarter pixel along each axis towards the larger neighbour; (P, 2) for P maxima.

    Args:
        maps: (M, H, W), contiguous.
        chosen: the maps of the P maxima, (P,).
        x, y: their integer places, (P,).
    """
    _, height, width = maps.shape
    values, at = maps.reshape(-1), (chosen * height + y) * width + x
    right = values.take(at + 1) - values.take(at - 1)
    down = values.take(at + width) - values.take(at - width)
    return 0.25 * np.sign(np.stack([right, down], axis=1))


def newton_step(maps: np.ndarray, chosen: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """DARK's offset from each maximum to the peak of the smoothed heatmap; arguments as above.

    No step is taken where the logarithm is not concave: Newton would leave the peak there.
    """
    logs = np.log(np.maximum(smoothed_patches(maps, chosen, x, y), 1e-10))
    dx = (logs[:, 2, 3] - logs[:, 2, 1]) / 2
    dy = (logs[:, 3, 2] - logs[:, 1, 2]) / 2
    dxx = (logs[:, 2, 4] - 2 * logs[:, 2, 2] + logs[:, 2, 0]) / 4
    dyy = (logs[:, 4, 2] - 2 * logs[:, 2, 2] + logs[:, 0, 2]) / 4
    dxy = (logs[:, 3, 3] - logs[:, 1, 3] - logs[:, 3, 1] + logs[:, 1, 1]) / 4
    determinant = dxx * dyy - dxy**2
    concave = (determinant > 0) & (dxx < 0)
    divisor = np.where(concave, determinant, 1.0)
    step = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=-1) / divisor[:, None]
    return np.where(concave[:, None], step, 0.0)


def smoothed_patches(
    maps: np.ndarray, chosen: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The 5x5 surroundings (P, 5, 5) of each maximum after Gaussian smoothing, zero outside.

    DARK's derivatives look at nothing else, so the rest of the heatmap is never smoothed.
    """
    _, height, width = maps.shape
    span = np.arange(-PATCH_RADIUS, PATCH_RADIUS + 1)
    rows, columns = y[:, None] + span, x[:, None] + span
    inside_y, inside_x = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    at = (chosen[:, None] * height + rows.clip(0, height - 1)) * width
    patches = maps.reshape(-1).take(at[:, :, None] + columns.clip(0, width - 1)[:, None, :])
    patches *= inside_y[:, :, None] & inside_x[:, None, :]
    weights = np.exp(-(np.arange(-BLUR_RADIUS, BLUR_RADIUS + 1) ** 2) / (2 * BLUR_SIGMA**2))
    smoother = np.zeros((5, len(span)))
    for row in range(5):
        smoother[row, row : row + len(weights)] = weights / weights.sum()
    return smoother @ patches.astype(np.float64) @ smoother.T


def flip_back(
    heatmaps: np.ndarray, flip_permutation: tuple[int, ...], shift: bool = True
) -> np.ndarray:
    """Heatmaps of a mirrored image as heatmaps of the image itself, ready to be averaged.

    Args:
        heatmaps: (N, K, H, W) of the mirrored image.
        flip_permutation: the joint each joint becomes in a mirror, (K,).
        shift: move one pixel right, which mends the misalignment of mirrored strided features
            (HRNet's SHIFT_HEATMAP); the first column stays.

    Returns:
        (N, K, H, W), a new array of the same type.
    """
    mirrored = heatmaps.take(flip_permutation, axis=1)[..., ::-1]
    restored = np.empty(heatmaps.shape, heatmaps.dtype)
    if shift:
        restored[..., 1:], restored[..., 0] = mirrored[..., :-1], mirrored[..., 0]
    else:
        restored[...] = mirrored
    return restored
