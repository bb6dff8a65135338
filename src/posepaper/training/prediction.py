"""3D poses of whole sequences, each network computed once per frame for all that is per-frame."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from posepaper.skeleton import Skeleton
from posepaper.training.devices import device
from posepaper.training.lifting import sequence_network
from posepaper.training.windows import mirror, pad_edges

# Frames that are held as features at a time; sequences are not cut.
FRAMES = 16384
# Frames that go through the network at a time: on a CPU what its caches hold (at 81 frames,
# twice as fast as 16 times as many), elsewhere what fills the device.
AT_ONCE = {"cpu": 2592}
AT_ONCE_OTHERWISE = 165888


@torch.inference_mode()
def predict_lifting(
    model: nn.Module,
    keypoints: Sequence[np.ndarray],
    *,
    skeleton: Skeleton,
    flip: bool,
) -> Iterator[np.ndarray]:
    """3D poses of every frame of every sequence, edges padded by (receptive field - 1) / 2.

    Convolutional networks run over whole sequences. Transformers see many sequences as one
    stream: their spatial part runs once per frame and their temporal part once per window, with
    the result of whole windows.

    Args:
        keypoints: per sequence (T, J, 2), normalised screen coordinates.
        flip: average with the mirrored prediction of the mirrored input.

    Yields:
        In the sequences' order (T, J, 3) float32, metres, camera axes, root as predicted.
    """
    where = device()
    network = sequence_network(model, skeleton).to(where).eval()
    group = _windowed if hasattr(network, "temporal") else _convolved
    at_once = AT_ONCE.get(where.type, AT_ONCE_OTHERWISE)
    for sequences in _groups(keypoints):
        views = [[torch.from_numpy(s.astype(np.float32, copy=False)).to(where) for s in sequences]]
        if flip:
            views.append([mirror(s, skeleton) for s in views[0]])
        joints = [group(network, view, at_once) for view in views]
        poses = (joints[0] + mirror(joints[1], skeleton)) / 2 if flip else joints[0]
        yield from (p.cpu().numpy() for p in poses.split([len(s) for s in sequences]))


def _groups(keypoints: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    group: list[np.ndarray] = []
    for sequence in keypoints:
        if group and sum(map(len, group)) + len(sequence) > FRAMES:
            yield group
            group = []
        group.append(sequence)
    if group:
        yield group


def _convolved(network: nn.Module, sequences: list[Tensor], at_once: int) -> Tensor:
    """Sequences of (T, J, 2) -> (all frames, J, 3), by a network that runs over any length."""
    margin, found = network.receptive_field - 1, []
    for sequence in sequences:
        x = pad_edges(sequence, network.receptive_field)[None]
        starts = range(0, len(sequence), at_once)
        found += [network(x[:, s : s + at_once + margin])[0] for s in starts]
    return torch.cat(found)


def _windowed(network: nn.Module, sequences: list[Tensor], at_once: int) -> Tensor:
    """Sequences of (T, J, 2) -> (all frames, J, 3), by a network of a spatial and temporal part."""
    stream = torch.cat(sequences)
    features = torch.cat([network.spatial(part) for part in stream.split(at_once)])
    lengths = torch.tensor([len(s) for s in sequences], device=stream.device)
    rows = _rows(lengths, network.receptive_field)
    windows = rows.split(max(1, at_once // network.receptive_field))
    return torch.cat([network.temporal(features[part]).squeeze(1) for part in windows])


def _rows(lengths: Tensor, receptive_field: int) -> Tensor:
    """(all frames, receptive_field) frames of each frame's window, a sequence's ends repeated."""
    last = lengths.cumsum(0).repeat_interleave(lengths)[:, None] - 1
    first = last + 1 - lengths.repeat_interleave(lengths)[:, None]
    offsets = torch.arange(receptive_field, device=lengths.device) - receptive_field // 2
    return (torch.arange(len(last), device=lengths.device)[:, None] + offsets).clamp(first, last)
