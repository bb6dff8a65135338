"""Public checkpoints: read without running anything of them, loaded whole or not at all."""

import os
import pickle

import numpy as np
import pytest
import safetensors.torch
import torch

from posepaper import models
from posepaper.errors import InputError
from posepaper.models import weights

SMALL = {"width": 8, "stem": 8, "modules": (1, 1, 1), "blocks": 1}
MOGA = {"widths": (8, 8, 8, 8), "depths": (1, 1, 1, 1), "deconv": 8}


def hrnet(seed=0, **options):
    torch.manual_seed(seed)
    return models.create("hrnet_w32", **SMALL, **options)


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize(
    "dress",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {"model_pos": s, "lr": 0.1, "random_state": None},
        lambda s: {f"module.{k}": v for k, v in s.items()},
        lambda s: {
            "state_dict": {f"module.{k}": v for k, v in s.items()},
            "model": "pose_hrnet",
            "best_state_dict": s,
        },
        lambda s: {k: v for k, v in s.items() if not k.endswith("num_batches_tracked")},
    ],
)
def test_dresses_of_a_state_dict(dress):
    source, target = hrnet(1), hrnet(2)
    weights.load_public(target, dress(source.state_dict()))
    assert equal(source.state_dict(), target.state_dict())


def test_one_error_names_every_key_and_nothing_is_loaded():
    state, target = hrnet(1).state_dict(), hrnet(2)
    before = {key: value.clone() for key, value in target.state_dict().items()}
    del state["conv1.weight"]
    state["fc.weight"] = torch.zeros(3)
    state["bn1.weight"] = torch.zeros(5)
    state["bn1.bias"] = "text"
    with pytest.raises(ValueError) as caught:
        weights.load_public(target, state)
    message = str(caught.value)
    assert "missing: conv1.weight;" in message
    assert "left over: fc.weight;" in message
    assert "bn1.weight (5,) instead of (8,)" in message
    assert "bn1.bias str instead of (8,)" in message
    assert "HRNet" in message and "\n" not in message
    assert equal(before, target.state_dict())


def test_another_networks_checkpoint_is_refused():
    poseformer = models.create("poseformer", frames=3, spatial_width=8, depth=1)
    with pytest.raises(ValueError, match=r"missing: .*final_layer.*left over: .*head"):
        weights.load_public(hrnet(), {"model_pos": poseformer.state_dict()})


def test_imagenet_backbone_leaves_head_and_attention_at_their_initial_values():
    source, target = hrnet(1), hrnet(2, attention=[(1, 1)])
    before = {key: value.clone() for key, value in target.state_dict().items()}
    state = source.state_dict()
    del state["final_layer.weight"], state["final_layer.bias"]
    state["classifier.weight"] = torch.zeros(3)
    kept = weights.load_public(target, state, backbone_only=True)
    after = target.state_dict()
    assert {key.split(".")[0] for key in kept} == {"final_layer", "attention"}
    assert equal({k: before[k] for k in kept}, {k: after[k] for k in kept})
    assert equal(
        {k: state[k] for k in after if k not in kept}, {k: after[k] for k in after if k not in kept}
    )


def test_backbone_only_still_wants_the_whole_backbone():
    state = hrnet(1).state_dict()
    del state["stage4.0.branches.3.0.conv1.weight"]
    with pytest.raises(ValueError, match=r"missing: stage4\.0\.branches\.3\.0\.conv1\.weight$"):
        weights.load_public(hrnet(2), state, backbone_only=True)


@pytest.mark.parametrize("rename", ["0.x", "1.x"])
def test_moganet_under_both_names_of_its_head(rename):
    source, target = (models.create("moganet_tiny", **MOGA) for _ in range(2))
    state = source.state_dict()
    if rename == "1.x":
        state = {key.replace("keypoint_head.", "head."): value for key, value in state.items()}
    weights.load_public(target, {"meta": {}, "state_dict": state})
    assert equal(source.state_dict(), target.state_dict())


def test_moganet_imagenet_backbone():
    source, target = (models.create("moganet_tiny", **MOGA) for _ in range(2))
    state = {k.removeprefix("backbone."): v for k, v in source.backbone.state_dict().items()}
    state["head.weight"] = torch.zeros(1000, 8)
    kept = weights.load_public(target, state, backbone_only=True)
    assert all(key.startswith("keypoint_head.") for key in kept)
    assert equal(source.backbone.state_dict(), target.backbone.state_dict())


def test_a_model_on_the_meta_device_is_refused():
    with torch.device("meta"):
        network = hrnet()
    with pytest.raises(ValueError, match="meta"):
        weights.load_public(network, hrnet().state_dict())


class OldRandomState:
    """Pickles as numpy before 1.17 did."""

    def __reduce__(self):
        key = np.arange(624, dtype=np.uint32)
        return getattr(np.random, "__RandomState_ctor"), (), ("MT19937", key, 624, 0, 0.0)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("random_state", [np.random.RandomState(1), OldRandomState()])
def test_files_with_a_random_state_are_read(tmp_path, zipped, random_state):
    file = tmp_path / "pretrained_h36m_cpn.bin"
    content = {"epoch": 80, "random_state": random_state, "model_pos": {"w": torch.arange(3.0)}}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    assert weights.read(file)["model_pos"]["w"].tolist() == [0, 1, 2]


def test_safetensors_are_read(tmp_path):
    safetensors.torch.save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors")
    assert weights.read(tmp_path / "w.safetensors")["w"].tolist() == [1, 1]


class Payload:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (self.file,)


def test_code_in_a_checkpoint_never_runs(tmp_path):
    marker = tmp_path / "ran"
    torch.save({"state_dict": Payload(str(marker))}, tmp_path / "bad.pth")
    with pytest.raises(InputError, match=r"bad\.pth: holds \w+\.mkdir"):
        weights.read(tmp_path / "bad.pth")
    assert not marker.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_truncated_files_are_named(tmp_path, zipped, share):
    file = tmp_path / "cut.pth"
    torch.save(hrnet().state_dict(), file, _use_new_zipfile_serialization=zipped)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"cut\.pth: is no checkpoint, or a damaged one"):
        weights.read(file)


@pytest.mark.parametrize("name", ["junk.pth", "junk.safetensors"])
def test_foreign_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x01 no checkpoint at all " * 50)
    with pytest.raises(InputError, match=name):
        weights.read(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        weights.read(tmp_path / f"absent-{name}")


def test_a_pickled_list_is_no_checkpoint(tmp_path):
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2], protocol=2))
    with pytest.raises(InputError, match=r"list\.pkl"):
        weights.read(tmp_path / "list.pkl")
