"""PoseFormer (Zheng et al., ICCV 2021): a spatial, then a temporal transformer.

Module names follow the keys of the public checkpoints (`detected81f.bin`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepaper.models.droppath import DropPath

JOINTS = 17
# Where the fused kernel pays: on a CPU it loses to two plain products at heads this small.
FUSED_ON = ("cuda",)
# The kernel puts the batch into one dimension of its grid; beyond this CUDA refuses to launch it.
# A batch of 1,024 windows of 81 frames is a spatial batch of 82,944.
FUSED_BATCH = 65535


class SelfAttention(nn.Module):
    """Multi-head self-attention (GSAM eq. 1)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) -> the same shape."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = _attend(q, k, v).transpose(1, 2).flatten(2)
        return F.dropout(self.proj(y), self.dropout, self.training)


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k / sqrt(d)) v of (N, heads, tokens, d) tensors."""
    if q.device.type not in FUSED_ON:
        return torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(2, 3), dim=-1) @ v
    if len(q) <= FUSED_BATCH:
        return F.scaled_dot_product_attention(q, k, v)
    parts = zip(*(t.split(FUSED_BATCH) for t in (q, k, v)), strict=True)
    return torch.cat([F.scaled_dot_product_attention(*part) for part in parts])


class MLP(nn.Module):
    """Two linear layers with GELU between (GSAM eq. 2)."""

    def __init__(self, width: int, hidden: int, dropout: float):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) -> the same shape."""
        x = F.dropout(F.gelu(self.fc1(x)), self.dropout, self.training)
        return F.dropout(self.fc2(x), self.dropout, self.training)


class Block(nn.Module):
    """Pre-norm transformer block.

    `inserted` holds further modules by their position: "before_msa", "after_msa", "after_mlp".
    PoseFormer has none, `gsam.py` fills it.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: float, dropout: float, drop_path: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = SelfAttention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, int(width * mlp_ratio), dropout)
        self.drop_path = DropPath(drop_path)
        self.inserted = nn.ModuleDict()

    def forward(self, x: Tensor) -> Tensor:
        """(N, tokens, width) -> the same shape."""
        x = self._pass("before_msa", x)
        x = x + self.drop_path(self.attn(self.norm1(x)))
        x = self._pass("after_msa", x)
        x = x + self.drop_path(self.mlp(self.norm2(x)))
        return self._pass("after_mlp", x)

    def _pass(self, position: str, x: Tensor) -> Tensor:
        return self.inserted[position](x) if position in self.inserted else x


class PoseFormer(nn.Module):
    """Windows of 2D joints to the 3D joints of their middle frame.

    frames: length of a window. spatial_width: features per joint. depth: blocks in each of the
    two transformers. drop_path rises linearly from 0 at the first block to `drop_path`.

    `forward` is `temporal` on `spatial`; evaluation runs `spatial` once per frame instead of
    once per window, with the same result.
    """

    def __init__(
        self,
        frames: int = 81,
        spatial_width: int = 32,
        depth: int = 4,
        heads: int = 8,
        mlp_ratio: float = 2.0,
        drop_path: float = 0.1,
        dropout: float = 0.0,
    ):
        super().__init__()
        if spatial_width % heads:
            raise ValueError(f"spatial_width: {spatial_width} is not divisible by {heads} heads")
        self.receptive_field = frames
        self.dropout = dropout
        width = JOINTS * spatial_width
        rates = [drop_path * k / max(1, depth - 1) for k in range(depth)]
        self.Spatial_patch_to_embedding = nn.Linear(2, spatial_width)
        self.Spatial_pos_embed = nn.Parameter(torch.zeros(1, JOINTS, spatial_width))
        self.Temporal_pos_embed = nn.Parameter(torch.zeros(1, frames, width))
        self.Spatial_blocks = nn.ModuleList(
            Block(spatial_width, heads, mlp_ratio, dropout, rate) for rate in rates
        )
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio, dropout, rate) for rate in rates)
        self.Spatial_norm = nn.LayerNorm(spatial_width, eps=1e-6)
        self.Temporal_norm = nn.LayerNorm(width, eps=1e-6)
        self.weighted_mean = nn.Conv1d(frames, 1, 1)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, JOINTS * 3))

    def forward(self, keypoints: Tensor) -> Tensor:
        """(N, frames, 17, 2) normalised screen -> (N, 1, 17, 3) metres, camera axes."""
        windows, frames = keypoints.shape[:2]
        features = self.spatial(keypoints.flatten(0, 1))
        return self.temporal(features.view(windows, frames, -1))

    def spatial(self, keypoints: Tensor) -> Tensor:
        """(M, 17, 2) single frames -> (M, 17 * spatial_width) features."""
        x = self.Spatial_patch_to_embedding(keypoints) + self.Spatial_pos_embed
        x = F.dropout(x, self.dropout, self.training)
        for block in self.Spatial_blocks:
            x = block(x)
        return self.Spatial_norm(x).flatten(1)

    def temporal(self, features: Tensor) -> Tensor:
        """(N, frames, 17 * spatial_width) features -> (N, 1, 17, 3) joints of the middle frame."""
        if features.shape[1] != self.receptive_field:
            raise ValueError(f"{features.shape[1]} frames. Give windows of {self.receptive_field}")
        x = F.dropout(features + self.Temporal_pos_embed, self.dropout, self.training)
        for block in self.blocks:
            x = block(x)
        x = self.weighted_mean(self.Temporal_norm(x))
        return self.head(x).unflatten(2, (JOINTS, 3))
