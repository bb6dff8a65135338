import math

import numpy as np
import pytest
import torch

from posepaper.training.heatmaps import gaussian_targets, heatmap_loss

torch.set_num_threads(1)


def slow_target(x, y, visible, height, width):
    """Pixel after pixel, patch cut at 3 sigma = 6 pixels."""
    cx, cy = int(x / 4 + 0.5), int(y / 4 + 0.5)
    target = np.zeros((height, width))
    if visible <= 0 or cx - 6 >= width or cy - 6 >= height or cx + 7 < 0 or cy + 7 < 0:
        return target, 0.0
    for row in range(max(0, cy - 6), min(height, cy + 7)):
        for column in range(max(0, cx - 6), min(width, cx + 7)):
            target[row, column] = math.exp(-((row - cy) ** 2 + (column - cx) ** 2) / 8)
    return target, 1.0


def test_targets_are_those_of_the_slow_twin():
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-60, 320, (6, 17, 2)).astype(np.float32)
    keypoints[0, 0] = (-1.9, -2.1)
    visible = rng.integers(0, 3, (6, 17)).astype(np.float32)
    targets, weights = gaussian_targets(
        torch.from_numpy(keypoints), torch.from_numpy(visible), (64, 48)
    )
    assert targets.shape == (6, 17, 64, 48)
    for n in range(6):
        for k in range(17):
            target, weight = slow_target(*keypoints[n, k].tolist(), visible[n, k], 64, 48)
            np.testing.assert_allclose(targets[n, k].numpy(), target, atol=1e-6)
            assert weights[n, k].item() == weight
    assert 0 < weights.mean() < 1


def test_the_peak_is_one():
    targets, _ = gaussian_targets(torch.tensor([[[100.0, 61.0]]]), torch.ones(1, 1), (64, 48))
    assert targets[0, 0, 15, 25] == 1
    assert targets.argmax() == 15 * 48 + 25


def test_loss_against_joint_by_joint_mean():
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randn(3, 17, 8, 6, generator=generator)
    targets = torch.rand(3, 17, 8, 6, generator=generator)
    weights = (torch.rand(3, 17, generator=generator) > 0.4).float()
    total = 0.0
    for k in range(17):
        w = weights[:, k, None, None]
        total += 0.5 * torch.nn.functional.mse_loss(predicted[:, k] * w, targets[:, k] * w)
    loss = heatmap_loss(predicted, targets, weights)
    assert loss.item() == pytest.approx((total / 17).item(), rel=1e-5)


def test_stacks_are_summed():
    generator = torch.Generator().manual_seed(0)
    predicted = torch.randn(2, 3, 17, 8, 6, generator=generator)
    targets, weights = torch.rand(2, 17, 8, 6, generator=generator), torch.ones(2, 17)
    parts = sum(heatmap_loss(predicted[:, s], targets, weights) for s in range(3))
    assert heatmap_loss(predicted, targets, weights).item() == pytest.approx(parts.item(), rel=1e-6)


def test_unlabelled_joints_teach_nothing():
    predicted = torch.randn(1, 17, 8, 6, requires_grad=True)
    heatmap_loss(predicted, torch.zeros(1, 17, 8, 6), torch.zeros(1, 17)).backward()
    assert not predicted.grad.any()
