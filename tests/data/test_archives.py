"""The frame archive and the people file."""

import pickle

import cv2
import numpy as np
import pytest

from posepaper.data import frames, people
from posepaper.data.hdf5 import read_attributes
from posepaper.data.video_poses import VideoPoses, read_video_poses, write_video_poses
from posepaper.errors import InputError
from posepaper.files import md5


def _smooth(rng, height, width):
    coarse = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _sequences():
    rng = np.random.default_rng(0)
    for key in ("S9/Sitting/7", "S1/Walking 1/54138969"):
        crops = np.stack([_smooth(rng, 64, 48) for _ in range(6)])
        yield key, crops, rng.normal(size=(6, 2, 3)).astype(np.float32)


def test_frames_come_back(tmp_path):
    path = tmp_path / "frames.h5"
    frames.write_frames(path, _sequences(), identity="mini")
    assert frames.frame_keys(path) == ["S1/Walking 1/54138969", "S9/Sitting/7"]
    for key, crops, transforms in _sequences():
        read, matrices = frames.read_frames(path, key)
        assert read.dtype == np.uint8 and read.shape == crops.shape
        assert np.abs(read.astype(int) - crops).mean() < 3
        np.testing.assert_array_equal(matrices, transforms)
    assert read_attributes(path)["encoding"] == "jpeg-95"
    with pytest.raises(InputError, match="has no sequence S5/Sitting/7"):
        frames.read_frames(path, "S5/Sitting/7")
    frames.write_frames(tmp_path / "again.h5", _sequences(), identity="mini")
    assert md5(path) == md5(tmp_path / "again.h5")


def test_videos_come_back_one_frame_at_a_time(tmp_path):
    rng = np.random.default_rng(2)
    films = {"b": [_smooth(rng, 64, 48) for _ in range(5)], "a": [_smooth(rng, 30, 40)] * 2}
    for name in ("videos.h5", "again.h5"):
        written = ((key, 25.0, iter(film)) for key, film in films.items())
        frames.write_videos(tmp_path / name, written, identity="mini")
    assert md5(tmp_path / "videos.h5") == md5(tmp_path / "again.h5")
    videos = frames.read_videos(tmp_path / "videos.h5")
    assert [(v.name, len(v), v.width, v.height, v.fps) for v in videos] == [
        ("a", 2, 40, 30, 25.0),
        ("b", 5, 48, 64, 25.0),
    ]
    read = np.stack(list(videos[1].frames()))
    assert np.abs(read.astype(int) - np.stack(films["b"])).mean() < 3
    np.testing.assert_array_equal(videos[1].frame(3), read[3])


def test_what_a_video_showed_comes_back(tmp_path):
    rng, present = np.random.default_rng(3), np.array([True, True, False])
    shapes = {"boxes": (4,), "keypoints": (17, 2), "scores": (17,), "points": (17, 2)}
    arrays = {k: rng.normal(size=(3, *s)).astype(np.float32) for k, s in shapes.items()}
    arrays["poses"] = np.full((3, 17, 3), np.nan, np.float32)
    found = VideoPoses(48, 64, 25.0, present=present, detected=~present, **arrays)
    path, by = tmp_path / "video.h5", {"boxes": "hog"}
    write_video_poses(path, {"one": found, "none": None}, identity=by)
    read, identity = read_video_poses(path)
    assert identity == by and read["none"] is None
    assert {k: type(v) for k, v in vars(read["one"]).items()} == {
        k: type(v) for k, v in vars(found).items()
    }
    for name, value in vars(found).items():
        np.testing.assert_array_equal(getattr(read["one"], name), value)


def _people(**changes):
    rng = np.random.default_rng(1)
    pictures = [_smooth(rng, 40, 60), _smooth(rng, 50, 30)]
    encoded = [cv2.imencode(".png", p[..., ::-1])[1].tobytes() for p in pictures]
    keypoints = rng.uniform(0, 30, (3, 17, 3))
    keypoints[..., 2] = 2
    keypoints[1, :, 2] = 0
    facts = {
        "file": "made here",
        "image_ids": np.array([7, 9]),
        "sizes": np.array([[60, 40], [30, 50]]),
        "encoded": encoded,
        "annotation_ids": np.array([1, 2, 3]),
        "image_index": np.array([0, 0, 1]),
        "boxes": rng.uniform(0, 20, (3, 4)),
        "keypoints": keypoints,
        "areas": np.array([10.0, 20.0, 30.0]),
        "crowds": np.array([False, False, True]),
        "dropped": 4,
    }
    return people.PeopleSet(**(facts | changes)), pictures


def test_people_come_back(tmp_path):
    path = tmp_path / "people.h5"
    written, pictures = _people()
    boxed, _ = _people(
        detection_image_index=np.array([1]),
        detection_boxes=np.array([[1.0, 2, 3, 4]]),
        detection_scores=np.array([0.5]),
    )
    people.write_people(path, {"train": written, "val": boxed}, identity="coco-tiny")
    read = people.read_people(path, "train")
    for name in ("image_ids", "sizes", "annotation_ids", "image_index", "areas", "crowds"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
    np.testing.assert_allclose(read.keypoints, written.keypoints, rtol=1e-6)
    assert read.dropped == 4 and read.detection_boxes is None
    np.testing.assert_array_equal(read.usable, [True, False, False])
    copy = pickle.loads(pickle.dumps(read))  # as a data loader's worker receives it
    for index, picture in enumerate(pictures):
        np.testing.assert_array_equal(read.image(index), picture)
        np.testing.assert_array_equal(copy.image(index), picture)
    np.testing.assert_array_equal(people.read_people(path, "val").detection_scores, [0.5])
    with pytest.raises(InputError, match="has no split test"):
        people.read_people(path, "test")
    people.write_people(
        tmp_path / "again.h5", {"val": boxed, "train": written}, identity="coco-tiny"
    )
    assert md5(path) == md5(tmp_path / "again.h5")


def test_damaged_images_are_named():
    broken, _ = _people(encoded=[b"no picture", b""])
    for index, number in enumerate((7, 9)):
        with pytest.raises(InputError, match=f"image {number} cannot be decoded"):
            broken.image(index)
    other, _ = _people(sizes=np.array([[61, 40], [30, 50]]))
    with pytest.raises(InputError, match="image 7 is 60x40, its annotation says 61x40"):
        other.image(0)
