"""Stacked Hourglass (Newell et al., ECCV 2016) with one pre-activation bottleneck per residual."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

JOINTS = 17


class Residual(nn.Module):
    """Pre-activation bottleneck: 1x1 to half the width, 3x3, 1x1, each after BN and ReLU."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        half = channels_out // 2
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, half, 1)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, channels_out, 1)
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) -> (N, channels_out, H, W)."""
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        return self.shortcut(x) + self.conv3(F.relu(self.bn3(y)))


class Level(nn.Module):
    """One scale of an hourglass: a path at this resolution and one through half of it."""

    def __init__(self, channels: int, depth: int):
        super().__init__()
        self.skip = Residual(channels, channels)
        self.down = Residual(channels, channels)
        self.inner = Residual(channels, channels) if depth == 1 else Level(channels, depth - 1)
        self.up = Residual(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        # Odd sides are rounded up, so that small crops survive all scales.
        low = F.max_pool2d(x, 2, ceil_mode=True)
        low = self.up(self.inner(self.down(low)))
        return self.skip(x) + F.interpolate(low, size=x.shape[-2:], mode="nearest")


class Hourglass(nn.Module):
    """Images to heatmaps at a quarter of the resolution.

    stacks: hourglasses in a row, each supervised. width: channels. depth: halvings in each.

    In evaluation `forward` returns the last stack's heatmaps; in training those of all stacks,
    for each has its share in the loss.
    """

    def __init__(self, stacks: int = 8, *, width: int = 256, depth: int = 4):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width // 4, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(width // 4)
        self.stem1 = Residual(width // 4, width // 2)
        self.stem2 = Residual(width // 2, width // 2)
        self.stem3 = Residual(width // 2, width)
        self.hourglasses = nn.ModuleList(Level(width, depth) for _ in range(stacks))
        self.features = nn.ModuleList(
            nn.Sequential(
                Residual(width, width), nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU()
            )
            for _ in range(stacks)
        )
        self.scores = nn.ModuleList(nn.Conv2d(width, JOINTS, 1) for _ in range(stacks))
        # The last stack feeds none.
        self.merge_features = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.merge_scores = nn.ModuleList(nn.Conv2d(JOINTS, width, 1) for _ in range(stacks - 1))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised RGB, H and W divisible by 4 -> heatmaps.

        Evaluation: (N, 17, H/4, W/4). Training: (N, stacks, 17, H/4, W/4).
        """
        x = self.stem1(F.relu(self.bn1(self.conv1(images))))
        x = self.stem3(self.stem2(F.max_pool2d(x, 2)))
        heatmaps = []
        for index, hourglass in enumerate(self.hourglasses):
            features = self.features[index](hourglass(x))
            heatmaps.append(self.scores[index](features))
            if index < len(self.merge_scores):
                merged = self.merge_scores[index](heatmaps[-1])
                x = x + self.merge_features[index](features) + merged
        return torch.stack(heatmaps, dim=1) if self.training else heatmaps[-1]
