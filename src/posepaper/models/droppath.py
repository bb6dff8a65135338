"""Stochastic depth (Huang et al., ECCV 2016), for the transformers and MogaNet."""

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Drops a residual branch for whole samples in training (stochastic depth)."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> the same shape; kept samples are scaled up so that the mean stays."""
        if not self.training or self.rate == 0:
            return x
        shape = (len(x),) + (1,) * (x.ndim - 1)
        keep = 1 - self.rate
        return x * (torch.empty(shape, dtype=x.dtype, device=x.device).bernoulli_(keep) / keep)
