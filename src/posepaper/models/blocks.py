"""Parts shared by the image networks: residual blocks, deconvolution head, initial values."""

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., CVPR 2016)."""

    expansion = 1

    def __init__(self, channels_in: int, planes: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(channels_in, planes * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, planes, H/stride, W/stride)."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a shortcut; puts out four times `planes` channels."""

    expansion = 4

    def __init__(self, channels_in: int, planes: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.downsample = _shortcut(channels_in, planes * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 4 * planes, H/stride, W/stride)."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


def _shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Module | None:
    if stride == 1 and channels_in == channels_out:
        return None
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
        nn.BatchNorm2d(channels_out),
    )


def stack(block: type, channels_in: int, planes: int, count: int, stride: int = 1) -> nn.Sequential:
    """`count` blocks in a row; the first takes the stride and the change of width."""
    first = block(channels_in, planes, stride)
    rest = (block(planes * block.expansion, planes) for _ in range(count - 1))
    return nn.Sequential(first, *rest)


def conv_bn(
    channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    """Convolution without bias, batch norm and, if asked, ReLU."""
    layers = [
        nn.Conv2d(
            channels_in, channels_out, kernel, stride=stride, padding=kernel // 2, bias=False
        ),
        nn.BatchNorm2d(channels_out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


def deconvolutions(channels_in: int, channels: int) -> nn.Sequential:
    """SimpleBaseline's head (Xiao et al., ECCV 2018): three 4x4 deconvolutions of stride 2."""
    layers: list[nn.Module] = []
    for step in range(3):
        layers += [
            nn.ConvTranspose2d(
                channels if step else channels_in, channels, 4, stride=2, padding=1, bias=False
            ),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def quarter(heatmaps: Tensor, images: Tensor) -> Tensor:
    """Cut heatmaps to a quarter of the images' sides, where 32 does not divide those."""
    height, width = images.shape[-2:]
    return heatmaps[..., : height // 4, : width // 4]


def init_heatmap_network(network: nn.Module) -> None:
    """The initial values of the public HRNet and SimpleBaseline: N(0, .001), biases 0, BN 1/0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=0.001)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
