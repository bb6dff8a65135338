"""The papers' attention modules: CAM and SAM for images, SA and TA for pose sequences.

Two readings exist of each. `literal` follows the text word for word. `count_matching` uses dense
convolutions, which brings the parameter counts nearest to the printed ones; neither reaches them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

READINGS = ("literal", "count_matching")


def check_reading(reading: str) -> str:
    """Return `reading`; raises ValueError where it is none of READINGS."""
    if reading not in READINGS:
        raise ValueError(f"reading: {reading!r} is unknown. Use one of {', '.join(READINGS)}")
    return reading


class ChannelAttention(nn.Module):
    """CAM: a gate per channel from the globally averaged features (Lifting 2D-3D, II.A.2).

    The first convolution starts without negative weights. It reads averages of ReLU outputs, so
    that mixed signs leave about half of its C/16 hidden units (two at 32 channels) dead for good.
    """

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)
        with torch.no_grad():
            self.reduce.weight.abs_()
            self.reduce.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape, each channel scaled by a value in (0, 1)."""
        pooled = x.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.expand(F.relu(self.reduce(pooled))))


class SpatialAttention(nn.Module):
    """SAM: a gate per pixel from two 3x3 convolutions (Lifting 2D-3D, II.A.2).

    literal: the convolutions see the channel mean, one channel in and out. count_matching: they
    see and make all C channels, and their mean is the gate. The text names no non-linearity
    between the two, so there is none.
    """

    def __init__(self, channels: int, reading: str = "literal"):
        super().__init__()
        self.dense = check_reading(reading) == "count_matching"
        width = channels if self.dense else 1
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape, each pixel scaled by a value in (0, 1)."""
        if self.dense:
            gate = self.conv2(self.conv1(x)).mean(dim=1, keepdim=True)
        else:
            gate = self.conv2(self.conv1(x.mean(dim=1, keepdim=True)))
        return x * torch.sigmoid(gate)


class ImageAttention(nn.Sequential):
    """CAM, then SAM: the attention module of the 2D networks, (N, C, H, W) -> the same shape.

    The papers give no initial values. torch's own are kept but for CAM's first convolution, not
    HRNet's N(0, .001): chained at that scale, two convolutions would start with gradients a
    thousand times too small.
    """

    def __init__(self, channels: int, reading: str = "literal"):
        super().__init__()
        self.cam = ChannelAttention(channels)
        self.sam = SpatialAttention(channels, reading)


class SequenceAttention(nn.Module):
    """SA and TA: Conv -> GELU -> GroupNorm -> Conv, plus the input (GSAM eq. 3 and 6).

    The convolutions run along the tokens (joints for SA, frames for TA) with the features as
    channels; `groups` = `channels` makes them depthwise, as the text says. The text gives no
    number of groups for the norm: `norm_groups` is the number of attention heads.
    """

    def __init__(self, channels: int, kernel: int, groups: int, norm_groups: int):
        super().__init__()
        padding = kernel // 2
        self.conv1 = nn.Conv1d(channels, channels, kernel, padding=padding, groups=groups)
        self.norm = nn.GroupNorm(norm_groups, channels)
        self.conv2 = nn.Conv1d(channels, channels, kernel, padding=padding, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, channels) -> the same shape."""
        y = self.norm(F.gelu(_along_tokens(self.conv1, _as_image(x))))
        y = _along_tokens(self.conv2, y)
        return x + y.squeeze(2).transpose(1, 2)


def _as_image(x: Tensor) -> Tensor:
    """(N, tokens, channels) as (N, channels, 1, tokens), channels last in memory: no copy.

    Of three axes torch knows no such layout: convolution and norm would transpose each time.
    """
    return x.transpose(1, 2).unsqueeze(2)


def _along_tokens(conv: nn.Conv1d, x: Tensor) -> Tensor:
    padding = (0, *conv.padding)
    return F.conv2d(x, conv.weight.unsqueeze(2), conv.bias, padding=padding, groups=conv.groups)
