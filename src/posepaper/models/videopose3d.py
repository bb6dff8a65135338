"""VideoPose3D (Pavllo et al., CVPR 2019): a temporal convolution network from 2D to 3D joints.

Module names follow the keys of the public checkpoints (`pretrained_h36m_cpn.bin`).
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

JOINTS = 17


class VideoPose3D(nn.Module):
    """Dilated convolutions with residual blocks over a receptive field of `frames` frames.

    frames: a power of 3. One frame means three layers of kernel 1, the public `-arc 1,1,1`.
    One set of weights serves two ways of computing: `forward` takes whole sequences,
    `forward_window` windows of exactly `frames` frames and skips what their middle never sees.

    Raises ValueError where `frames` is no power of 3.
    """

    def __init__(self, frames: int = 243, channels: int = 1024, dropout: float = 0.25):
        super().__init__()
        kernels = _kernels(frames)
        self.receptive_field = frames
        self.kernel = kernels[0]
        self.dropout = dropout
        self.expand_conv = nn.Conv1d(JOINTS * 2, channels, self.kernel, bias=False)
        self.expand_bn = nn.BatchNorm1d(channels)
        self.layers_conv = nn.ModuleList()
        self.layers_bn = nn.ModuleList()
        for index, kernel in enumerate(kernels[1:], start=1):
            wide = nn.Conv1d(channels, channels, kernel, dilation=kernel**index, bias=False)
            self.layers_conv.extend([wide, nn.Conv1d(channels, channels, 1, bias=False)])
            self.layers_bn.extend([nn.BatchNorm1d(channels), nn.BatchNorm1d(channels)])
        self.shrink = nn.Conv1d(channels, JOINTS * 3, 1)

    def set_batchnorm_momentum(self, momentum: float) -> None:
        """Set the momentum of all batch norms; the public recipe lowers it from .1 to .001."""
        for norm in (self.expand_bn, *self.layers_bn):
            norm.momentum = momentum

    def forward(self, keypoints: Tensor) -> Tensor:
        """(N, T, 17, 2) normalised screen -> (N, T - frames + 1, 17, 3) metres, camera axes."""
        x = keypoints.flatten(2).transpose(1, 2)
        x = self._activate(self.expand_bn(self.expand_conv(x)))
        for wide, narrow, bn1, bn2 in self._blocks():
            margin = wide.dilation[0] * (self.kernel - 1) // 2
            shortcut = x[:, :, margin : x.shape[2] - margin]
            y = self._activate(bn1(wide(x)))
            x = shortcut + self._activate(bn2(narrow(y)))
        return self.shrink(x).transpose(1, 2).unflatten(2, (JOINTS, 3))

    def forward_window(self, keypoints: Tensor) -> Tensor:
        """(N, frames, 17, 2) -> (N, 1, 17, 3); what `forward` gives, at a fraction of the work.

        Each layer takes every third frame, so that a convolution is a matrix product over
        neighbouring triples. In training the batch norms see these frames alone, as in the
        public training code.
        """
        if keypoints.shape[1] != self.receptive_field:
            raise ValueError(
                f"keypoints: {keypoints.shape[1]} frames. Give {self.receptive_field}, "
                "or use forward for whole sequences"
            )
        windows = len(keypoints)
        x = keypoints.reshape(-1, self.kernel * JOINTS * 2)
        x = self._activate(self.expand_bn(_matmul(x, self.expand_conv)))
        for wide, narrow, bn1, bn2 in self._blocks():
            triples = x.view(-1, self.kernel, x.shape[1])
            y = self._activate(bn1(_matmul(triples.flatten(1), wide)))
            x = triples[:, self.kernel // 2] + self._activate(bn2(_matmul(y, narrow)))
        x = F.linear(x, self.shrink.weight.squeeze(2), self.shrink.bias)
        return x.view(windows, 1, JOINTS, 3)

    def _blocks(self) -> Iterator[tuple[nn.Module, ...]]:
        convs, norms = self.layers_conv, self.layers_bn
        return zip(convs[::2], convs[1::2], norms[::2], norms[1::2], strict=True)

    def _activate(self, x: Tensor) -> Tensor:
        return F.dropout(F.relu(x), self.dropout, self.training)


def _kernels(frames: int) -> list[int]:
    if frames == 1:
        return [1, 1, 1]
    kernels, product = [], 1
    while product < frames:
        kernels.append(3)
        product *= 3
    if product != frames:
        raise ValueError(f"frames: {frames} is no power of 3. Use 1, 3, 9, 27, 81 or 243")
    return kernels


def _matmul(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """A convolution on (M, kernel * C) rows that hold its frames one after another."""
    return F.linear(x, torch.flatten(conv.weight.transpose(1, 2), 1))
