"""From heatmaps to keypoints, for a whole batch at once."""

from typing import Literal

import numpy as np

from posepaper.errors import InputError

# DARK smooths with the Gaussian the heatmaps were trained on (sigma 2), cut at 5 pixels.
BLUR_SIGMA, BLUR_RADIUS = 2.0, 5
PATCH_RADIUS = BLUR_RADIUS + 2
IN_CACHE = 4


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
    flat = heatmaps.reshape(n, k, height * width)
    peak, finite = peaks(flat)
    scores = np.take_along_axis(flat, peak[..., None], axis=2)[..., 0]
    if not (finite and np.isfinite(scores).all()):
        raise InputError("heatmaps", "a value is not finite", "Find out where the network diverged")
    y, x = np.divmod(peak, width)
    keypoints = np.stack([x, y], axis=-1).astype(np.float32)
    margin, refine = (1, quarter_offset) if method == "quarter-offset" else (2, newton_step)
    inside = (x > 1) & (x < width - margin) & (y > 1) & (y < height - margin)
    where = np.nonzero(inside & (scores > 0))
    keypoints[where] += refine(heatmaps, where, x[where], y[where])
    keypoints[scores <= 0] = 0
    return keypoints, scores.astype(np.float32)


def peaks(flat: np.ndarray) -> tuple[np.ndarray, bool]:
    """Where each of the flattened heatmaps (N, K, P) has its maximum (N, K); are all finite?

    A few images at a time, so that the second look at their values finds them in the cache. It
    sums squares: no value that is not finite hides in that, and nothing costs less.
    """
    found, finite = np.empty(flat.shape[:2], np.intp), True
    for start in range(0, len(flat), IN_CACHE):
        part = flat[start : start + IN_CACHE]
        found[start : start + IN_CACHE] = part.argmax(axis=2)
        values = part.reshape(-1)
        finite &= bool(np.isfinite(np.dot(values, values)))
    return found, finite


def quarter_offset(heatmaps: np.ndarray, where: tuple, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A quarter pixel along each axis towards the larger neighbour; (P, 2) for P maxima.

    Args:
        heatmaps: (N, K, H, W).
        where: (image, joint) indices of the P maxima.
        x, y: their integer places, (P,).
    """
    n, k = where
    right = heatmaps[n, k, y, x + 1] - heatmaps[n, k, y, x - 1]
    down = heatmaps[n, k, y + 1, x] - heatmaps[n, k, y - 1, x]
    return 0.25 * np.sign(np.stack([right, down], axis=-1))


def newton_step(heatmaps: np.ndarray, where: tuple, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """DARK's offset from each maximum to the peak of the smoothed heatmap; arguments as above.

    No step is taken where the logarithm is not concave: Newton would leave the peak there.
    """
    logs = np.log(np.maximum(smoothed_patches(heatmaps, where, x, y), 1e-10))
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
    heatmaps: np.ndarray, where: tuple, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """The 5x5 surroundings (P, 5, 5) of each maximum after Gaussian smoothing, zero outside.

    DARK's derivatives look at nothing else, so the rest of the heatmap is never smoothed.
    """
    padded = np.pad(heatmaps, ((0, 0), (0, 0), (PATCH_RADIUS,) * 2, (PATCH_RADIUS,) * 2))
    span = np.arange(2 * PATCH_RADIUS + 1)
    rows, columns = (y[:, None] + span)[:, :, None], (x[:, None] + span)[:, None, :]
    patches = padded[where[0][:, None, None], where[1][:, None, None], rows, columns]
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
    restored = heatmaps[:, list(flip_permutation), :, ::-1].copy()
    if shift:
        restored[..., 1:] = restored[..., :-1].copy()
    return restored
