"""The simple baseline of Martinez et al. (ICCV 2017): one 2D pose to one 3D pose."""

from torch import Tensor, nn
from torch.nn import functional as F

JOINTS = 16


class MaxNormLinear(nn.Linear):
    """A linear layer whose weight matrix counts at most with norm 1, as in the public code."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, in) -> (N, out)."""
        norm = self.weight.norm()
        return F.linear(x, self.weight / norm.clamp(min=1), self.bias)


class LinearBlock(nn.Sequential):
    """Linear, batch norm, ReLU, dropout: (N, in) -> (N, out)."""

    def __init__(self, width_in: int, width_out: int, dropout: float):
        super().__init__(
            MaxNormLinear(width_in, width_out),
            nn.BatchNorm1d(width_out),
            nn.ReLU(),
            nn.Dropout(dropout),
        )


class Martinez(nn.Module):
    """Two residual blocks of two linear layers.

    In go 16 joints (Human3.6M's 17 without Neck/Nose), out come the 16 without the root.
    Initial weights are He's, biases 0.
    """

    receptive_field = 1

    def __init__(self, channels: int = 1024, dropout: float = 0.5):
        super().__init__()
        self.expand = LinearBlock(2 * JOINTS, channels, dropout)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                LinearBlock(channels, channels, dropout), LinearBlock(channels, channels, dropout)
            )
            for _ in range(2)
        )
        self.shrink = MaxNormLinear(channels, 3 * JOINTS)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, keypoints: Tensor) -> Tensor:
        """(N, 16, 2) normalised screen -> (N, 16, 3), the targets' unit, camera axes."""
        x = self.expand(keypoints.flatten(1))
        for block in self.blocks:
            x = x + block(x)
        return self.shrink(x).unflatten(1, (JOINTS, 3))
