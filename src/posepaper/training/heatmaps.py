"""Gaussian target heatmaps and the loss on them (COCO convention of SimpleBaseline and HRNet)."""

import torch
from torch import Tensor

STRIDE = 4
SIGMA = 2.0
RADIUS = 3 * SIGMA


def gaussian_targets(
    keypoints: Tensor, visible: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Unnormalised Gaussians around keypoints, cut to a square of +-3 sigma.

    The centre is the nearest heatmap pixel, int(x / 4 + .5). A joint whose square lies outside
    the map gets weight 0.

    Args:
        keypoints: (N, K, 2) x, y in pixels of the network's input.
        visible: (N, K), above 0 where a joint is labelled.
        size: height and width of the heatmaps.

    Returns:
        (N, K, height, width) targets and (N, K) weights, 1 or 0.
    """
    height, width = size
    centre = (keypoints / STRIDE + 0.5).trunc()
    limit = centre.new_tensor([width, height])
    inside = ((centre - RADIUS < limit) & (centre + RADIUS + 1 >= 0)).all(dim=-1)
    weights = (inside & (visible > 0)).to(keypoints.dtype)
    x = _profile(centre[..., 0], width)
    y = _profile(centre[..., 1], height) * weights[..., None]
    return y[..., :, None] * x[..., None, :], weights


def _profile(centre: Tensor, length: int) -> Tensor:
    """(N, K) -> (N, K, length): one axis of the Gaussian, which is separable."""
    offset = torch.arange(length, device=centre.device, dtype=centre.dtype) - centre[..., None]
    return torch.exp(-(offset**2) / (2 * SIGMA**2)) * (offset.abs() <= RADIUS)


def heatmap_loss(predicted: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Half the squared error, averaged over joints, pixels and samples; unlabelled joints count 0.

    predicted: (N, K, h, w), or (N, stacks, K, h, w), whose losses are summed over the stacks.
    """
    if predicted.ndim == 5:
        losses = [heatmap_loss(stack, targets, weights) for stack in predicted.unbind(1)]
        return torch.stack(losses).sum()
    difference = (predicted - targets) * weights[..., None, None]
    return 0.5 * difference.square().mean()
