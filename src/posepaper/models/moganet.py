"""MogaNet (Li et al., ICLR 2024) with SimpleBaseline's head, as in its public pose recipe.

Module names follow the keys of the public checkpoints (mmpose 0.x: `backbone.`,
`keypoint_head.`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepaper.models.blocks import deconvolutions, init_heatmap_network, quarter
from posepaper.models.droppath import DropPath

JOINTS = 17
FFN_RATIOS = (8, 8, 4, 4)


class Scale(nn.Module):
    """A learned factor per channel, small at first."""

    def __init__(self, channels: int):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), 1e-5))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return x * self.scale


def _depthwise(channels: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    margin = dilation * (kernel // 2)
    return nn.Conv2d(channels, channels, kernel, padding=margin, dilation=dilation, groups=channels)


class MultiOrder(nn.Module):
    """Context at three ranges: 1/8 of the channels near, 3/8 in the middle, 4/8 far."""

    def __init__(self, channels: int):
        super().__init__()
        middle, far = channels * 3 // 8, channels // 2
        self.split = (channels - middle - far, middle, far)
        self.DW_conv0 = _depthwise(channels, 5)
        self.DW_conv1 = _depthwise(middle, 5, dilation=2)
        self.DW_conv2 = _depthwise(far, 7, dilation=3)
        self.PW_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        near, middle, far = self.DW_conv0(x).split(self.split, dim=1)
        return self.PW_conv(torch.cat([near, self.DW_conv1(middle), self.DW_conv2(far)], dim=1))


class SpatialAggregation(nn.Module):
    """Gated aggregation over positions, with a shortcut of its own."""

    def __init__(self, channels: int):
        super().__init__()
        self.proj_1 = nn.Conv2d(channels, channels, 1)
        self.sigma = Scale(channels)
        self.gate = nn.Conv2d(channels, channels, 1)
        self.value = MultiOrder(channels)
        self.proj_2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        y = self.proj_1(x)
        y = F.silu(y + self.sigma(y - y.mean(dim=(2, 3), keepdim=True)))
        return x + self.proj_2(F.silu(self.gate(y)) * F.silu(self.value(y)))


class ChannelAggregation(nn.Module):
    """Feed-forward layer with a 3x3 depthwise convolution and reallocation among channels."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.dwconv = _depthwise(hidden, 3)
        self.decompose = nn.Conv2d(hidden, 1, 1)
        self.sigma = Scale(hidden)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        y = F.gelu(self.dwconv(self.fc1(x)))
        return self.fc2(y + self.sigma(y - F.gelu(self.decompose(y))))


class Block(nn.Module):
    """Spatial, then channel aggregation, each behind a batch norm and a layer scale."""

    def __init__(self, channels: int, ratio: int, drop_path: float):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.attn = SpatialAggregation(channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.mlp = ChannelAggregation(channels, channels * ratio)
        self.drop_path = DropPath(drop_path)
        self.layer_scale_1 = nn.Parameter(torch.full((1, channels, 1, 1), 1e-5))
        self.layer_scale_2 = nn.Parameter(torch.full((1, channels, 1, 1), 1e-5))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        x = x + self.drop_path(self.layer_scale_1 * self.attn(self.norm1(x)))
        return x + self.drop_path(self.layer_scale_2 * self.mlp(self.norm2(x)))


class Stem(nn.Module):
    """Two 3x3 convolutions of stride 2: a quarter of the resolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.projection = nn.Sequential(
            nn.Conv2d(3, channels // 2, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels // 2),
            nn.GELU(),
            nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, channels, H/4, W/4)."""
        return self.projection(x)


class Halving(nn.Module):
    """A 3x3 convolution of stride 2 to the next stage's width."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.projection = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, channels_out, H/2, W/2)."""
        return self.norm(self.projection(x))


class Backbone(nn.Module):
    """The four stages, attributes numbered as in the public keys."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int], drop_path: float):
        super().__init__()
        total, done = sum(depths), 0
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), start=1):
            embed = Stem(width) if stage == 1 else Halving(widths[stage - 2], width)
            rates = [drop_path * (done + k) / max(1, total - 1) for k in range(depth)]
            blocks = (Block(width, FFN_RATIOS[stage - 1], rate) for rate in rates)
            self.add_module(f"patch_embed{stage}", embed)
            self.add_module(f"blocks{stage}", nn.Sequential(*blocks))
            self.add_module(f"norm{stage}", nn.BatchNorm2d(width))
            done += depth

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, widths[3], H/32, W/32)."""
        for layer in self.children():
            x = layer(x)
        return x


class Head(nn.Module):
    """Three deconvolutions and a 1x1 convolution: (N, C, h, w) -> (N, 17, 8h, 8w)."""

    def __init__(self, channels_in: int, deconv: int):
        super().__init__()
        self.deconv_layers = deconvolutions(channels_in, deconv)
        self.final_layer = nn.Conv2d(deconv, JOINTS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, 17, 8h, 8w)."""
        return self.final_layer(self.deconv_layers(x))


class MogaNet(nn.Module):
    """Images to heatmaps at a quarter of the resolution.

    widths: channels of the four stages, multiples of 8. depths: their blocks. drop_path rises
    linearly over all blocks to this rate. deconv: channels of the head. Initial values: He's
    over the outputs in the backbone, N(0, .001) in the head.
    """

    heads = ("keypoint_head",)

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256),
        depths: Sequence[int] = (3, 3, 12, 2),
        *,
        drop_path: float = 0.15,
        deconv: int = 256,
    ):
        super().__init__()
        if any(width % 8 for width in widths):
            raise ValueError(f"widths: {tuple(widths)} are not all multiples of 8")
        self.backbone = Backbone(widths, depths, drop_path)
        self.keypoint_head = Head(widths[-1], deconv)
        _init_backbone(self.backbone)
        init_heatmap_network(self.keypoint_head)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised RGB -> (N, 17, H/4, W/4) heatmaps; H and W divisible by 4."""
        return quarter(self.keypoint_head(self.backbone(images)), images)


def _init_backbone(backbone: nn.Module) -> None:
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
            nn.init.zeros_(module.bias)
