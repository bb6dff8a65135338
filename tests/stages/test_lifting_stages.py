"""Bad input at the door of the lifting stages: each fault is one line that names the file."""

import numpy as np
import pytest
import torch

from posepaper import models
from posepaper.data.layout import PoseSequence, write_keypoints, write_poses
from posepaper.errors import InputError
from posepaper.skeleton import H36M, MPI3DHP
from posepaper.stages import job, lifting_data, networks, train
from posepaper.training.checkpoint import write_checkpoint

LENGTHS = {"S1/Walking/0": 12, "S9/Walking/0": 9}
MODEL = {"name": "videopose3d", "frames": 9, "channels": 8}


def prepared(tmp_path, lengths=LENGTHS, joints=H36M.joints):
    """Paths of a pose file of LENGTHS and of a keypoint file of ``lengths``."""
    rng, sequences = np.random.default_rng(0), []
    for key, count in LENGTHS.items():
        names, split = key.split("/"), "train" if key.startswith("S1") else "test"
        positions = rng.standard_normal((count, 17, 3)).astype(np.float32)
        sequences.append(PoseSequence(*names, split, positions, 1000, 1000, 50.0))
    poses, keypoints = str(tmp_path / "poses.h5"), str(tmp_path / "keypoints.h5")
    write_poses(poses, sequences, identity="toy", joints=H36M.joints, root=H36M.root)
    pixels = {key: rng.uniform(0, 1000, (count, 17, 2)) for key, count in lengths.items()}
    write_keypoints(keypoints, pixels, identity="toy", joints=joints)
    return poses, keypoints


def test_a_split_is_paired_on_the_screen(tmp_path):
    data = lifting_data.read(*prepared(tmp_path), "test")
    assert [s.key for s in data.sequences] == ["S9/Walking/0"]
    assert data.screen[0].shape == (9, 17, 2)
    assert np.abs(data.screen[0]).max() <= 1
    assert not data.poses[0][:, 0].any()
    assert data.skeleton is H36M


SWAPPED = [*H36M.joints[:4], H36M.joints[5], H36M.joints[4], *H36M.joints[6:]]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"lengths": LENGTHS | {"S1/Walking/0": 11}}, "S1/Walking/0 has 11 frames .* for 12 poses"),
        ({"lengths": {"S9/Walking/0": 9}}, "S1/Walking/0 has none of keypoints"),
        ({"joints": SWAPPED}, "its joint 4 is LKnee where the 3D poses have LHip"),
        ({"joints": MPI3DHP.joints}, "its joint 0 is head_top where the 3D poses have Hip"),
    ],
)
def test_2d_that_does_not_fit_3d_is_named(tmp_path, changes, fault):
    with pytest.raises(InputError, match=f"keypoints.h5: {fault}") as caught:
        lifting_data.read(*prepared(tmp_path, **changes), "train")
    assert "\n" not in str(caught.value)


def test_a_split_without_sequences_is_named(tmp_path):
    with pytest.raises(InputError, match=r"poses.h5: has no sequence of split 'val'"):
        lifting_data.read(*prepared(tmp_path), "val")


def training_run(tmp_path, **training):
    poses, keypoints = prepared(tmp_path)
    base = {"lr": 1e-3, "epochs": 1, "batch": 4, "threads": 1}
    settings = {
        "experiment": "lift/toy",
        "seed": 0,
        "model": MODEL | {"frames": 27},
        "training": base | training,
        "published": {},
        "image": None,
    }
    outputs = {"checkpoint": tmp_path / "toy.safetensors", "curve": tmp_path / "curve.json"}
    inputs = {"data": poses, "keypoints": keypoints}
    return job.Run("toy", inputs, {}, outputs, settings, tmp_path / "run")


def test_sequences_too_short_for_a_recipe_without_padding_are_named(tmp_path):
    train.lifting(training_run(tmp_path))
    with pytest.raises(InputError, match="27 frames are longer than every sequence") as caught:
        train.lifting(training_run(tmp_path, padding="none"))
    assert "\n" not in str(caught.value) and "keypoints.h5" in str(caught.value)


def test_a_fault_that_is_not_the_data_s_is_told_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("POSEPAPER_CPU", raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(InputError, match=r"^GPU 0 of SLURM job 7: cannot be used by torch"):
        train.lifting(training_run(tmp_path))


def run_with(settings):
    return job.Run("toy", {}, {}, {}, settings, None)


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"name": "videopose3d", "frames": 27, "channels": 8}, "left over: .*layers_conv.2.weight"),
        ({"name": "videopose3d", "frames": 9, "channels": 4}, "mis-shaped: .*shrink.weight"),
        ({"name": "martinez", "channels": 8}, "missing: .*expand_conv.weight"),
    ],
)
def test_a_checkpoint_of_another_network_is_named_key_by_key(tmp_path, other, fault):
    settings = {"experiment": "lift/toy", "model": MODEL, "threads": 1}
    file, options = tmp_path / "seed0.safetensors", dict(other)
    write_checkpoint(file, models.create(options.pop("name"), **options), {"model": other})
    with (
        pytest.raises(
            InputError, match=f"seed0.safetensors: does not fit lift/toy: .*{fault}"
        ) as e,
        networks.trained(run_with(settings), file),
    ):
        pass
    assert "\n" not in str(e.value)


def test_a_checkpoint_of_the_network_is_loaded_whole(tmp_path):
    settings = {"experiment": "lift/toy", "model": MODEL, "threads": 1}
    network = models.create("videopose3d", frames=9, channels=8)
    write_checkpoint(tmp_path / "seed0.safetensors", network, {"model": MODEL})
    with networks.trained(run_with(settings), tmp_path / "seed0.safetensors") as loaded:
        assert not loaded.training
        for name, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value)
