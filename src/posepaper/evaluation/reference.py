"""Predictors that look at no image: what a trained model must beat for its error to mean much."""

from collections.abc import Iterable, Mapping

import numpy as np

from posepaper.errors import InputError


def mean_pose(poses: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of the training poses.

    Args:
        poses: sequences (T, J, 3), root-relative camera space, one unit for all.

    Returns:
        (J, 3) float32, in that unit.

    Raises:
        InputError: there is no frame.
    """
    total, frames = 0.0, 0
    for sequence in poses:
        total = total + np.asarray(sequence, np.float64).sum(axis=0)
        frames += len(sequence)
    if not frames:
        raise InputError("training poses", "there is no frame", "Give at least one")
    return (total / frames).astype(np.float32)


def predict_mean_pose(mean: np.ndarray, frames: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The mean pose (J, 3) for every frame: key -> (T, J, 3), given key -> T."""
    return {key: np.broadcast_to(mean, (count, *mean.shape)) for key, count in frames.items()}


def mean_keypoints(boxes: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Where each keypoint lies within the box on average, over those labelled.

    Args:
        boxes: (P, 4) x, y, width, height in pixels; empty boxes are left out.
        keypoints: (P, K, 3) x, y, v in pixels.

    Returns:
        (K, 2) float32, as fractions of the box's width and height.

    Raises:
        InputError: a keypoint is labelled nowhere.
    """
    corner, size = boxes[:, None, :2], boxes[:, None, 2:]
    labelled = (keypoints[:, :, 2] > 0) & (size > 0).all(axis=2)
    if not labelled.any(axis=0).all():
        joint = int(np.argmin(labelled.any(axis=0)))
        raise InputError("training people", f"keypoint {joint} is labelled nowhere", "Give more")
    fractions = (keypoints[:, :, :2] - corner) / np.where(size > 0, size, 1)
    total = np.where(labelled[..., None], fractions, 0).sum(axis=0, dtype=np.float64)
    return (total / labelled.sum(axis=0)[:, None]).astype(np.float32)


def predict_mean_keypoints(mean: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The mean keypoints (K, 2) placed in boxes (P, 4): (P, K, 2) image pixels."""
    return boxes[:, None, :2] + mean * boxes[:, None, 2:]
