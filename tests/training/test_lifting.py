import numpy as np
import pytest
import torch

from posepaper import models
from posepaper.config import Training
from posepaper.errors import TrainingFailed
from posepaper.skeleton import H36M
from posepaper.training.checkpoint import RunFolder
from posepaper.training.lifting import SingleFrame16, train_lifting
from posepaper.training.prediction import predict_lifting

torch.set_num_threads(1)

NETWORKS = {
    "poseformer": {"frames": 3, "spatial_width": 8, "depth": 2, "heads": 2},
    "gsam": {"frames": 3, "spatial_width": 8, "depth": 2, "heads": 2},
    "videopose3d": {"frames": 9, "channels": 32},
    "martinez": {"channels": 64, "dropout": 0.1},
}


def create(name, seed=0):
    torch.manual_seed(seed)
    return models.create(name, **NETWORKS[name])


def sequences(lengths=(30, 45, 8), seed=0):
    """Swinging poses seen from the front, depth told by the height on the screen."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((17, 3)) * 0.4
    keypoints, poses = [], []
    for length in lengths:
        phase = np.arange(length)[:, None, None] * 0.2 + rng.uniform(0, 6)
        pose = base + 0.2 * np.sin(phase + np.arange(17)[:, None])
        pose[..., 2] += 4 + 0.5 * pose[..., 1]
        poses.append(pose.astype(np.float32))
        keypoints.append((pose[..., :2] / pose[..., 2:]).astype(np.float32))
    return keypoints, poses


def recipe(**values):
    base = {"optimizer": "adamw", "lr": 3e-3, "epochs": 25, "batch": 32, "threads": 1}
    return Training(**base | values)


def train(name, path, seed=0, **values):
    model = create(name, seed)
    curve = train_lifting(
        model,
        *sequences(),
        recipe(**values),
        RunFolder(path),
        seed=seed,
        label=name,
        skeleton=H36M,
    )
    return model, curve


@pytest.mark.parametrize("name", NETWORKS)
def test_every_lifter_learns(name, tmp_path):
    model, curve = train(name, tmp_path)
    assert curve[-1]["loss"] < 0.6 * curve[0]["loss"]
    keypoints, poses = sequences()
    predicted = list(predict_lifting(model, keypoints, skeleton=H36M, flip=True))
    assert [p.shape for p in predicted] == [p.shape for p in poses]
    assert predicted[0].dtype == np.float32
    targets = [p - p[:, :1] for p in poses]
    errors = [
        np.linalg.norm(a - b, axis=-1).mean() for a, b in zip(predicted, targets, strict=True)
    ]
    assert np.mean(errors) < 0.6 * curve[0]["loss"]


@pytest.mark.parametrize("name", ["poseformer", "martinez"])
def test_seed_decides_the_weights(name, tmp_path):
    runs = [train(name, tmp_path / str(i), seed, epochs=2)[0] for i, seed in enumerate((0, 0, 1))]
    first, again, other = (torch.cat([p.flatten() for p in m.parameters()]) for m in runs)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_single_frame_adaptor_drops_the_nose_and_adds_the_root():
    class Echo(torch.nn.Module):
        def forward(self, keypoints):
            assert keypoints.shape == (6, 16, 2)
            return torch.cat([keypoints, keypoints[..., :1]], dim=2)

    keypoints = torch.arange(2 * 3 * 17 * 2.0).view(2, 3, 17, 2)
    out = SingleFrame16(Echo(), H36M)(keypoints)
    assert out.shape == (2, 3, 17, 3)
    assert not out[:, :, 0].any()
    kept = [j for j in range(17) if H36M.joints[j] != "Neck/Nose"]
    assert torch.equal(out[:, :, 1:, :2], keypoints[:, :, kept])


def test_keypoints_that_are_not_finite_stop_at_once(tmp_path):
    keypoints, poses = sequences()
    keypoints[1][20, 3, 0] = np.nan
    model = create("poseformer")
    with pytest.raises(TrainingFailed, match=r"toy: the loss is nan at epoch \d, batch \d$"):
        train_lifting(
            model, keypoints, poses, recipe(), RunFolder(tmp_path), seed=0, label="toy",
            skeleton=H36M,
        )  # fmt: skip
    assert RunFolder(tmp_path).status["state"] == "failed"


def test_a_recipe_without_padding_trains_on_whole_windows_only(tmp_path):
    train("videopose3d", tmp_path / "a", epochs=1, padding="none")
    too_long = models.create("videopose3d", frames=81, channels=8)
    with pytest.raises(ValueError, match="81 frames are longer than every sequence") as caught:
        train_lifting(
            too_long, *sequences(), recipe(padding="none"), RunFolder(tmp_path / "b"), seed=0,
            label="toy", skeleton=H36M,
        )  # fmt: skip
    assert "\n" not in str(caught.value)


def test_compiling_is_left_to_the_recipe(tmp_path, monkeypatch):
    asked = []

    def compiled(module):
        asked.append(type(module).__name__)
        return module

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(torch.nn.Module, "compile", compiled)
    train("poseformer", tmp_path / "a", epochs=1)
    assert asked == []
    train("videopose3d", tmp_path / "b", epochs=1, compile=True)
    assert asked == ["WindowForward"]
