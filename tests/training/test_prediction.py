import numpy as np
import pytest
import torch

from posepaper import models
from posepaper.skeleton import H36M, MPI3DHP
from posepaper.training import prediction
from posepaper.training.lifting import SingleFrame16
from posepaper.training.prediction import predict_lifting
from posepaper.training.windows import mirror, pad_edges

torch.set_num_threads(1)

NETWORKS = {
    "poseformer": {"frames": 3, "spatial_width": 8, "depth": 2, "heads": 2},
    "gsam": {"frames": 9, "spatial_width": 8, "depth": 2, "heads": 2},
    "videopose3d": {"frames": 9, "channels": 32},
    "martinez": {"channels": 64},
}
LENGTHS = (30, 1, 45, 8, 2)


def create(name):
    torch.manual_seed(0)
    return models.create(name, **NETWORKS[name])


def keypoints():
    rng = np.random.default_rng(0)
    return [rng.standard_normal((length, 17, 2)).astype(np.float32) for length in LENGTHS]


def windowed_twin(model, sequence, flip):
    """Window after window, whole networks."""
    receptive_field = model.receptive_field
    padded = pad_edges(torch.from_numpy(sequence), receptive_field)
    rows = []
    for frame in range(len(sequence)):
        window = padded[None, frame : frame + receptive_field]
        joints = model(window)[0, 0]
        if flip:
            joints = (joints + mirror(model(mirror(window, H36M)), H36M)[0, 0]) / 2
        rows.append(joints)
    return torch.stack(rows).detach().numpy()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("frames", [prediction.FRAMES, 40])
def test_prediction_is_that_of_the_windowed_twin(name, flip, frames, monkeypatch):
    monkeypatch.setattr(prediction, "FRAMES", frames)
    monkeypatch.setitem(prediction.AT_ONCE, "cpu", 21)
    model = create(name).eval()
    twin = SingleFrame16(model, H36M) if name == "martinez" else model
    predicted = list(predict_lifting(model, keypoints(), skeleton=H36M, flip=flip))
    assert [len(p) for p in predicted] == list(LENGTHS)
    for ours, sequence in zip(predicted, keypoints(), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, windowed_twin(twin, sequence, flip), atol=1e-6)


def test_the_spatial_part_sees_every_frame_once():
    model, seen = create("poseformer"), []
    model.Spatial_norm.register_forward_hook(lambda module, given, out: seen.append(len(out)))
    list(predict_lifting(model, keypoints(), skeleton=H36M, flip=True))
    assert sum(seen) == 2 * sum(LENGTHS)


def test_a_skeleton_without_nose_is_refused():
    with pytest.raises(ValueError, match="Neck/Nose"):
        next(predict_lifting(create("martinez"), keypoints(), skeleton=MPI3DHP, flip=False))
