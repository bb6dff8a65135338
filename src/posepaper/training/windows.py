"""Windows of 2D poses out of a whole dataset held in one tensor on the device.

Copying a window per sample in Python is what the public trainers lose time with; here a batch is
one gather of rows from an overlapping view.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from posepaper.skeleton import Skeleton


def mirror(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(..., J, C) joints seen in a mirror: x (the first channel) negated, left and right swapped.

    Valid for normalised screen coordinates and for camera-space positions alike.
    """
    mirrored = joints[..., list(skeleton.flip), :]
    mirrored[..., 0] *= -1
    return mirrored


def pad_edges(sequence: np.ndarray, receptive_field: int) -> np.ndarray:
    """(T, J, C) with its first and last frame repeated (receptive_field - 1) / 2 times each."""
    margin = (receptive_field - 1) // 2
    return np.pad(sequence, ((margin, margin), (0, 0), (0, 0)), mode="edge")


class Windows:
    """Every frame of a dataset with its window of 2D poses and its root-relative 3D pose.

    Samples count through all frames of all sequences in order; with ``flip`` the same number of
    mirrored samples follows, as in VideoPose3D's training.

    Args:
        keypoints: per sequence (T, J, 2), normalised screen coordinates.
        poses: per sequence (T, J, 3), metres, camera frame; the root is subtracted here.
        receptive_field: frames of a window, odd.

    Raises:
        ValueError: sequences do not pair up, hold no frame, or the receptive field is even.
    """

    def __init__(
        self,
        keypoints: Sequence[np.ndarray],
        poses: Sequence[np.ndarray],
        *,
        receptive_field: int,
        skeleton: Skeleton,
        flip: bool,
        device: torch.device | str = "cpu",
    ):
        _check(keypoints, poses, len(skeleton.joints), receptive_field)
        self.receptive_field = receptive_field
        lengths = torch.tensor([len(k) for k in keypoints])
        padding = torch.arange(len(lengths)) * (receptive_field - 1)
        starts = torch.arange(int(lengths.sum())) + padding.repeat_interleave(lengths)
        padded = np.concatenate([pad_edges(k, receptive_field) for k in keypoints])
        flat = torch.from_numpy(padded.astype(np.float32, copy=False)).to(device)
        root = skeleton.root
        relative = np.concatenate([p - p[:, root : root + 1] for p in poses])
        targets = torch.from_numpy(relative.astype(np.float32, copy=False)).to(device)
        if flip:
            starts = torch.cat([starts, starts + len(flat)])
            flat = torch.cat([flat, mirror(flat, skeleton)])
            targets = torch.cat([targets, mirror(targets, skeleton)])
        self._joints = flat.shape[1]
        self._starts, self._targets = starts.to(device), targets
        row = self._joints * 2
        # Row i of this view is the window that starts at frame i: rows overlap, nothing is copied.
        self._view = flat.reshape(-1).unfold(0, receptive_field * row, row)

    def __len__(self) -> int:
        return len(self._starts)

    def gather(self, index: Tensor) -> Tensor:
        """(B,) samples -> (B, receptive_field, J, 2) windows centred on them."""
        index = self._starts[index.to(self._starts.device)]
        rows = self._view.index_select(0, index)
        return rows.view(len(rows), self.receptive_field, self._joints, 2)

    def targets(self, index: Tensor) -> Tensor:
        """(B,) samples -> (B, 1, J, 3) metres, camera axes, relative to the root, root 0."""
        return self._targets.index_select(0, index.to(self._targets.device))[:, None]

    def epoch(self, epoch: int, batches: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """(windows, targets) of every batch of sample indices; the same in every epoch."""
        for index in batches:
            yield self.gather(index), self.targets(index)


def _check(keypoints, poses, joints: int, receptive_field: int) -> None:
    if receptive_field % 2 == 0:
        raise ValueError(f"receptive_field: {receptive_field} is even. Give an odd number")
    if not keypoints or any(len(k) == 0 for k in keypoints):
        raise ValueError("keypoints: a sequence without frames. Leave it out")
    ours = [k.shape for k in keypoints]
    theirs = [(*p.shape[:2], 2) for p in poses]
    if ours != theirs or any(shape[1] != joints for shape in ours):
        wrong = [f"{a} and {b}" for a, b in zip(ours, theirs, strict=False) if a != b][:1]
        raise ValueError(
            f"{len(ours)} sequences of 2D and {len(theirs)} of 3D poses with {joints} joints "
            f"do not pair up {wrong}. Give both with the same frames"
        )
