"""Human3.6M's files: real formats, consistent geometry, credible detectors, visible people."""

import json

import cv2
import numpy as np
import pytest

from posepaper.geometry import project, world_to_camera
from posepaper.skeleton import H36M_FROM_32
from posepaper.world.cameras import human36m_rig
from posepaper.world.detectors import DETECTORS, detect
from posepaper.world.human36m import make_shots, render
from posepaper.world.randomness import stream

FILES = {"gt": 17, "cpn_ft_h36m_dbb": 17, "detectron_ft_h36m": 17, "sh_ft_h36m": 16}
KEPT = list(H36M_FROM_32)


def load(path, name):
    # The test's own file, made a moment ago: nothing of a stranger's is unpickled.
    return np.load(path, allow_pickle=True)[name]


def test_poses_are_a_0d_object_array_of_32_joints(tiny, settings):
    stored = load(tiny / "data_3d_h36m.npz", "positions_3d")
    assert stored.shape == () and stored.dtype == object
    poses = stored.item()
    assert list(poses) == settings["subjects"]
    for actions in poses.values():
        assert list(actions) == ["Sitting", "Sitting 1", "Walking", "Walking 1"]
        for positions in actions.values():
            assert positions.shape[1:] == (32, 3) and positions.dtype == np.float32
            assert 10 <= len(positions) <= 12


@pytest.mark.parametrize("name", FILES)
def test_keypoints_are_lists_of_four_cameras(tiny, name):
    path = tiny / f"data_2d_h36m_{name}.npz"
    poses = load(tiny / "data_3d_h36m.npz", "positions_3d").item()
    metadata = load(path, "metadata").item()
    assert metadata["num_joints"] == FILES[name] and metadata["layout_name"] == "h36m"
    assert [len(side) for side in metadata["keypoints_symmetry"]] == [6, 6]
    for subject, actions in load(path, "positions_2d").item().items():
        for action, cameras in actions.items():
            frames = len(poses[subject][action])
            assert isinstance(cameras, list) and len(cameras) == 4
            for pixels in cameras:
                assert pixels.dtype == np.float32 and pixels.shape[1:] == (FILES[name], 2)
                assert (len(pixels) == frames) if name == "gt" else (len(pixels) > frames)


def test_exact_keypoints_are_the_projected_poses(tiny):
    cameras = json.loads((tiny / "cameras_h36m.json").read_text())
    poses = load(tiny / "data_3d_h36m.npz", "positions_3d").item()
    exact = load(tiny / "data_2d_h36m_gt.npz", "positions_2d").item()
    for subject, views in cameras.items():
        assert [c["id"] for c in views] == ["54138969", "55011271", "58860488", "60457274"]
        for index, c in enumerate(views):
            assert (c["width"], c["height"], len(c["intrinsics"])) == (250, 250, 9)
            for action, positions in poses[subject].items():
                seen = world_to_camera(positions[:, KEPT], c["orientation"], c["translation"])
                pixels = project(seen, np.array(c["intrinsics"]))
                assert np.abs(pixels - exact[subject][action][index]).max() < 1e-3


def test_cameras_stand_upright_around_the_stage():
    for camera in human36m_rig(0, "S1"):
        assert np.linalg.norm(camera.orientation) == pytest.approx(1, abs=1e-6)
        head, seen = camera.view(np.array([[0.1, 0.3, 1.7], [0.1, 0.3, 0.0]]))
        assert (seen[:, 2] > 3).all() and head[0, 1] < head[1, 1] - 50
        assert ((head > 0) & (head < 250)).all()
    # What camera 1 sees on its right, camera 2 across the room sees on its left.
    step = np.array([[0.1, 0.3, 1.0], [0.6, 0.3, 1.0]])
    shifts = [np.diff(c.view(step)[0][:, 0])[0] for c in human36m_rig(0, "S1")]
    assert shifts[0] * shifts[1] < 0 and shifts[0] * shifts[2] > 0


