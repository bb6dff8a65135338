import numpy as np
import pytest

from posepaper.data import mpi_inf_3dhp
from posepaper.errors import InputError


def _view(rng, frames, **changes):
    two = rng.uniform(0, 2048, (frames, 17, 2)).astype(np.float32)
    three = rng.normal(0, 1000, (frames, 17, 3)).astype(np.float32)
    return {"data_2d": two, "data_3d": three} | changes


def _tables():
    rng = np.random.default_rng(0)
    train = {"S1 Seq1": [{"0": _view(rng, 4), "8": _view(rng, 4)}, 25]}
    train |= {"S2 Seq2": [{"0": _view(rng, 3)}, np.array([[50.0]])]}
    valid = np.array([1, 0, 1, 1, 0], dtype=np.uint8)
    test = {name: _view(rng, 5, valid=valid) for name in ("TS1", "TS5")}
    return train, test


def _write(folder, train, test):
    for name, table in (("data_train_3dhp.npz", train), ("data_test_3dhp.npz", test)):
        np.savez(folder / name, data=np.array(table, dtype=object))


def test_sequences_and_keypoints(tmp_path):
    train, test = _tables()
    _write(tmp_path, train, test)
    found = {s.key: s for s in mpi_inf_3dhp.sequences(tmp_path)}
    keys = ["S1/Seq1/0", "S1/Seq1/8", "S2/Seq2/0", "TS1/Seq1/0", "TS5/Seq1/0"]
    assert sorted(found) == keys
    eight = found["S1/Seq1/8"]
    np.testing.assert_allclose(eight.positions, train["S1 Seq1"][0]["8"]["data_3d"] / 1000)
    assert (eight.split, eight.valid, eight.fps) == ("train", None, 25.0)
    assert found["S2/Seq2/0"].fps == 50.0
    wide = found["TS5/Seq1/0"]
    assert (wide.split, wide.width, wide.height) == ("test", 1920, 1080)
    assert (found["TS1/Seq1/0"].width, found["TS1/Seq1/0"].height) == (2048, 2048)
    np.testing.assert_array_equal(wide.valid, [True, False, True, True, False])
    pixels = mpi_inf_3dhp.keypoints(tmp_path)
    assert sorted(pixels) == keys
    np.testing.assert_array_equal(pixels["TS5/Seq1/0"], test["TS5"]["data_2d"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda a, b: a["S1 Seq1"][0].update({"3": a["S1 Seq1"][0]["0"]}), "unknown camera 3"),
        (lambda a, b: b.update(TS9=b["TS1"]), "unknown take TS9"),
        (lambda a, b: b["TS1"].pop("valid"), "TS1 Seq1 0 has not all of data_2d, data_3d, valid"),
        (lambda a, b: b["TS1"].update(valid=np.ones(4)), "of 5, 5, 4 frames"),
        (lambda a, b: b["TS1"].update(data_2d=np.zeros((4, 17, 2))), "of 4, 5, 5 frames"),
        (lambda a, b: b["TS1"].update(data_3d=np.zeros((5, 16, 3))), "has 16 joints, not 17"),
        (lambda a, b: b["TS1"].update(data_3d=np.full((5, 17, 3), np.inf)), "not a finite number"),
        (lambda a, b: a.update(S3=[{}, 25]), r"S3 is not \[cameras, fps\]"),
        (lambda a, b: a.clear(), "data_train_3dhp.npz: has no table data"),
    ],
)
def test_faults_are_named(tmp_path, change, fault):
    train, test = _tables()
    change(train, test)
    _write(tmp_path, train, test)
    with pytest.raises(InputError, match=fault) as caught:
        mpi_inf_3dhp.sequences(tmp_path)
    assert "\n" not in str(caught.value)
