"""GMAC against published figures and against counts by hand."""

import pytest
import torch

from posepaper import models
from posepaper.models import costs


def cost(name, *image, **options):
    with torch.device("meta"):
        return costs.gmac(models.create(name, **options), *image)


@pytest.mark.parametrize(
    ("name", "options", "published"),
    [
        ("hrnet_w32", {}, 7.65),
        ("hrnet_w48", {}, 15.69),
        ("simplebaseline_resnet50", {}, 5.43),
        ("simplebaseline_resnet101", {}, 9.06),
        ("poseformer", {"frames": 9}, 0.091),
        ("poseformer", {"frames": 27}, 0.276),
        ("poseformer", {"frames": 81}, 0.847),
    ],
)
def test_published_figures(name, options, published):
    assert cost(name, **options) == pytest.approx(published, abs=0.006)


def test_moganets_are_published_without_their_upsampling_head():
    """Three 4 x 4 transposed convolutions of 256 channels and the last 1 x 1."""
    for name, channels, published in (("moganet_tiny", 256, 1.06), ("moganet_small", 512, 4.83)):
        first = channels * 256 * 16 * 8 * 6
        head = first + 256 * 256 * 16 * (16 * 12 + 32 * 24) + 256 * 17 * 64 * 48
        assert cost(name) - head / 1e9 == pytest.approx(published, abs=0.02)


def test_martinez_multiplies_each_weight_once():
    assert cost("martinez") == pytest.approx((32 * 1024 + 4 * 1024**2 + 1024 * 48) / 1e9)


@pytest.mark.parametrize(("frames", "published"), [(27, 0.0086), (81, 0.0133), (243, 0.0195)])
def test_videopose3d_costs_a_frame_each_weight_once_and_its_share_of_the_margins(frames, published):
    """By hand: a layer gives a margin of 3^i frames less than the layer below it."""
    length, left = 1000, frames - 3
    total = (length + left) * 34 * 1024 * 3
    for dilation in (3, 9, 27, 81):
        if dilation < frames:
            left -= 2 * dilation
            total += (length + left) * (3 + 1) * 1024**2
    assert left == 0
    total += length * 1024 * 51
    assert cost("videopose3d", frames=frames) == pytest.approx(total / length / 1e9)
    assert round(cost("videopose3d", frames=frames), 4) == published


def test_counting_changes_nothing():
    torch.manual_seed(0)
    model = models.create("hrnet_w32", width=4, stem=8, modules=(1, 1, 1), blocks=1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    half = costs.gmac(model, (64, 48))
    assert model.training and all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert costs.gmac(model, (128, 96)) == pytest.approx(4 * half, rel=0.05)
    assert costs.parameters(model) == sum(v.numel() for v in model.parameters())