def errors(detector, frames=1200, hidden=False):
    exact = np.zeros((frames, 17, 2))
    exact[:, 10, 1] = 100.0
    mask = np.full((frames, 17), hidden)
    found = detect(detector, exact, mask, stream(0, "test", detector.name))
    return (found - exact)[np.abs(found - exact).max(axis=(1, 2)) < 60]


def test_detectors_are_ordered_and_wider_at_the_wrists_and_where_hidden():
    mean = [np.linalg.norm(errors(d), axis=-1).mean() for d in DETECTORS]
    assert [d.name.split("_")[0] for d in DETECTORS] == ["cpn", "detectron", "sh"]
    assert 0.9 < mean[0] < mean[1] < mean[2] < 4
    for detector in DETECTORS:
        joint = np.linalg.norm(errors(detector), axis=-1).mean(axis=0)
        assert min(joint[[13, 16]]) > 1.5 * joint[0]
        covered = np.linalg.norm(errors(detector, hidden=True), axis=-1).mean()
        assert covered > 1.5 * np.linalg.norm(errors(detector), axis=-1).mean()


def test_detector_errors_drift_instead_of_flickering():
    for detector in DETECTORS:
        wrong = errors(detector)[:, 10, 0]
        wrong = wrong - wrong.mean()
        assert 0.5 < np.mean(wrong[1:] * wrong[:-1]) / np.mean(wrong**2) < 0.95


def test_left_and_right_are_confused_now_and_then():
    exact = np.zeros((1500, 17, 2))
    exact[:, [4, 5, 6, 11, 12, 13], 0] = 50.0
    exact[:, [1, 2, 3, 14, 15, 16], 0] = -50.0
    exact[:, 10, 1] = 100.0
    for detector in DETECTORS:
        rng = stream(0, "swap", detector.name)
        found = detect(detector, exact, np.zeros((1500, 17), bool), rng)
        share = np.mean(found[:, 12, 0] < 0)
        assert 0 < share < 0.05
        assert ((found[:, 12, 0] < 0) == (found[:, 15, 0] > 0)).all()


def read(path):
    video, frames = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        frames.append(read[1])
    return np.array(frames), video.get(cv2.CAP_PROP_FPS)


def test_videos_have_the_mocaps_length_and_people_at_their_keypoints(tiny):
    exact = load(tiny / "data_2d_h36m_gt.npz", "positions_2d").item()
    shots = make_shots(3, ["S9"], ["Walking"], 1, (10, 12))
    for index, shot in enumerate(shots):
        frames, fps = read(tiny / shot.file)
        pixels = exact["S9"]["Walking"][index]
        assert frames.shape == (len(pixels), 250, 250, 3) and fps == 25
        drawn = np.array(list(render(shot)))
        assert np.abs(frames.astype(int) - drawn).mean() < 4
        if shot.occluder:
            continue
        # Walking moves: what stands still in the median of all frames is background.
        columns, rows = np.clip(pixels[0].astype(int), 0, 249).T
        empty = np.median(drawn, axis=0)
        changed = np.abs(drawn[0] - empty).sum(axis=-1) > 12
        near = cv2.dilate(changed.astype(np.uint8), np.ones((5, 5)))[rows, columns]
        assert near.mean() > 0.5


def test_the_left_leg_looks_warm_and_the_right_one_cool():
    shots = make_shots(0, ["S1", "S9"], ["Walking"], 1, (8, 8))
    warmth = {"left": [], "right": []}
    for shot in (s for s in shots if not s.occluder):
        pixels, seen = shot.camera.view(shot.motion.points[: shot.frames])
        for frame, image in enumerate(render(shot)):
            near_left = seen[frame, 7, 2] < seen[frame, 2, 2]
            side, knee = ("left", 7) if near_left else ("right", 2)
            x, y = pixels[frame, knee].astype(int)
            blue, _, red = image[y, x].astype(int)
            warmth[side].append(red - blue)
    assert np.median(warmth["left"]) > 40 and np.median(warmth["right"]) < -20


def test_the_factory_video_is_short_and_moves(tiny):
    frames, fps = read(tiny / "video" / "factory.avi")
    assert frames.shape == (60, 240, 320, 3) and fps == 25
    assert np.abs(frames[30].astype(int) - frames[0]).max() > 80
