import json

import cv2
import numpy as np
import pytest

from posepaper.data import crops, human36m
from posepaper.data.frames import read_frames, write_frames
from posepaper.errors import InputError
from posepaper.files import md5, write_json

KEPT = [j for j in range(32) if j not in (4, 5, 9, 10, 11, 16, *range(20, 25), *range(28, 32))]
ACTIONS = ("Directions", "Directions 1", "Photo")


def _objects(path, **tables):
    np.savez(path, **{k: np.array(v, dtype=object) for k, v in tables.items()})


def _folder(tmp_path, frames=6, joints=17):
    rng = np.random.default_rng(0)
    subjects = ("S1", "S9", "S11")
    poses = {
        s: {a: rng.normal(size=(frames, 32, 3)).astype(np.float32) for a in ACTIONS}
        for s in subjects
    }
    views = {
        s: {a: [_pixels(rng, frames + 2, joints) for _ in range(4)] for a in ACTIONS}
        for s in subjects
    }
    _objects(tmp_path / "data_3d_h36m.npz", positions_3d=poses)
    _objects(tmp_path / "two.npz", positions_2d=views, metadata={"num_joints": joints})
    cameras = {s: [_camera(rng, name) for name in human36m.CAMERAS] for s in subjects}
    write_json(tmp_path / "cameras_h36m.json", cameras)
    return poses, views, cameras


def _pixels(rng, frames, joints):
    return rng.uniform(20, 200, (frames, joints, 2)).astype(np.float32)


def _camera(rng, name):
    q = rng.normal(size=4)
    return {
        "id": name,
        "width": 250,
        "height": 240,
        "intrinsics": [280.0, 280, 125, 120, 0, 0, 0, 0, 0],
        "orientation": (q / np.linalg.norm(q)).tolist(),
        "translation": rng.normal(size=3).tolist(),
    }


def _rotation(q):
    """Rotation matrix of a quaternion wxyz, the textbook formula."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_sequences_are_17_joints_in_each_cameras_frame(tmp_path):
    poses, _, cameras = _folder(tmp_path)
    found = human36m.sequences(tmp_path)
    assert len(found) == (3 * len(ACTIONS) - 1) * 4
    keys = [s.key for s in found]
    assert not any(k.startswith("S11/Directions/") for k in keys)
    assert "S11/Directions 1/54138969" in keys
    assert {s.subject: s.split for s in found} == {"S1": "train", "S9": "test", "S11": "test"}
    for sequence in found:
        camera = next(c for c in cameras[sequence.subject] if c["id"] == sequence.camera)
        world = poses[sequence.subject][sequence.action][:, KEPT].astype(np.float64)
        expected = (world - camera["translation"]) @ _rotation(camera["orientation"])
        np.testing.assert_allclose(sequence.positions, expected, atol=1e-5)
        assert sequence.positions.dtype == np.float32
        assert (sequence.width, sequence.height, sequence.fps) == (250, 240, 50.0)


@pytest.mark.parametrize("joints", [16, 17])
def test_keypoints_are_cut_to_the_mocap_and_17_joints(tmp_path, joints):
    _, views, _ = _folder(tmp_path, joints=joints)
    found = human36m.keypoints(tmp_path, "two.npz", human36m.sequences(tmp_path))
    for key, array in found.items():
        subject, action, camera = key.split("/")
        expected = views[subject][action][human36m.CAMERAS.index(camera)][:6]
        if joints == 16:
            neck = (expected[:, 8] + expected[:, 9]) / 2
            expected = np.insert(expected, 9, neck, axis=1)
        np.testing.assert_array_equal(array, expected)


def _poses_fault(change):
    def make(tmp_path):
        poses, _, _ = _folder(tmp_path)
        change(poses)
        _objects(tmp_path / "data_3d_h36m.npz", positions_3d=poses)

    return make


def _views_fault(change, joints=17):
    def make(tmp_path):
        _, views, _ = _folder(tmp_path)
        change(views)
        _objects(tmp_path / "two.npz", positions_2d=views, metadata={"num_joints": joints})

    return make


def _cameras_fault(change):
    def make(tmp_path):
        _, _, cameras = _folder(tmp_path)
        change(cameras)
        (tmp_path / "cameras_h36m.json").write_text(json.dumps(cameras))

    return make


def _truncated(tmp_path):
    _folder(tmp_path)
    path = tmp_path / "data_3d_h36m.npz"
    path.write_bytes(path.read_bytes()[:-100])


def _shorter(views):
    views["S9"]["Photo"][2] = views["S9"]["Photo"][2][:5]


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (_truncated, "data_3d_h36m.npz: is cut off or damaged"),
        (
            _poses_fault(lambda p: p["S1"].update(Photo=np.zeros((3, 31, 3)))),
            "data_3d_h36m.npz: S1 Photo has 31 joints, not 32",
        ),
        (
            _poses_fault(lambda p: p["S9"]["Photo"].__setitem__((2, 3, 1), np.nan)),
            "S9 Photo has a coordinate that is not a finite number at frame 2",
        ),
        (_poses_fault(lambda p: p.update(S3=p["S1"])), "has the unknown subject S3"),
        (_poses_fault(lambda p: p.update(S5=p["S1"])), "cameras_h36m.json: has no cameras of S5"),
        (_poses_fault(lambda p: p.clear()), "has no table positions_3d"),
        (_views_fault(_shorter), "two.npz: S9/Photo/58860488 has 5 frames, fewer than the 6"),
        (_views_fault(lambda v: v.pop("S9")), "has no S9 Directions; its subjects are not"),
        (_views_fault(lambda v: v["S9"].pop("Photo")), "has no S9 Photo; its takes are not"),
        (_views_fault(lambda v: v["S9"]["Photo"].pop()), "S9 Photo has 3 cameras, not 4"),
        (_views_fault(lambda v: None, joints=16), "has 17 joints, not 16"),
        (_views_fault(lambda v: None, joints=19), "say 19 joints"),
        (_cameras_fault(lambda c: c["S1"][0].update(id="7")), "S1 has an unknown camera 7"),
        (_cameras_fault(lambda c: c.update(S1=4)), "is not a table of subjects and their cameras"),
        (_views_fault(lambda v: v["S9"].update(Photo=None)), "S9 Photo has 0 cameras, not 4"),
        (_cameras_fault(lambda c: c["S1"][0].pop("width")), "a camera of S1 is incomplete"),
        (_cameras_fault(lambda c: c["S1"][0].update(intrinsics=[1])), "a camera of S1 is incomple"),
    ],
)
def test_faults_are_named(tmp_path, make, fault):
    make(tmp_path)
    with pytest.raises(InputError, match=fault) as caught:
        human36m.keypoints(tmp_path, "two.npz", human36m.sequences(tmp_path))
    assert "\n" not in str(caught.value)


def _film(path, frames=6):
    """A white dot that moves 5 px a frame on black, as MJPG AVI; returns its places."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, fourcc, 25.0, (250, 240))
    places = [(100 + 5 * t, 120) for t in range(frames)]
    for place in places:
        image = np.zeros((240, 250, 3), np.uint8)
        cv2.circle(image, place, 5, (0, 0, 255), -1)
        writer.write(image)
    writer.release()
    return np.array(places, dtype=np.float64)


