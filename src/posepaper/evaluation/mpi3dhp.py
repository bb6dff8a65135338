"""The MPI-INF-3DHP test protocol over the 2,929 valid frames (as P-STMO evaluates it).

Windows slide over all frames, so predictions cover them all; only frames marked valid count.
MPJPE is over all 17 joints; PCK and AUC over 14, without pelvis, spine and head, or over all.
"""

from typing import Literal

import numpy as np

from posepaper.errors import InputError
from posepaper.evaluation.metrics import auc, mpjpe, pck
from posepaper.evaluation.protocol import Poses, Root, paired
from posepaper.skeleton import MPI3DHP

PCK_JOINTS = {
    14: [i for i, name in enumerate(MPI3DHP.joints) if name not in ("pelvis", "spine", "head")],
    17: list(range(len(MPI3DHP.joints))),
}


def evaluate(
    predictions: Poses,
    targets: Poses,
    valid: Poses,
    *,
    root: Root = "zero",
    pck_joints: Literal[14, 17] = 14,
) -> dict[str, dict]:
    """Score sequences of MPI-INF-3DHP.

    Args:
        predictions: key -> (T, 17, 3) mm, camera space, relative to the pelvis (joint 14).
        targets: the same keys and shapes, with the pelvis at the origin.
        valid: key -> (T,) bool, the frames that count.
        root: whether the predicted root counts or is put at the origin first.
        pck_joints: how many joints PCK and AUC count.

    Returns:
        ``values``: "mpjpe" (mm), "pck" and "auc" (percent) over the pooled valid frames;
        ``sequences``: the same names -> {key: the sequence's own value}, and "frames" ->
        {key: number of valid frames}. A sequence without a valid frame is absent.

    Raises:
        InputError: keys or shapes differ, targets are not root-relative, a valid frame is not
            finite, no frame is valid, or there is no such joint set.
    """
    if pck_joints not in PCK_JOINTS:
        raise InputError("protocol", f"pck_joints is {pck_joints!r}", "Say 14 or 17")
    joints = PCK_JOINTS[pck_joints]
    sequences: dict[str, dict] = {"mpjpe": {}, "pck": {}, "auc": {}, "frames": {}}
    pairs = paired(predictions, targets, root_joint=MPI3DHP.root, root=root, valid=valid)
    for key, predicted, target in pairs:
        sequences["frames"][key] = len(target)
        sequences["mpjpe"][key] = mpjpe(predicted, target)
        sequences["pck"][key] = pck(predicted[:, joints], target[:, joints])
        sequences["auc"][key] = auc(predicted[:, joints], target[:, joints])
    if not sequences["frames"]:
        raise InputError("valid", "no frame is valid", "Mark the frames to score")
    weights = list(sequences["frames"].values())
    values = {
        name: float(np.average(list(sequences[name].values()), weights=weights))
        for name in ("mpjpe", "pck", "auc")
    }
    return {"values": values, "sequences": sequences}
