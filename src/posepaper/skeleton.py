"""Joint sets of the datasets, and the explicit mappings between them.

Sources: Human3.6M's 17-joint subset as VideoPose3D uses it, COCO 2017 keypoints,
MPI-INF-3DHP's 17 joints in P-STMO's order.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Skeleton:
    """A joint set. ``parents[root]`` is -1; ``left[i]`` mirrors ``right[i]``."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def root(self) -> int:
        """Index of the joint without a parent."""
        return self.parents.index(-1)

    @property
    def flip(self) -> tuple[int, ...]:
        """Permutation that swaps left and right joints."""
        order = list(range(len(self.joints)))
        for left, right in zip(self.left, self.right, strict=True):
            order[left], order[right] = right, left
        return tuple(order)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) of every joint but the root."""
        return tuple((j, p) for j, p in enumerate(self.parents) if p >= 0)


H36M = Skeleton(
    "human3.6m-17",
    ("Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot", "Spine", "Thorax")
    + ("Neck/Nose", "Head", "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist"),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    left=(4, 5, 6, 11, 12, 13),
    right=(1, 2, 3, 14, 15, 16),
)
H36M_16 = Skeleton(
    "human3.6m-16",
    tuple(j for j in H36M.joints if j != "Neck/Nose"),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 8, 10, 11, 8, 13, 14),
    left=(4, 5, 6, 10, 11, 12),
    right=(1, 2, 3, 13, 14, 15),
)
COCO = Skeleton(
    "coco-17",
    ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    + ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist")
    + ("right_wrist", "left_hip", "right_hip", "left_knee", "right_knee")
    + ("left_ankle", "right_ankle"),
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    left=(1, 3, 5, 7, 9, 11, 13, 15),
    right=(2, 4, 6, 8, 10, 12, 14, 16),
)
MPI3DHP = Skeleton(
    "mpi-inf-3dhp-17",
    ("head_top", "neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist")
    + ("RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "pelvis", "spine", "head"),
    parents=(16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1),
    left=(5, 6, 7, 11, 12, 13),
    right=(2, 3, 4, 8, 9, 10),
)

SKELETONS = {s.name: s for s in (H36M, H36M_16, COCO, MPI3DHP)}

# The 17 joints that stay of Human3.6M's 32 (4, 5, 9-11, 16, 20-24 and 28-31 are dropped).
H36M_FROM_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)

COCO_TO_H36M = (
    "Hip = mean hips, Thorax = mean shoulders, Spine = mean of Hip and Thorax, "
    "Neck/Nose = nose, Head = mean ears moved up by the distance from nose to mean ears along "
    "the line from Thorax to mean ears; feet are the ankles, all others the joint of the same name"
)
H36M16_TO_H36M17 = "Neck/Nose = mean of Thorax and Head; all other joints as they are"


def coco_to_h36m(keypoints: np.ndarray) -> np.ndarray:
    """COCO keypoints as Human3.6M joints, see :data:`COCO_TO_H36M`.

    Args:
        keypoints: (..., 17, C) COCO order; the first two channels are coordinates.

    Returns:
        (..., 17, C) Human3.6M order; further channels (scores) are averaged likewise.
    """
    k = np.moveaxis(keypoints, -2, 0)
    hip, thorax, ears = (k[11] + k[12]) / 2, (k[5] + k[6]) / 2, (k[3] + k[4]) / 2
    up = ears[..., :2] - thorax[..., :2]
    length = np.linalg.norm(up, axis=-1, keepdims=True)
    reach = np.linalg.norm(k[0][..., :2] - ears[..., :2], axis=-1, keepdims=True)
    head = ears.copy()
    head[..., :2] += reach * up / np.maximum(length, 1e-6)
    joints = [hip, k[12], k[14], k[16], k[11], k[13], k[15], (hip + thorax) / 2, thorax, k[0]]
    joints += [head, k[5], k[7], k[9], k[6], k[8], k[10]]
    return np.stack(joints, axis=-2)


def h36m16_to_h36m17(keypoints: np.ndarray) -> np.ndarray:
    """16-joint Hourglass keypoints (..., 16, C) as 17 joints, see :data:`H36M16_TO_H36M17`."""
    missing = (keypoints[..., 8:9, :] + keypoints[..., 9:10, :]) / 2
    return np.concatenate([keypoints[..., :9, :], missing, keypoints[..., 9:, :]], axis=-2)
