import itertools
import os
import resource
import signal

import h5py
import numpy as np
import pytest

from posepaper.data import hdf5, layout
from posepaper.data.checks import check_array
from posepaper.errors import InputError
from posepaper.files import md5

JOINTS = ("a", "b", "c")


def _sequence(key="S1/Walking 1/54138969", split="train", frames=5, **changes):
    subject, action, camera = key.split("/")
    rng = np.random.default_rng(len(key))
    facts = {"positions": rng.normal(size=(frames, 3, 3)).astype(np.float32), "width": 1000}
    facts |= {"height": 1002, "fps": 50.0} | changes
    return layout.PoseSequence(subject, action, camera, split, **facts)


def _write(path, sequences):
    layout.write_poses(path, sequences, identity="tiny", joints=JOINTS, root=0)


def test_poses_come_back_as_written(tmp_path):
    path = tmp_path / "poses.h5"
    valid = np.array([True, False, True, True, False])
    written = [_sequence(), _sequence("S9/Sitting/7", "test", valid=valid, split_by="clip")]
    _write(path, written)
    for before, after in zip(written, layout.read_poses(path), strict=True):
        for name in ("key", "split", "width", "height", "fps", "split_by"):
            assert getattr(before, name) == getattr(after, name)
        np.testing.assert_array_equal(before.positions, after.positions)
        assert after.positions.dtype == np.float32
    np.testing.assert_array_equal(layout.read_poses(path, "test")[0].valid, valid)
    assert layout.read_poses(path, "train")[0].valid is None
    attributes = layout.read_attributes(path)
    assert attributes["joints"] == list(JOINTS)
    assert (attributes["identity"], attributes["root"], attributes["units"]) == ("tiny", 0, "m")


def test_frames_are_counted_by_split(tmp_path):
    path = tmp_path / "poses.h5"
    written = [_sequence(), _sequence("S5/Eating/7"), _sequence("S9/Sitting/7", "test")]
    _write(path, written)
    one = len(written[0].positions)
    assert layout.count_frames(path) == {"train": 2 * one, "test": one}


def test_same_content_gives_same_bytes_whatever_the_order(tmp_path):
    a, b = _sequence(), _sequence("S9/Sitting/7", "test")
    _write(tmp_path / "one.h5", [a, b])
    _write(tmp_path / "two.h5", [b, a])
    assert md5(tmp_path / "one.h5") == md5(tmp_path / "two.h5")


def test_content_hash_sees_values_and_attributes(tmp_path):
    hashes = set()
    base = _sequence()
    moved = _sequence(positions=base.positions + 1)
    for sequence in (base, moved, _sequence(fps=25.0), _sequence(split="test")):
        _write(tmp_path / "poses.h5", [sequence])
        hashes.add(layout.read_attributes(tmp_path / "poses.h5")["content_hash"])
    assert len(hashes) == 4


def test_keypoints_and_predictions_come_back(tmp_path):
    rng = np.random.default_rng(0)
    two = {"S9/Sit/7": rng.normal(size=(4, 3, 2)), "S1/Sit/7": rng.normal(size=(2, 3, 2))}
    layout.write_keypoints(tmp_path / "k.h5", two, identity="cpn", joints=JOINTS, mapping="none")
    read = layout.read_keypoints(tmp_path / "k.h5")
    assert list(read) == sorted(two)
    np.testing.assert_array_equal(read["S9/Sit/7"], two["S9/Sit/7"].astype(np.float32))
    assert layout.read_attributes(tmp_path / "k.h5")["mapping"] == "none"
    three = {"S9/Sit/7": rng.normal(size=(4, 3, 3))}
    layout.write_predictions(tmp_path / "p.h5", three, identity={"study": "mini"})
    read, identity = layout.read_predictions(tmp_path / "p.h5")
    assert identity == {"study": "mini"}
    np.testing.assert_array_equal(read["S9/Sit/7"], three["S9/Sit/7"].astype(np.float32))


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros((4, 5, 3)), "5 joints, not 3"),
        (np.full((4, 3, 3), np.nan), "not a finite number at frame 0"),
        (np.zeros((0, 3, 3)), "no frames"),
        (np.zeros((4, 3, 2)), r"\(4, 3, 2\)"),
        (np.full((4, 3, 3), "x"), "not numbers"),
    ],
)
def test_bad_arrays_are_refused_and_nothing_is_left(tmp_path, array, fault):
    with pytest.raises(InputError, match=fault):
        check_array("f.npz", "S1/Walking", array, 3, 3)
    with pytest.raises(InputError, match=fault):
        _write(tmp_path / "poses.h5", [_sequence(positions=array)])
    assert not list(tmp_path.iterdir())


def test_wrong_damaged_and_absent_files(tmp_path):
    path = tmp_path / "poses.h5"
    with pytest.raises(InputError, match="is not there"):
        layout.read_poses(path)
    _write(path, [_sequence()])
    with pytest.raises(InputError, match="holds poses, not keypoints"):
        layout.read_keypoints(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        layout.read_poses(path)


def test_a_failing_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "poses.h5"
    _write(path, [_sequence()])
    before = md5(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.Group, "__setitem__", full)
    with pytest.raises(InputError, match="No space left on device"):
        _write(path, [_sequence(frames=9)])
    assert md5(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["poses.h5"]


def test_a_truly_full_disk(tmp_path):
    """A child whose files may not grow past 64 kB, the nearest thing to a full disk."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        try:
            _write(tmp_path / "poses.h5", [_sequence(frames=100_000)])
        except InputError as error:
            os._exit(7 if "could not be written" in str(error) else 8)
        except BaseException:
            os._exit(9)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not list(tmp_path.iterdir())


def test_byte_store_over_several_chunks(tmp_path):
    rng = np.random.default_rng(1)
    blocks = [rng.bytes(n) for n in (0, 5, 1 << 20, 3, (1 << 21) + 1, 0)]
    with hdf5.create(tmp_path / "b.h5", "blocks", {}) as file:
        store = hdf5.ByteStore(file)
        for block in blocks:
            store.append(block)
        store.finish()
    with h5py.File(tmp_path / "b.h5") as file:
        data, ends = file["bytes"][()].tobytes(), file["offsets"][()]
    assert [data[a:b] for a, b in itertools.pairwise(ends)] == blocks


def test_a_few_sequences_are_short_ones_of_every_action():
    never = np.zeros(1, dtype=bool)
    found = {
        s.key: s
        for s in (
            _sequence("S1/Eating/1", frames=9),
            _sequence("S1/Eating/2", frames=2),
            _sequence("S1/Walking/1", frames=7),
            _sequence("S5/Walking/1", frames=6),
            _sequence("S5/Walking/2", frames=8),
            _sequence("S9/Sitting/1", frames=1, valid=never),
        )
    }

    def chosen(frames):
        return [s.key for s in layout.shortest(found.values(), frames)]

    four = ["S1/Eating/2", "S5/Walking/1", "S1/Walking/1", "S1/Eating/1"]
    assert chosen(1) == chosen(24) == four, "four at least, an action after another"
    assert chosen(25) == chosen(999) == [*four, "S5/Walking/2"]
