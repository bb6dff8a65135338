"""The Human3.6M protocol: errors per action, averaged without weights.

Frames are pooled inside an action (all subjects, takes and cameras); the average is the
unweighted mean of the actions, as the published tables print it. Velocity errors are taken
inside each sequence first (VideoPose3D, Pavllo et al. 2019, section 5).
"""

from collections.abc import Collection, Iterable
from typing import Literal

import numpy as np

from posepaper.errors import InputError
from posepaper.evaluation.metrics import mpjpe, mpjve, n_mpjpe, p_mpjpe
from posepaper.evaluation.protocol import Poses, Root, paired
from posepaper.skeleton import H36M

METRICS = {"mpjpe": mpjpe, "p_mpjpe": p_mpjpe, "n_mpjpe": n_mpjpe, "mpjve": mpjve}


def evaluate(
    predictions: Poses,
    targets: Poses,
    *,
    root: Root = "predicted",
    mpjve_weight: Literal["T-1", "T"] = "T-1",
    held_out: Collection[str] = (),
) -> dict[str, dict]:
    """Score sequences of Human3.6M, or of a data set in its 17 joints.

    Args:
        predictions: "subject/action/camera" -> (T, 17, 3) mm, camera space, root-relative.
        targets: the same keys and shapes, with the root at the origin.
        root: whether the predicted root counts or is put at the origin first.
        mpjve_weight: a sequence's weight in its action's MPJVE: its number of velocities,
            or of frames as VideoPose3D has it.
        held_out: keys of subjects who are in no training sequence; where the split is by clip,
            these are not all, and they are the ones that say what a new person may expect.

    Returns:
        ``values``: "{metric}/{Action}" and "{metric}/average" for mpjpe, p_mpjpe, n_mpjpe (mm)
        and mpjve (mm/frame); ``sequences``: metric -> {key: the sequence's own value}, and
        "frames" -> {key: T}. Of the ``held_out`` keys alone both have "held_out_{metric}" too,
        of the values only the average.

    Raises:
        InputError: keys or shapes differ, targets are not root-relative, values are not finite,
            a sequence has fewer than two frames, or a key is not "subject/action/camera".
    """
    if mpjve_weight not in ("T-1", "T"):
        raise InputError("protocol", f"mpjve_weight is {mpjve_weight!r}", "Say 'T-1' or 'T'")
    sequences: dict[str, dict] = {name: {} for name in METRICS} | {"frames": {}}
    for key, predicted, target in paired(predictions, targets, root_joint=H36M.root, root=root):
        if len(target) < 2:
            raise InputError(key, "one frame has no velocity", "Leave out such short sequences")
        sequences["frames"][key] = len(target)
        for name, metric in METRICS.items():
            sequences[name][key] = metric(predicted, target)
    values = _pooled(sequences, sequences["frames"], mpjve_weight)
    if held_out:
        apart = _pooled(sequences, [k for k in sequences["frames"] if k in held_out], mpjve_weight)
        for name in METRICS:
            values[f"held_out_{name}/average"] = apart[f"{name}/average"]
            own = sequences[name]
            sequences[f"held_out_{name}"] = {key: own[key] for key in own if key in held_out}
    return {"values": values, "sequences": sequences}


def _pooled(sequences: dict[str, dict], keys: Iterable[str], mpjve_weight: str) -> dict[str, float]:
    """ "{metric}/{Action}" and "{metric}/average" over these sequences."""
    keys_of: dict[str, list[str]] = {}
    for key in keys:
        keys_of.setdefault(action_of(key), []).append(key)
    values = {}
    for name in METRICS:
        fewer = 1 if name == "mpjve" and mpjve_weight == "T-1" else 0
        pooled = {
            action: float(
                np.average(
                    [sequences[name][key] for key in keys],
                    weights=[sequences["frames"][key] - fewer for key in keys],
                )
            )
            for action, keys in keys_of.items()
        }
        values |= {f"{name}/{action}": value for action, value in pooled.items()}
        values[f"{name}/average"] = float(np.mean(list(pooled.values())))
    return values


def action_of(key: str) -> str:
    """The action of a sequence's key: "S9/Walking 1/54138969" -> "Walking".

    Raises:
        InputError: the key is not "subject/action/camera".
    """
    parts = key.split("/")
    if len(parts) != 3 or not parts[1].strip():
        raise InputError(key, "is not subject/action/camera", "Name sequences so")
    return parts[1].split()[0]
