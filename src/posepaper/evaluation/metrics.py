"""Errors between estimated and true 3D poses.

Every function takes ``(predicted, target)`` of shape (N, J, 3) in millimetres, both in the same
frame (root-relative camera space in both protocols), computes in float64 and returns one float.
They raise :class:`~posepaper.errors.InputError` where shapes differ, nothing is there to score,
or a value is not finite.
"""

import numpy as np

from posepaper.errors import InputError

AUC_THRESHOLDS = np.arange(0.0, 151.0, 5.0)


def checked(predicted, target, name: str = "poses") -> tuple[np.ndarray, np.ndarray]:
    """The two arrays as float64 (N, J, 3), after the checks all metrics share.

    Args:
        predicted: (N, J, 3) array, any real type.
        target: the same shape.
        name: what the error message calls the pair, such as a sequence's key.

    Raises:
        InputError: shapes differ, are not (N, J, 3) or empty, or a value is not finite.
    """
    predicted, target = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    if predicted.shape != target.shape:
        shapes = f"prediction {predicted.shape} and target {target.shape} differ in shape"
        raise InputError(name, shapes, "Give both for the same frames and joints")
    if target.ndim != 3 or target.shape[-1] != 3 or not target.size:
        what = f"shape {target.shape} is not (frames, joints, 3) with at least one frame"
        raise InputError(name, what, "Give one pose per frame")
    for kind, poses in (("prediction", predicted), ("target", target)):
        if not np.isfinite(poses).all():
            bad = int(np.argmin(np.isfinite(poses).all(axis=(1, 2))))
            what = f"{kind} is not finite in frame {bad}"
            raise InputError(name, what, "Remove the frame or find out where it went wrong")
    return predicted, target


def joint_errors(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Euclidean distance of each joint to its target, (N, J) in the unit of the poses."""
    return np.linalg.norm(predicted - target, axis=-1)


def mpjpe(predicted, target) -> float:
    """Mean per joint position error in mm (Human3.6M Protocol 1)."""
    return float(joint_errors(*checked(predicted, target)).mean())


def p_mpjpe(predicted, target) -> float:
    """MPJPE in mm after each frame's best similarity alignment (Human3.6M Protocol 2).

    Rotation, translation and positive scale minimise the squared distance to the target
    (Umeyama 1991); a reflection is never used.
    """
    predicted, target = checked(predicted, target)
    return float(joint_errors(align_similarity(predicted, target), target).mean())


def n_mpjpe(predicted, target) -> float:
    """MPJPE in mm after each frame's best scale about the origin (Rhodin et al. 2018)."""
    predicted, target = checked(predicted, target)
    return float(joint_errors(align_scale(predicted, target), target).mean())


def mpjve(predicted, target) -> float:
    """Mean per joint velocity error in mm/frame of one sequence (VideoPose3D, section 5).

    The frames must follow each other in time: velocity is the difference of neighbours.

    Raises:
        InputError: as all metrics, and where there are fewer than two frames.
    """
    predicted, target = checked(predicted, target)
    if len(target) < 2:
        raise InputError("poses", "one frame has no velocity", "Give a sequence of two or more")
    return float(joint_errors(np.diff(predicted, axis=0), np.diff(target, axis=0)).mean())


def pck(predicted, target, threshold: float = 150.0) -> float:
    """Percentage of joints strictly nearer to their target than ``threshold`` mm."""
    return float(100 * (joint_errors(*checked(predicted, target)) < threshold).mean())


def auc(predicted, target) -> float:
    """Mean PCK in percent over the 31 thresholds 0, 5, ... 150 mm (MPI-INF-3DHP).

    The comparison is strict at every threshold, so none is below 0 mm and a perfect
    prediction gives 30/31 of 100.
    """
    errors = np.sort(joint_errors(*checked(predicted, target)), axis=None)
    return float(100 * np.searchsorted(errors, AUC_THRESHOLDS, side="left").mean() / errors.size)


def align_similarity(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``predicted`` (N, J, 3) brought onto ``target`` by one similarity transform a frame.

    A frame whose joints all coincide has no rotation or scale: it moves to the target's mean.
    """
    centre = target.mean(axis=1, keepdims=True)
    moved = predicted - predicted.mean(axis=1, keepdims=True)
    u, singular, vt = np.linalg.svd(np.swapaxes(moved, 1, 2) @ (target - centre))
    # Flipping the least important axis keeps the nearest proper rotation where the best
    # orthogonal matrix is a reflection.
    sign = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    u[:, :, -1] *= sign[:, None]
    singular[:, -1] *= sign
    size = (moved**2).sum(axis=(1, 2))
    scale = singular.sum(axis=1) / np.where(size > 0, size, 1.0)
    return scale[:, None, None] * (moved @ (u @ vt)) + centre


def align_scale(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``predicted`` (N, J, 3) times the one factor a frame that minimises the squared error."""
    size = (predicted**2).sum(axis=(1, 2))
    scale = (predicted * target).sum(axis=(1, 2)) / np.where(size > 0, size, 1.0)
    return scale[:, None, None] * predicted
