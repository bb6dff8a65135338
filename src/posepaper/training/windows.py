"""Windows of 2D poses out of a whole dataset held in one tensor on the device.

Copying a window per sample in Python is what the public trainers lose time with; here a batch is
one gather from an overlapping view.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

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


def pad_edges(sequence: Tensor, receptive_field: int) -> Tensor:
    """(T, J, C) with its first and last frame repeated (receptive_field - 1) / 2 times each."""
    margin = (receptive_field - 1) // 2
    before, after = (sequence[t].expand(margin, -1, -1) for t in (0, -1))
    return torch.cat([before, sequence, after])


class Windows:
    """Every frame of a dataset with its window of 2D poses and its root-relative 3D pose.

    Samples count through all frames of all sequences in order; with ``flip`` the same number of
    mirrored samples follows, as in VideoPose3D's training.

    Args:
        keypoints: per sequence (T, J, 2), normalised screen coordinates.
        poses: per sequence (T, J, 3), metres, camera frame; the root is subtracted here.
        receptive_field: frames of a window, odd.
        padding: "edge" repeats a sequence's first and last frame, so that every frame is the
            middle of a window; "none" leaves out the frames whose window would need it.

    Raises:
        ValueError: sequences do not pair up, hold no frame, the receptive field is even, or
            without padding no sequence is as long as a window.
    """

    def __init__(
        self,
        keypoints: Sequence[np.ndarray],
        poses: Sequence[np.ndarray],
        *,
        receptive_field: int,
        skeleton: Skeleton,
        flip: bool,
        padding: Literal["edge", "none"] = "edge",
        device: torch.device | str = "cpu",
    ):
        _check(keypoints, poses, len(skeleton.joints), receptive_field)
        self.receptive_field = receptive_field
        lengths = torch.tensor([len(k) for k in keypoints])
        added = torch.arange(len(lengths)) * (receptive_field - 1)
        starts = torch.arange(int(lengths.sum())) + added.repeat_interleave(lengths)
        sequences = [torch.from_numpy(k.astype(np.float32, copy=False)) for k in keypoints]
        flat = torch.cat([pad_edges(s, receptive_field) for s in sequences]).to(device)
        root = skeleton.root
        relative = np.concatenate([p - p[:, root : root + 1] for p in poses])
        targets = torch.from_numpy(relative.astype(np.float32, copy=False)).to(device)
        if padding == "none":
            whole = _whole(lengths, receptive_field)
            starts, targets = starts[whole], targets[whole.to(device)]
        if flip:
            starts = torch.cat([starts, starts + len(flat)])
            flat = torch.cat([flat, mirror(flat, skeleton)])
            targets = torch.cat([targets, mirror(targets, skeleton)])
        self._starts, self._targets = starts.to(device), targets[:, None]
        # Entry i of this view is the window from frame i on: they overlap, nothing is copied.
        self._view = flat.unfold(0, receptive_field, 1).permute(0, 3, 1, 2)

    def __len__(self) -> int:
        return len(self._starts)

    def gather(self, index: Tensor) -> Tensor:
        """(B,) samples -> (B, receptive_field, J, 2) windows centred on them."""
        starts = self._starts.index_select(0, index.to(self._starts.device))
        return self._view.index_select(0, starts)

    def targets(self, index: Tensor) -> Tensor:
        """(B,) samples -> (B, 1, J, 3) metres, camera axes, relative to the root, root 0."""
        return self._targets.index_select(0, index.to(self._targets.device))

    def epoch(self, epoch: int, batches: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """(windows, targets) of every batch of sample indices; the same in every epoch."""
        order = torch.cat(batches).to(self._starts.device)
        for index in order.split([len(batch) for batch in batches]):
            yield self.gather(index), self.targets(index)


def _whole(lengths: Tensor, receptive_field: int) -> Tensor:
    """(frames,) bool: whose window lies inside its sequence."""
    margin = receptive_field // 2
    frame = torch.cat([torch.arange(length) for length in lengths])
    left = lengths.repeat_interleave(lengths) - 1 - frame
    whole = (frame >= margin) & (left >= margin)
    if not whole.any():
        raise ValueError(
            f"windows of {receptive_field} frames are longer than every sequence (the longest has "
            f"{int(lengths.max())}) and the recipe forbids padding. Give longer sequences, fewer "
            "frames or padding: edge"
        )
    return whole


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
