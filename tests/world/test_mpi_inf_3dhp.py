"""MPI-INF-3DHP's two files: keys, shapes, units, and a projection that fits."""

import numpy as np
import pytest

from posepaper.skeleton import MPI3DHP


@pytest.fixture(scope="module")
def train(tiny):
    # The test's own file, made a moment ago: nothing of a stranger's is unpickled.
    return np.load(tiny / "data_train_3dhp.npz", allow_pickle=True)["data"].item()


@pytest.fixture(scope="module")
def test_set(tiny):
    return np.load(tiny / "data_test_3dhp.npz", allow_pickle=True)["data"].item()


def residual(view):
    """Largest distance in pixels from the best pinhole camera through all points."""
    x, y, z = view["data_3d"].reshape(-1, 3).T.astype(float)
    worst = 0.0
    for ratio, pixel in ((x / z, view["data_2d"][..., 0]), (y / z, view["data_2d"][..., 1])):
        design = np.stack([ratio, np.ones_like(ratio)], axis=1)
        fit, *_ = np.linalg.lstsq(design, pixel.ravel().astype(float), rcond=None)
        worst = max(worst, np.abs(design @ fit - pixel.ravel()).max())
    return worst


def views(train, test_set):
    for cameras, _ in train.values():
        yield from cameras.values()
    yield from test_set.values()


def test_keys_are_those_of_the_public_preprocessing(train, test_set):
    assert list(train) == [f"S{s} Seq{q}" for s in range(1, 9) for q in (1, 2)]
    for cameras, fps in train.values():
        assert list(cameras) == ["0", "1", "2", "4", "5", "6", "7", "8"] and fps == 25
        assert len({len(view["data_2d"]) for view in cameras.values()}) == 1
    assert list(test_set) == [f"TS{k}" for k in range(1, 7)]


def test_arrays_are_float32_pixels_and_millimetres_that_project_onto_each_other(train, test_set):
    for view in views(train, test_set):
        assert view["data_2d"].dtype == view["data_3d"].dtype == np.float32
        assert view["data_2d"].shape[1:] == (17, 2) and view["data_3d"].shape[1:] == (17, 3)
        assert view["data_3d"][..., 2].min() > 1500 and view["data_3d"][..., 2].max() < 9000
        assert residual(view) < 0.02


def test_bodies_fit_their_joint_names(train):
    index = {name: i for i, name in enumerate(MPI3DHP.joints)}
    for cameras, _ in train.values():
        x = cameras["0"]["data_3d"]
        lengths = {
            pair: np.linalg.norm(x[:, index[pair[0]]] - x[:, index[pair[1]]], axis=-1)
            for pair in (("RHip", "RKnee"), ("LElbow", "LWrist"), ("neck", "head_top"))
        }
        assert all(np.ptp(v) < 0.5 for pair, v in lengths.items() if pair[0] != "neck")
        assert 360 < lengths["RHip", "RKnee"].mean() < 540
        assert 150 < lengths["neck", "head_top"].mean() < 300
        middle = (x[:, index["RHip"]] + x[:, index["LHip"]]) / 2
        assert np.abs(middle - x[:, index["pelvis"]]).max() < 0.5


def test_people_are_in_the_picture_and_some_frames_do_not_count(train, test_set):
    for view in views(train, {}):
        assert np.mean((view["data_2d"] > 0) & (view["data_2d"] < 2048)) > 0.97
    for name, view in test_set.items():
        width, height = (1920, 1080) if name in ("TS5", "TS6") else (2048, 2048)
        pixels = view["data_2d"]
        inside = (pixels > 0).all(-1) & (pixels < (width, height)).all(-1)
        assert inside.mean() > 0.97
        assert view["valid"].shape == (len(pixels),)
        assert 0 < np.count_nonzero(view["valid"]) < len(pixels)
