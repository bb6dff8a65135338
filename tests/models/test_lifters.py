"""The two ways of computing each lifter agree, and training-time switches act in training only."""

import pytest
import torch

from posepaper import models
from posepaper.models import poseformer
from posepaper.models.droppath import DropPath
from posepaper.models.martinez import MaxNormLinear


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def settled_videopose3d(frames):
    """With batch-norm statistics of real activations, so that nothing vanishes."""
    network = models.create("videopose3d", frames=frames, channels=32, dropout=0.0)
    network.set_batchnorm_momentum(1.0)
    network(torch.randn(4, frames + 40, 17, 2))
    return network


@pytest.mark.parametrize("frames", [1, 3, 9, 27, 81])
def test_window_and_sequence_forms_agree(frames):
    network = settled_videopose3d(frames).eval()
    x = torch.randn(2, frames + 4, 17, 2)
    windows = x.unfold(1, frames, 1).permute(0, 1, 4, 2, 3).flatten(0, 1)
    from_windows = network.forward_window(windows).view(2, 5, 17, 3)
    torch.testing.assert_close(network(x), from_windows, rtol=1e-5, atol=1e-5)


def test_window_form_gives_the_same_gradients():
    network = settled_videopose3d(27).eval()
    x, gradients = torch.randn(3, 27, 17, 2), []
    for form in (network.forward, network.forward_window):
        network.zero_grad()
        form(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_window_form_refuses_other_lengths():
    with pytest.raises(ValueError, match="28 frames"):
        settled_videopose3d(27).forward_window(torch.randn(1, 28, 17, 2))


def test_videopose3d_sees_all_of_its_receptive_field_and_no_more():
    network = settled_videopose3d(27).eval()
    x = torch.randn(1, 29, 17, 2, requires_grad=True)
    network(x)[0, 1].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 2, 3)) > 0
    assert seen.tolist() == [False, *[True] * 27, False]


def test_momentum_reaches_every_batch_norm():
    network = models.create("videopose3d", frames=27, channels=8)
    network.set_batchnorm_momentum(0.01)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert len(norms) == 5 and {m.momentum for m in norms} == {0.01}


@pytest.mark.parametrize("name", ["poseformer", "gsam"])
def test_spatial_once_per_frame_equals_once_per_window(name):
    network = models.create(name, frames=9, spatial_width=16, depth=2).eval()
    x = torch.randn(20, 17, 2)
    with torch.no_grad():
        whole = network(x.unfold(0, 9, 1).permute(0, 3, 1, 2))
        features = network.spatial(x)
        assert features.shape == (20, 17 * 16)
        reused = network.temporal(features.unfold(0, 9, 1).transpose(1, 2))
    torch.testing.assert_close(whole, reused, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="8 frames"):
        network.temporal(features[None, :8])


def test_poseformer_attention_is_softmax_attention():
    attention = models.create("poseformer", frames=3).blocks[0].attn
    x = torch.randn(2, 3, 544)
    q, k, v = attention.qkv(x).view(2, 3, 3, 8, 68).permute(2, 0, 3, 1, 4)
    fused = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    expected = attention.proj(fused.transpose(1, 2).reshape(2, 3, 544))
    torch.testing.assert_close(attention(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("limit", [65535, 4])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_fused_attention_is_the_plain_one_in_parts_too(monkeypatch, limit, dtype, tolerance):
    attention = models.create("gsam", frames=3).blocks[0].attn.to(dtype)
    x, found = torch.randn(10, 3, 544, dtype=dtype, requires_grad=True), []
    for devices in ((), ("cpu",)):
        monkeypatch.setattr(poseformer, "FUSED_ON", devices)
        monkeypatch.setattr(poseformer, "FUSED_BATCH", limit)
        y = attention(x)
        found.append((y, *torch.autograd.grad(y.square().sum(), x)))
    for plain, fused in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, rtol=tolerance, atol=tolerance)


def test_drop_path_drops_whole_samples_in_training_only():
    module, x = DropPath(0.25), torch.ones(4000, 2, 3)
    assert torch.equal(module.eval()(x), x)
    y = module.train()(x)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(y, y[:, :1, :1].expand_as(y))
    assert y.mean() == pytest.approx(1, abs=0.05)


def test_drop_path_rises_over_the_blocks():
    network = models.create("poseformer", frames=3, spatial_width=8, drop_path=0.3)
    for blocks in (network.Spatial_blocks, network.blocks):
        assert [b.drop_path.rate for b in blocks] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_max_norm_bounds_the_weights():
    layer = MaxNormLinear(16, 16)
    x = torch.randn(3, 16)
    with torch.no_grad():
        layer.bias.zero_()
        layer.weight.normal_()
        torch.testing.assert_close(layer(x), x @ (layer.weight / layer.weight.norm()).T)
        layer.weight *= 0.5 / layer.weight.norm()
        torch.testing.assert_close(layer(x), x @ layer.weight.T)
