"""What every network promises: its name, its options, its shapes."""

import subprocess
import sys

import pytest
import torch

from posepaper import models

REDUCED = {
    "hrnet_w32": {"width": 8, "stem": 16, "modules": (1, 1, 1), "blocks": 1},
    "hrnet_w48": {"width": 8, "stem": 16, "modules": (1, 2, 1), "blocks": 1},
    "simplebaseline_resnet50": {"width": 8, "blocks": (1, 1, 1, 1), "deconv": 16},
    "simplebaseline_resnet101": {"width": 8, "blocks": (1, 1, 2, 1), "deconv": 16},
    "hourglass_8": {"width": 16, "depth": 2},
    "moganet_tiny": {"widths": (8, 8, 16, 16), "depths": (1, 1, 1, 1), "deconv": 16},
    "moganet_small": {"widths": (8, 8, 16, 16), "depths": (1, 1, 2, 1), "deconv": 16},
    "martinez": {"channels": 32},
    "videopose3d": {"frames": 9, "channels": 32},
    "poseformer": {"frames": 9, "spatial_width": 8, "depth": 2},
    "gsam": {"frames": 9, "spatial_width": 8, "depth": 2},
}
IMAGE = [name for name in REDUCED if name.startswith(("hrnet", "simple", "hourglass", "moga"))]
SEQUENCE = ["videopose3d", "poseformer", "gsam"]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def reduced(name, **options):
    return models.create(name, **{**REDUCED[name], **options}).eval()


def test_list_names_what_create_makes():
    assert set(models.list()) == set(REDUCED)


@pytest.mark.parametrize("name", IMAGE)
@pytest.mark.parametrize("size", [(64, 48), (64, 64), (96, 72)])
def test_images_to_heatmaps(name, size):
    with torch.no_grad():
        heatmaps = reduced(name)(torch.rand(2, 3, *size))
    assert heatmaps.shape == (2, 17, size[0] // 4, size[1] // 4)
    assert heatmaps.isfinite().all()


def test_hourglass_supervises_every_stack_in_training():
    network = reduced("hourglass_8", stacks=3).train()
    assert network(torch.rand(2, 3, 64, 48)).shape == (2, 3, 17, 16, 12)


@pytest.mark.parametrize("name", ["poseformer", "gsam"])
@pytest.mark.parametrize("frames", [1, 3, 9])
def test_windows_to_middle_frame(name, frames):
    network = reduced(name, frames=frames)
    assert network.receptive_field == frames
    assert network(torch.randn(4, frames, 17, 2)).shape == (4, 1, 17, 3)


@pytest.mark.parametrize("frames", [1, 3, 9, 27])
def test_sequences_through_videopose3d(frames):
    network = reduced("videopose3d", frames=frames)
    assert network.receptive_field == frames
    assert network(torch.randn(2, 40, 17, 2)).shape == (2, 40 - frames + 1, 17, 3)


def test_martinez_leaves_out_neck_in_and_root_out():
    assert reduced("martinez")(torch.randn(4, 16, 2)).shape == (4, 16, 3)


@pytest.mark.parametrize("name", list(REDUCED))
def test_double_and_gradients(name):
    network = reduced(name).double().train()
    if name in IMAGE:
        x = torch.rand(2, 3, 64, 64, dtype=torch.double)
    elif name == "martinez":
        x = torch.randn(4, 16, 2, dtype=torch.double)
    else:
        x = torch.randn(2, 9, 17, 2, dtype=torch.double)
    y = network(x)
    assert y.dtype == torch.double
    y.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_seed_decides_the_initial_values():
    first, second = ((torch.manual_seed(1), reduced("gsam").state_dict())[1] for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_published_initial_values():
    hrnet = reduced("hrnet_w32", attention=[(1, 1)])
    weights = torch.cat(
        [
            p.flatten()
            for k, p in hrnet.named_parameters()
            if "conv" in k and not k.startswith("attention")
        ]
    )
    assert weights.std().item() == pytest.approx(1e-3, rel=0.05)
    assert not hrnet.final_layer.bias.any()
    poseformer = reduced("poseformer")
    assert not poseformer.Spatial_pos_embed.any() and not poseformer.Temporal_pos_embed.any()
    assert poseformer.Spatial_norm.eps == 1e-6 and poseformer.head[0].eps == 1e-5


def test_create_names_the_nearest_network():
    with pytest.raises(ValueError, match=r"'hrnet32' is no network\. The nearest is 'hrnet_w32'"):
        models.create("hrnet32")


def test_create_names_the_wrong_option():
    with pytest.raises(ValueError, match=r"gsam has no option 'frame'\. It has frames, sam"):
        models.create("gsam", frame=81)


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("hrnet_w32", {"attention": [(1, 3)]}, r"attention: \(1, 3\)"),
        ("hrnet_w32", {"attention": [(4, 1)]}, r"attention: \(4, 1\)"),
        ("hrnet_w32", {"attention": [[1, 1], [1, 1]]}, "twice"),
        ("hrnet_w32", {"attention": [(1, 1)], "reading": "loose"}, "reading: 'loose'"),
        ("hrnet_w32", {"modules": (1, 4)}, "modules"),
        ("gsam", {"sam": "after"}, "sam: 'after'"),
        ("gsam", {"tam": "before"}, "tam: 'before'"),
        ("gsam", {"reading": "x"}, "reading: 'x'"),
        ("poseformer", {"spatial_width": 12}, "spatial_width: 12"),
        ("videopose3d", {"frames": 10}, "frames: 10"),
        ("videopose3d", {"frames": 0}, "frames: 0"),
        ("moganet_tiny", {"widths": (8, 12, 16, 16)}, "widths"),
    ],
)
def test_wrong_values_are_named(name, options, named):
    with pytest.raises(ValueError, match=named):
        reduced(name, **options)


def test_create_imports_the_asked_network_only():
    code = (
        "import sys; from posepaper import models; models.create('hrnet_w32', width=8, stem=8);"
        "print(*(m for m in sys.modules if m.startswith('posepaper.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "posepaper.models.hrnet" in run.stdout
    assert "poseformer" not in run.stdout and "data" not in run.stdout
