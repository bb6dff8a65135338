"""What the Human3.6M and MPI-INF-3DHP protocols share: pairing predictions with targets."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np

from posepaper.errors import InputError
from posepaper.evaluation.metrics import checked

Root = Literal["predicted", "zero"]
Poses = Mapping[str, np.ndarray]
ROOT_TOLERANCE_MM = 1e-3


def paired(
    predictions: Poses, targets: Poses, *, root_joint: int, root: Root, valid: Poses | None = None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (key, predicted, target), float64 (T, J, 3) mm, in the order of the sorted keys.

    Args:
        predictions: key -> (T, J, 3) mm, camera space, root-relative.
        targets: the same keys and shapes; the root joint lies at the origin.
        root_joint: index of the root joint.
        root: "predicted" scores the root as predicted, "zero" puts it at the origin first.
        valid: key -> (T,) bool, the frames to keep; None keeps all. A sequence without a
            valid frame is left out.

    Raises:
        InputError: keys or shapes differ, targets are not root-relative, values not finite.
    """
    if root not in ("predicted", "zero"):
        raise InputError("protocol", f"root is {root!r}", "Say 'predicted' or 'zero'")
    same_keys("predictions", predictions, targets)
    if valid is not None:
        same_keys("valid", valid, targets)
    for key in sorted(targets):
        predicted, target = np.asarray(predictions[key]), np.asarray(targets[key])
        if valid is not None:
            keep = mask_of(key, valid[key], predicted, target)
            if not keep.any():
                continue
            predicted, target = predicted[keep], target[keep]
        predicted, target = checked(predicted, target, key)
        if np.abs(target[:, root_joint]).max() > ROOT_TOLERANCE_MM:
            raise InputError(key, "target is not root-relative", "Subtract its root joint")
        if root == "zero":
            predicted = predicted.copy()
            predicted[:, root_joint] = 0
        yield key, predicted, target


def same_keys(what: str, given: Mapping, targets: Mapping) -> None:
    """Raise InputError unless ``given`` has exactly the sequences of ``targets``."""
    if not targets:
        raise InputError("targets", "there is no sequence", "Give at least one")
    if missing := sorted(set(targets) - set(given)):
        raise InputError(what, f"{missing[0]} is missing", "Give every sequence of the targets")
    if extra := sorted(set(given) - set(targets)):
        raise InputError(what, f"{extra[0]} has no target", "Score only sequences with targets")


def mask_of(key: str, valid, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``valid`` as a bool array (T,), after comparing its length with the poses'."""
    keep = np.asarray(valid)
    if keep.dtype != bool or keep.shape != predicted.shape[:1] or keep.shape != target.shape[:1]:
        what = (
            f"valid {keep.dtype} {keep.shape} does not fit prediction {predicted.shape} "
            f"and target {target.shape}"
        )
        raise InputError(key, what, "Give one bool for each frame")
    return keep
