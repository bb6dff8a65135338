"""Training of networks that lift 2D poses to 3D."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from posepaper.config import Training
from posepaper.skeleton import Skeleton
from posepaper.training.checkpoint import RunFolder
from posepaper.training.devices import device
from posepaper.training.loop import fit
from posepaper.training.windows import Windows

NOT_IN_16 = "Neck/Nose"


class SingleFrame16(nn.Module):
    """Martinez' network among networks of 17 joints and many frames.

    Neck/Nose is left out of its input; its output gets the root back, at 0.

    Raises:
        ValueError: the skeleton has no joint Neck/Nose, so is not Human3.6M's.
    """

    receptive_field = 1

    def __init__(self, network: nn.Module, skeleton: Skeleton):
        super().__init__()
        if NOT_IN_16 not in skeleton.joints:
            raise ValueError(f"{skeleton.name}: has no joint {NOT_IN_16}. Use Human3.6M's 17")
        self.network, self.root = network, skeleton.root
        dropped = skeleton.joints.index(NOT_IN_16)
        self.kept = [j for j in range(len(skeleton.joints)) if j != dropped]

    def forward(self, keypoints: Tensor) -> Tensor:
        """(N, T, 17, 2) normalised screen -> (N, T, 17, 3) metres, camera axes, root 0."""
        frames = keypoints[:, :, self.kept].flatten(0, 1)
        joints = self.network(frames).unflatten(0, keypoints.shape[:2])
        before, after = joints[:, :, : self.root], joints[:, :, self.root :]
        return torch.cat([before, torch.zeros_like(joints[:, :, :1]), after], dim=2)


class WindowForward(nn.Module):
    """A network that has a cheaper way for single windows (VideoPose3D), used in training."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        """(N, receptive field, 17, 2) -> (N, 1, 17, 3)."""
        return self.network.forward_window(windows)


def position_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """MPJPE in metres: the mean Euclidean distance over samples, frames and joints."""
    windows, targets = batch
    return torch.linalg.vector_norm(model(windows) - targets, dim=-1).mean()


def train_lifting(
    model: nn.Module,
    keypoints: Sequence[np.ndarray],
    poses: Sequence[np.ndarray],
    training: Training,
    run_folder: RunFolder,
    *,
    seed: int,
    label: str,
    skeleton: Skeleton,
) -> list[dict]:
    """Trains any lifting network of ``posepaper.models`` in place.

    Args:
        keypoints: per sequence (T, J, 2), normalised screen coordinates.
        poses: per sequence (T, J, 3), metres, camera frame, absolute or root-relative.

    Returns:
        The curve of :func:`posepaper.training.loop.fit`, losses in metres.

    Raises:
        TrainingFailed: the training diverged.
        ValueError: 2D and 3D sequences do not pair up, or are too short for a recipe without
            padding.
    """
    network = sequence_network(model, skeleton)
    windows = Windows(
        keypoints,
        poses,
        receptive_field=network.receptive_field,
        skeleton=skeleton,
        flip=training.flip,
        padding=training.padding,
        device=device(),
    )
    if hasattr(network, "forward_window"):
        network = WindowForward(network)
    return fit(network, windows, position_loss, training, run_folder, seed=seed, label=label)


def sequence_network(model: nn.Module, skeleton: Skeleton) -> nn.Module:
    """The network itself, or Martinez' wrapped: the only kind that knows no time.

    Told by its methods: importing its class would make every training depend on its source.
    """
    knows_time = hasattr(model, "temporal") or hasattr(model, "forward_window")
    return model if knows_time else SingleFrame16(model, skeleton)