def _one(tmp_path, action="Directions"):
    _folder(tmp_path)
    sequence = next(s for s in human36m.sequences(tmp_path) if s.key == f"S1/{action}/54138969")
    boxes = np.tile(np.array([80.0, 80, 60, 90], np.float32), (6, 1))
    return sequence, {sequence.key: boxes}


def test_frames_show_the_person_where_the_transform_says(tmp_path):
    sequence, boxes = _one(tmp_path)
    places = _film(tmp_path / "S1/Videos/Directions.54138969.avi", 8)
    for name in ("one.h5", "two.h5"):
        stream = human36m.frames(tmp_path, [sequence], boxes, (64, 48))
        write_frames(tmp_path / name, stream, identity="tiny")
    assert md5(tmp_path / "one.h5") == md5(tmp_path / "two.h5")
    images, transforms = read_frames(tmp_path / "one.h5", sequence.key)
    assert images.shape == (6, 64, 48, 3) and transforms.shape == (6, 2, 3)
    rows, columns = np.mgrid[:64, :48]
    red = np.where(images[..., 0] > 60, images[..., 0].astype(float), 0)
    assert images[..., 2].max() < 100  # the dot is red, so channels are RGB
    total = red.sum(axis=(1, 2))
    seen = np.stack([(red * columns).sum((1, 2)) / total, (red * rows).sum((1, 2)) / total], -1)
    back = crops.transform_points(seen[:, None], transforms)[:, 0]
    np.testing.assert_allclose(back, places[:6], atol=0.7)


def test_the_releases_other_video_names_are_found(tmp_path):
    sequence, boxes = _one(tmp_path, "Photo")
    _film(tmp_path / "S1/Videos/TakingPhoto.54138969.avi")
    assert next(human36m.frames(tmp_path, [sequence], boxes, (64, 48)))[0] == sequence.key


@pytest.mark.parametrize(
    ("frames", "box", "fault"),
    [
        (0, None, "Directions.54138969.avi: is not there"),
        (4, None, "has 4 frames, fewer than the 6"),
        (6, [260, 10, 40, 40], "the box of frame 3 lies outside the image"),
        (6, [10, 10, 0, 40], "the box of frame 3 lies outside the image or has no area"),
    ],
)
def test_bad_videos_and_boxes(tmp_path, frames, box, fault):
    sequence, boxes = _one(tmp_path)
    if frames:
        _film(tmp_path / "S1/Videos/Directions.54138969.avi", frames)
    if box:
        boxes[sequence.key][3] = box
    stream = human36m.frames(tmp_path, [sequence], boxes, (64, 48))
    with pytest.raises(InputError, match=fault):
        write_frames(tmp_path / "f.h5", stream, identity="tiny")
    assert not (tmp_path / "f.h5").exists()
