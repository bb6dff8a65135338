"""Published weights in a training's place."""

import json

import numpy as np
import pytest
import torch

from posepaper import models
from posepaper.errors import InputError
from posepaper.files import md5
from posepaper.stages import job, train
from posepaper.training.checkpoint import read_checkpoint

torch.set_num_threads(1)
SMALL = {
    "pose2d": {"name": "hrnet_w32", "width": 4, "stem": 8, "modules": [1, 1, 1], "blocks": 1},
    "videopose3d": {"name": "videopose3d", "frames": 9, "channels": 16},
    "poseformer": {"name": "poseformer", "frames": 9, "spatial_width": 8, "depth": 1},
}


def network(kind, seed):
    torch.manual_seed(seed)
    options = dict(SMALL[kind])
    return models.create(options.pop("name"), **options)


def run_of(tmp_path, kind, role="weights"):
    """A job as the plan makes it for ``weights: given.pth``."""
    settings = {"experiment": "a/b", "seed": 0, "model": SMALL[kind], "threads": 1}
    settings |= {"image": [64, 48] if kind == "pose2d" else None, "published": {"given.pth": role}}
    return job.Run(
        target="results/x/checkpoints/a/b/seed0.safetensors",
        inputs={},
        raw={"weights/given.pth": str(tmp_path / "given.pth")},
        outputs={n: tmp_path / f"out.{n}" for n in ("checkpoint", "curve")},
        settings=settings,
        folder=tmp_path / "run",
    )


DRESSES = {
    "pose2d": lambda s: s,
    "videopose3d": lambda s: {
        "epoch": 80, "lr": 0.1, "random_state": np.random.RandomState(0), "model_pos": s},
    "poseformer": lambda s: {"model_pos": {f"module.{k}": v for k, v in s.items()}},
}  # fmt: skip


@pytest.mark.parametrize("kind", SMALL)
def test_published_weights_become_the_checkpoint(tmp_path, kind):
    source = network(kind, 7).state_dict()
    torch.save(DRESSES[kind](source), tmp_path / "given.pth")
    run = run_of(tmp_path, kind)
    (train.pose2d if kind == "pose2d" else train.lifting)(run)
    tensors, facts = read_checkpoint(run.outputs["checkpoint"])
    assert all(torch.equal(tensors[k], v) for k, v in source.items())
    expected = {"weights": {"file": "given.pth", "md5": md5(tmp_path / "given.pth")}}
    assert facts["published"] == expected and facts["training"] is None and facts["gmac"] > 0
    curve = json.loads(run.outputs["curve"].read_text())
    assert curve["epochs"] == [] and curve["published"] == expected
    assert not run.folder.exists() and not run.measured


def test_a_wrong_or_partial_file_is_one_line_and_leaves_nothing(tmp_path):
    run = run_of(tmp_path, "pose2d")
    state = network("pose2d", 7).state_dict()
    del state["conv1.weight"]
    torch.save(state | {"fc.bias": torch.zeros(2)}, tmp_path / "given.pth")
    with pytest.raises(InputError) as raised:
        train.pose2d(run)
    line = str(raised.value)
    assert line.startswith(str(tmp_path / "given.pth")) and "\n" not in line
    assert "missing: conv1.weight" in line and "left over: fc.bias" in line
    whole = (tmp_path / "given.pth").read_bytes()
    (tmp_path / "given.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        train.pose2d(run)
    assert not run.outputs["checkpoint"].exists() and not run.outputs["curve"].exists()


def test_a_backbone_leaves_the_head_to_the_seed(tmp_path):
    state = network("pose2d", 7).state_dict()
    head = {k: state.pop(k) for k in list(state) if k.startswith("final_layer")}
    torch.save(state | {"classifier.weight": torch.zeros(3)}, tmp_path / "given.pth")
    made = train.network(run_of(tmp_path, "pose2d", role="backbone")).state_dict()
    fresh = network("pose2d", 0).state_dict()
    assert all(torch.equal(made[k], v) for k, v in state.items())
    assert all(torch.equal(made[k], fresh[k]) for k in head)
