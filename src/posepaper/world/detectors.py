"""A simulated 2D detector: keypoints as one would find them, wrong the way detectors are.

Errors drift over time instead of flickering, are larger at the extremities, for near people and
for hidden joints, and now and then left and right change places.
"""

from dataclasses import dataclass

import numpy as np

from posepaper.skeleton import H36M

_RIGID = {"Hip": 0.7, "RHip": 0.8, "LHip": 0.8, "Spine": 0.8, "Thorax": 0.7, "Neck/Nose": 0.8}
_LOOSE = {"RFoot": 1.4, "LFoot": 1.4, "LWrist": 1.6, "RWrist": 1.6, "LElbow": 1.2, "RElbow": 1.2}
_SPREAD = np.array([(_RIGID | _LOOSE).get(name, 1.0) for name in H36M.joints])
_SPREAD /= _SPREAD.mean()
_ARMS = [(11, 14), (12, 15), (13, 16)]
_LEGS = [(4, 1), (5, 2), (6, 3)]


@dataclass(frozen=True)
class Detector:
    """``error`` is the mean error in pixels of visible joints of a person 100 pixels tall,
    ``memory`` the share of an error that survives a frame, ``swaps`` the chance per frame that a
    left-right confusion begins, ``stray`` how many times wider the rare large errors are.
    """

    name: str
    error: float
    memory: float
    swaps: float
    stray: float


DETECTORS = (
    Detector("cpn_ft_h36m_dbb", 1.4, 0.80, 0.0015, 2.6),
    Detector("detectron_ft_h36m", 1.7, 0.78, 0.0025, 2.8),
    Detector("sh_ft_h36m", 2.45, 0.72, 0.0050, 3.2),
)


def detect(detector: Detector, exact: np.ndarray, hidden: np.ndarray, rng) -> np.ndarray:
    """What ``detector`` makes of one sequence.

    Args:
        exact: (T, 17, 2) pixels, Human3.6M order.
        hidden: (T, 17) bool, joints that cannot be seen.

    Returns:
        (T, 17, 2) float32 pixels.
    """
    tall = np.ptp(exact[..., 1], axis=1).mean() / 100
    sigma = detector.error * tall / np.sqrt(np.pi / 2)
    drift = _correlated(rng, exact.shape, detector.memory)
    bias = 0.25 * rng.normal(0, 1, (1, *exact.shape[1:]))
    # Rare large errors come and go like everything else a detector does.
    burst = _correlated(rng, exact.shape[:2], 0.85) > 2.1
    width = _SPREAD * np.where(hidden, 2.2, 1.0) * np.where(burst, detector.stray, 1.0)
    found = exact + sigma * width[..., None] * (0.97 * drift + bias)
    return _swap(found, detector.swaps, rng).astype(np.float32)


def _correlated(rng, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """Unit-variance noise along axis 0 whose neighbours correlate by ``memory``."""
    warm = 24
    frames = shape[0] + warm
    white = rng.normal(0, np.sqrt(1 - memory**2), (frames, *shape[1:]))
    lag = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = np.where(lag >= 0, memory ** np.maximum(lag, 0), 0.0)
    return np.tensordot(kernel, white, axes=1)[warm:]


def _swap(found: np.ndarray, rate: float, rng) -> np.ndarray:
    frames = len(found)
    starts = np.flatnonzero(rng.random(frames) < rate)
    for start in starts:
        end = start + rng.integers(2, 7)
        pairs = np.array((_ARMS, _LEGS, _ARMS + _LEGS)[rng.integers(3)])
        source = np.concatenate([pairs[:, 1], pairs[:, 0]])
        found[start:end, pairs.ravel(order="F")] = found[start:end, source]
    return found


def hidden_joints(pixels: np.ndarray, depth: np.ndarray, focal: float) -> np.ndarray:
    """Which of Human3.6M's 17 joints the subject's own trunk hides, (T, 17) bool.

    Args:
        pixels: (T, 17, 2) pixels.
        depth: (T, 17) metres from the camera.
        focal: pixels.
    """
    top, bottom = pixels[:, None, 8], pixels[:, None, 0]
    along = bottom - top
    share = np.sum((pixels - top) * along, -1) / np.maximum(np.sum(along**2, -1), 1e-6)
    share = np.clip(share, 0, 1)
    trunk_depth = depth[:, 8, None] * (1 - share) + depth[:, 0, None] * share
    distance = np.linalg.norm(pixels - (top + share[..., None] * along), axis=-1)
    shoulders = np.linalg.norm(pixels[:, 11] - pixels[:, 14], axis=-1)[:, None]
    reach = np.maximum(0.45 * shoulders, 0.09 * focal / trunk_depth)
    hidden = (distance < reach) & (depth > trunk_depth + 0.10)
    hidden[:, [0, 7, 8]] = False
    return hidden
