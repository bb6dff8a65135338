"""The attention modules do what the text says, where it says, and every one of them acts."""

import copy

import pytest
import torch
from torch.nn import functional as F

from posepaper import models
from posepaper.models.attention import ChannelAttention, SequenceAttention, SpatialAttention

ALL_PAIRS = [(stage, sub) for stage in (1, 2, 3) for sub in range(1, stage + 2)]
SMALL_HRNET = {"width": 8, "stem": 8, "modules": (1, 1, 1), "blocks": 1}
SMALL_GSAM = {"frames": 9, "spatial_width": 8, "depth": 2}
POSITIONS = ("before_msa", "after_msa", "after_mlp")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_channel_attention_by_hand():
    module, x = ChannelAttention(32), torch.randn(2, 32, 5, 4)
    pooled = x.mean(dim=(2, 3))
    hidden = (pooled @ module.reduce.weight[:, :, 0, 0].T + module.reduce.bias).clamp(min=0)
    gate = (hidden @ module.expand.weight[:, :, 0, 0].T + module.expand.bias).sigmoid()
    assert hidden.shape == (2, 2)
    torch.testing.assert_close(module(x), x * gate[:, :, None, None])


@pytest.mark.parametrize("reading", ["literal", "count_matching"])
def test_spatial_attention_gates_pixels_alike_in_all_channels(reading):
    module, x = SpatialAttention(8, reading), torch.rand(2, 8, 5, 4) + 1
    gate = module(x) / x
    torch.testing.assert_close(gate, gate[:, :1].expand_as(gate))
    assert gate.min() > 0 and gate.max() < 1


def test_sequence_attention_order_is_conv_gelu_norm_conv_and_input():
    module, x = SequenceAttention(8, 5, groups=8, norm_groups=4), torch.randn(3, 17, 8)
    y = F.conv1d(x.mT, module.conv1.weight, module.conv1.bias, padding=2, groups=8)
    y = F.group_norm(F.gelu(y), 4, module.norm.weight, module.norm.bias)
    y = F.conv1d(y, module.conv2.weight, module.conv2.bias, padding=2, groups=8)
    torch.testing.assert_close(module(x), x + y.mT)


def test_sequence_attention_runs_along_tokens_and_never_across_channels():
    module = SequenceAttention(8, 3, groups=8, norm_groups=8)
    x = torch.randn(1, 9, 8, requires_grad=True)
    module(x)[0, 4, 2].backward()
    touched = x.grad[0].abs().sum(0) > 0
    assert touched.tolist() == [channel == 2 for channel in range(8)]
    assert (x.grad[0, :, 2] != 0).sum() > 1


@pytest.mark.parametrize("reading", ["literal", "count_matching"])
def test_all_nine_modules_of_hrnet_act_and_learn(reading):
    network = models.create("hrnet_w32", **SMALL_HRNET, attention=ALL_PAIRS, reading=reading)
    images = torch.rand(2, 3, 64, 48)
    network(images).square().sum().backward()
    assert len(network.attention) == 9
    for name, parameter in network.attention.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
    # In training mode: fresh running statistics would let the features fade to nothing.
    before = network(images)
    for name, module in network.attention.items():
        saved = copy.deepcopy(module.state_dict())
        for parameter in module.parameters():
            parameter.data += torch.randn_like(parameter)
        assert not torch.allclose(network(images), before, rtol=1e-3), name
        module.load_state_dict(saved)
    torch.testing.assert_close(network(images), before)


def test_open_gates_leave_hrnet_as_it_was():
    plain = models.create("hrnet_w32", **SMALL_HRNET)
    gated = models.create("hrnet_w32", **SMALL_HRNET, attention=ALL_PAIRS)
    gated.load_state_dict(plain.state_dict(), strict=False)
    for parameter in gated.attention.parameters():
        parameter.data.zero_()
    for module in gated.attention.values():
        module.cam.expand.bias.data.fill_(30)
        module.sam.conv2.bias.data.fill_(30)
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(gated(images), plain(images))


def test_simplebaseline_attention_acts_after_each_stage():
    small = {"width": 8, "blocks": (1, 1, 1, 1), "deconv": 16}
    network = models.create("simplebaseline_resnet50", **small, attention=True)
    network(torch.rand(2, 3, 64, 64)).square().sum().backward()
    assert len(network.attention) == 4
    for stage in network.attention:
        assert stage.cam.expand.weight.grad.abs().sum() > 0
        assert stage.sam.conv1.weight.grad.abs().sum() > 0


def test_gsam_without_modules_is_poseformer():
    poseformer = models.create("poseformer", **SMALL_GSAM).eval()
    gsam = models.create("gsam", **SMALL_GSAM, sam="none", tam="none").eval()
    gsam.load_state_dict(poseformer.state_dict(), strict=True)
    x = torch.randn(3, 9, 17, 2)
    assert torch.equal(gsam(x), poseformer(x))


@pytest.mark.parametrize("reading", ["literal", "count_matching"])
@pytest.mark.parametrize("position", POSITIONS)
def test_sa_and_ta_act_and_learn_at_each_position(position, reading):
    network = models.create(
        "gsam", **SMALL_GSAM, sam=position, tam=position, reading=reading, drop_path=0.0
    )
    x = torch.randn(3, 9, 17, 2)
    before = network(x)
    before.square().sum().backward()
    inserted = {n: p for n, p in network.named_parameters() if ".inserted." in n}
    assert len(inserted) == 2 * 2 * 6
    for name, parameter in inserted.items():
        assert parameter.grad.abs().sum() > 0, name
        saved = parameter.data.clone()
        parameter.data += torch.randn_like(saved)
        assert not torch.allclose(network(x), before, rtol=1e-5), name
        parameter.data.copy_(saved)


def test_position_of_the_modules_matters():
    networks = {p: models.create("gsam", **SMALL_GSAM, sam=p, tam=p).eval() for p in POSITIONS}
    tensors = networks["after_msa"].state_dict()
    x, outputs = torch.randn(2, 9, 17, 2), []
    for position, network in networks.items():
        network.load_state_dict({k.replace("after_msa", position): v for k, v in tensors.items()})
        outputs.append(network(x))
    assert not torch.allclose(outputs[0], outputs[1])
    assert not torch.allclose(outputs[1], outputs[2])
