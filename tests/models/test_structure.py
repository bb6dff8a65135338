"""What a network is made of, told by running it, is what it is made of."""

import pytest
import torch

from posepaper import models
from posepaper.models import structure

HRNET = {"width": 8, "stem": 16, "modules": [1, 3, 2], "blocks": 2, "attention": [[1, 1], [2, 1]]}
GSAM = {"frames": 9, "spatial_width": 8, "depth": 3, "heads": 2}
BOXES = ["layer1", "stage?.*.branches.?", "attention.*", "final_layer"]
LINES = ["transition?.*", "stage?.*.fuse_layers.?.?"]
STAGES = ["stage2", "stage3", "stage4"]
BLOCKS = {"boxes": ["*.attn", "*.mlp"], "repeats": ["Spatial_blocks", "blocks"]}


def built(name, **options):
    with torch.device("meta"):
        return models.create(name, **options).eval()


def hrnet(**options):
    return structure.diagram(
        *(built("hrnet_w32", **{**HRNET, **options}), (1, 3, 64, 48)),
        **{"boxes": BOXES, "lines": LINES, "repeats": STAGES},
    )


def gsam(**options):
    model = built("gsam", **{**GSAM, **options})
    return structure.diagram(model, (1, model.receptive_field, 17, 2), **BLOCKS)


def counted(graph):
    """Parameters of all boxes and arrows, each as often as it stands in the network."""
    return sum(part["parameters"] * part["times"] for part in (*graph["nodes"], *graph["edges"]))


def labels(graph):
    return [node["label"] for node in graph["nodes"]]


def arrows(graph):
    """By labels; what stands twice is told by its place."""
    return {(edge["from"], edge["to"]) for edge in graph["edges"]}


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("hrnet_w32", HRNET, (1, 3, 64, 48)),
        ("simplebaseline_resnet50", {"width": 8, "blocks": (1, 2, 1, 1)}, (1, 3, 64, 48)),
        ("hourglass_8", {"stacks": 2, "width": 16, "depth": 2}, (1, 3, 64, 48)),
        ("videopose3d", {"frames": 9, "channels": 16}, (1, 9, 17, 2)),
        ("poseformer", {**GSAM, "depth": 2}, (1, 9, 17, 2)),
        ("gsam", {**GSAM, "reading": "count_matching"}, (1, 9, 17, 2)),
    ],
)
def test_every_parameter_stands_in_one_box(name, options, shape):
    model = built(name, **options)
    graph = structure.diagram(model, shape)
    assert counted(graph) == graph["parameters"] == sum(p.numel() for p in model.parameters()) > 0


@pytest.mark.parametrize("graph", [hrnet, gsam])
def test_boxes_arrows_and_repeats_lose_no_parameter(graph):
    told = graph()
    assert counted(told) == told["parameters"] > 0
    assert all(edge["from"] < edge["to"] for edge in told["edges"])
    inner = range(1, len(told["nodes"]))
    assert {edge["to"] for edge in told["edges"]} == set(inner)


def test_hrnet_has_its_branches_exchanges_and_attention():
    told = hrnet()
    frames = [(frame["name"], frame["times"]) for frame in told["frames"]]
    # The last module of a stage exchanges to one branch, or holds the attention.
    assert frames == [("stage2", 1), ("stage3", 2), ("stage3", 1), ("stage4", 1), ("stage4", 1)]
    assert labels(told).count("ImageAttention") == 2
    assert told["nodes"][0]["shape"] == [3, 64, 48]
    assert told["nodes"][-1]["shape"] == [17, 16, 12]
    last = told["frames"][-1]["nodes"]
    joins = [n for n in last if told["nodes"][n]["label"] == "+"]
    assert len(joins) == 1 and sum(b == joins[0] for _, b in arrows(told)) == 4


def test_another_width_depth_or_place_is_another_diagram():
    plain, wide, deep = gsam(), gsam(spatial_width=16), gsam(depth=2)
    assert plain["parameters"] < wide["parameters"] and plain["nodes"] != wide["nodes"]
    assert [f["times"] for f in plain["frames"]] == [3, 3]
    assert [f["times"] for f in deep["frames"]] == [2, 2]
    assert labels(plain) == labels(deep) and deep["parameters"] < plain["parameters"]
    first = gsam(sam="before_msa", tam="none")
    # Its own convolutions, for the pattern names no inserted module here.
    assert labels(first).index("depthwise conv 5, 8") < labels(first).index("SelfAttention")
    assert labels(plain).index("depthwise conv 5, 8") > labels(plain).index("SelfAttention")
    assert counted(hrnet(width=16)) > counted(hrnet())


def test_blocks_that_differ_are_not_one():
    model = built("gsam", **GSAM)
    model.blocks[1].inserted.clear()
    told = structure.diagram(model, (1, 9, 17, 2), **BLOCKS)
    temporal = [f["times"] for f in told["frames"] if f["name"] == "blocks"]
    assert temporal == [1, 1, 1] and counted(told) == told["parameters"]


def test_a_module_shows_its_operations_and_what_skips_them():
    model = built("hrnet_w32", **HRNET)
    told = structure.diagram(model, (1, 3, 64, 48), within="attention.stage1_sub1.cam")
    expected = ["input", "mean", "conv 1×1, 8→1", "ReLU", "conv 1×1, 1→8", "sigmoid", "×", "output"]
    assert labels(told) == expected
    assert arrows(told) == {(n, n + 1) for n in range(7)} | {(0, 6)}
    assert [node["shape"] for node in told["nodes"][:3]] == [[8, 16, 12], [8, 1, 1], [1, 1, 1]]
    assert counted(told) == told["parameters"] == 8 + 1 + 8 + 8


def test_self_attention_multiplies_the_values_too():
    told = structure.diagram(built("poseformer", **GSAM), (1, 9, 17, 2), within="blocks.0.attn")
    assert labels(told)[2:5] == ["matmul", "softmax", "matmul"]
    # From q, k and v to the first product, from v past it to the second.
    assert {(1, 2), (1, 4)} < arrows(told)


def test_what_is_not_there_is_named():
    model = built("gsam", **GSAM)
    with pytest.raises(ValueError, match="there is no module 'Spatial_block'"):
        structure.diagram(model, (1, 9, 17, 2), within="Spatial_block")
    with pytest.raises(ValueError, match=r"no module that runs is called '\*\.atn'"):
        structure.diagram(model, (1, 9, 17, 2), boxes=["*.atn"])
