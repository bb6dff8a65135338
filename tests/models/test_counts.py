"""Parameter counts, to the last digit, and multiplications of the networks as published."""

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from posepaper import models

FORMATS = Path(__file__).parents[1] / "formats"
SHIPPED = [(1, 1), (1, 2), (2, 1), (3, 1)]
ALL_PAIRS = [(stage, sub) for stage in (1, 2, 3) for sub in range(1, stage + 2)]

PUBLIC = {
    "hrnet_w32": ("hrnet_w32", {}),
    "hrnet_w48": ("hrnet_w48", {}),
    "simplebaseline_res50": ("simplebaseline_resnet50", {}),
    "simplebaseline_res101": ("simplebaseline_resnet101", {}),
    "moganet_tiny_pose": ("moganet_tiny", {}),
    "moganet_small_pose": ("moganet_small", {}),
    "poseformer_9": ("poseformer", {"frames": 9}),
    "poseformer_27": ("poseformer", {"frames": 27}),
    "poseformer_81": ("poseformer", {"frames": 81}),
    "videopose3d_333": ("videopose3d", {"frames": 27}),
    "videopose3d_3333": ("videopose3d", {"frames": 81}),
    "videopose3d_33333": ("videopose3d", {"frames": 243}),
}


def on_meta(name, **options):
    return models.outline(name, **options).eval()


def parameters(name, **options):
    return sum(p.numel() for p in on_meta(name, **options).parameters())


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("hrnet_w32", {}, 28_536_113),
        ("hrnet_w48", {}, 63_595_745),
        ("simplebaseline_resnet50", {}, 33_999_697),
        ("simplebaseline_resnet101", {}, 52_991_825),
        ("hourglass_8", {}, 25_437_960),
        ("moganet_tiny", {}, 8_091_965),
        ("moganet_small", {}, 29_022_884),
        ("martinez", {}, 4_291_632),
        ("videopose3d", {"frames": 27}, 8_555_571),
        ("videopose3d", {"frames": 81}, 12_753_971),
        ("videopose3d", {"frames": 243}, 16_952_371),
        ("poseformer", {"frames": 9}, 9_563_645),
        ("poseformer", {"frames": 27}, 9_573_455),
        ("poseformer", {"frames": 81}, 9_602_885),
        ("poseformer", {"frames": 243}, 9_691_175),
    ],
)
def test_reference_counts(name, options, count):
    assert parameters(name, **options) == count


@pytest.mark.parametrize(
    ("reading", "frames", "millions"),
    [
        ("literal", 81, 9.626),
        ("literal", 27, 9.597),
        ("literal", 9, 9.587),
        ("count_matching", 81, 9.862),
        ("count_matching", 27, 9.833),
        ("count_matching", 9, 9.823),
    ],
)
def test_readings_of_the_3d_attention(reading, frames, millions):
    count = parameters("gsam", frames=frames, reading=reading)
    assert round(count / 1e6, 3) == millions


@pytest.mark.parametrize(("reading", "millions"), [("literal", 28.537), ("count_matching", 28.667)])
def test_readings_of_the_2d_attention(reading, millions):
    count = parameters("hrnet_w32", attention=SHIPPED, reading=reading)
    assert round(count / 1e6, 3) == millions


def test_every_position_of_the_3d_attention_costs_the_same():
    base = parameters("poseformer", frames=81)
    sa, ta = (
        {
            parameters("gsam", **{kind: position, other: "none"}) - base
            for position in ("before_msa", "after_msa", "after_mlp")
        }
        for kind, other in (("sam", "tam"), ("tam", "sam"))
    )
    assert len(sa) == len(ta) == 1
    assert parameters("gsam") - base == sa.pop() + ta.pop()


def test_nine_modules_are_the_branches_of_three_stages():
    plain, full = on_meta("hrnet_w32"), on_meta("hrnet_w32", attention=ALL_PAIRS)
    assert len(full.attention) == 9
    assert set(plain.state_dict()) == {
        key for key in full.state_dict() if not key.startswith("attention.")
    }


@pytest.mark.parametrize("file", PUBLIC)
def test_keys_and_shapes_are_those_of_the_public_checkpoint(file):
    public = json.loads((FORMATS / f"{file}.json").read_text())
    name, options = PUBLIC[file]
    network = on_meta(name, **options)
    ours = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert ours == {key: entry["shape"] for key, entry in public["state_dict"].items()}
    assert sum(p.numel() for p in network.parameters()) == public["parameters"]


def test_every_format_file_is_tested():
    assert {path.stem for path in FORMATS.glob("*.json")} == set(PUBLIC)


def gmac(network, shape):
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        network(torch.empty(shape))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("name", "options", "shape", "expected", "digits"),
    [
        ("hrnet_w32", {}, (1, 3, 256, 192), 7.65, 2),
        ("hrnet_w48", {}, (1, 3, 256, 192), 15.69, 2),
        ("simplebaseline_resnet50", {}, (1, 3, 256, 192), 5.43, 2),
        ("simplebaseline_resnet101", {}, (1, 3, 256, 192), 9.06, 2),
        ("poseformer", {"frames": 9}, (1, 9, 17, 2), 0.091, 3),
        ("poseformer", {"frames": 27}, (1, 27, 17, 2), 0.276, 3),
        ("poseformer", {"frames": 81}, (1, 81, 17, 2), 0.847, 3),
    ],
)
def test_multiplications(name, options, shape, expected, digits):
    assert round(gmac(on_meta(name, **options), shape), digits) == expected


@pytest.mark.parametrize(("name", "expected"), [("moganet_tiny", 1.06), ("moganet_small", 4.83)])
def test_multiplications_of_moganet_are_counted_without_its_head(name, expected):
    assert round(gmac(on_meta(name).backbone, (1, 3, 256, 192)), 2) == expected
