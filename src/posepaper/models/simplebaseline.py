"""SimpleBaseline (Xiao et al., ECCV 2018): a ResNet and three deconvolutions.

Module names follow the keys of the public checkpoints (`pose_resnet_50_256x192.pth.tar`).
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from posepaper.models.attention import ImageAttention
from posepaper.models.blocks import (
    Bottleneck,
    deconvolutions,
    init_heatmap_network,
    quarter,
    stack,
)

JOINTS = 17


class SimpleBaseline(nn.Module):
    """Images to heatmaps at a quarter of the resolution.

    blocks: bottlenecks in each of the four stages, (3, 4, 6, 3) for ResNet-50.
    width: channels of the stem and planes of the first stage. deconv: channels of the head.
    attention: CAM + SAM after each stage, our reading of the papers' rows "Fine-tune Attention",
        which they describe nowhere. reading: see `attention.py`.
    """

    heads = ("deconv_layers", "final_layer", "attention")
    # The public networks were trained on images as OpenCV reads them.
    colours = "BGR"

    def __init__(
        self,
        blocks: Sequence[int] = (3, 4, 6, 3),
        *,
        width: int = 64,
        deconv: int = 256,
        attention: bool = False,
        reading: str = "literal",
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        planes = [width * 2**k for k in range(4)]
        self.layer1 = stack(Bottleneck, width, planes[0], blocks[0])
        self.layer2 = stack(Bottleneck, 4 * planes[0], planes[1], blocks[1], stride=2)
        self.layer3 = stack(Bottleneck, 4 * planes[1], planes[2], blocks[2], stride=2)
        self.layer4 = stack(Bottleneck, 4 * planes[2], planes[3], blocks[3], stride=2)
        self.deconv_layers = deconvolutions(4 * planes[3], deconv)
        self.final_layer = nn.Conv2d(deconv, JOINTS, 1)
        init_heatmap_network(self)
        self.attention = nn.ModuleList(
            ImageAttention(4 * channels, reading) if attention else nn.Identity()
            for channels in planes
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised BGR -> (N, 17, H/4, W/4) heatmaps; H and W divisible by 4."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, stride=2, padding=1)
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        for stage, attention in zip(stages, self.attention, strict=True):
            x = attention(stage(x))
        return quarter(self.final_layer(self.deconv_layers(x)), images)
