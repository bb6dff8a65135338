"""The generated Human3.6M: poses, cameras, keypoint files and videos in the released formats."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from posepaper.files import atomic, write_json
from posepaper.skeleton import H36M, H36M_16, H36M_FROM_32
from posepaper.world.cameras import CAMERA_IDS, Camera, human36m_rig
from posepaper.world.detectors import DETECTORS, detect, hidden_joints
from posepaper.world.motion import FPS, Motion, make_motion
from posepaper.world.npz import write_objects
from posepaper.world.outfits import make_outfit
from posepaper.world.randomness import stream
from posepaper.world.render import draw_person, paint
from posepaper.world.scenery import Occluder, backdrop, make_occluder

TRAIN = ("S1", "S5", "S6", "S7", "S8")
TEST = ("S9", "S11")
SUBJECTS = TRAIN + TEST
_OCCLUDED = 0.25  # share of videos with something in front of the subject
_QUALITY = 48  # keeps the whole world's videos below 400 MB
_KEPT = list(H36M_FROM_32)
_WITHOUT_NOSE = [i for i, name in enumerate(H36M.joints) if name != "Neck/Nose"]


@dataclass(frozen=True)
class Shot:
    """One video to make: a motion seen by a camera, maybe past an occluder."""

    action: str
    motion: Motion
    frames: int
    camera: Camera
    occluder: Occluder | None
    seed: int

    @property
    def file(self) -> str:
        """Path of the video inside the data folder."""
        return f"{self.motion.subject}/Videos/{self.action}.{self.camera.name}.avi"


def take_names(actions, takes: int) -> dict[str, tuple[str, int]]:
    """Names as released ("Directions", "Directions 1", ...) -> (action, take)."""
    return {a if not t else f"{a} {t}": (a, t) for a in actions for t in range(takes)}


def make_shots(seed: int, subjects, actions, takes: int, frames: tuple[int, int]) -> list[Shot]:
    """Every video of the world, in a fixed order: subjects, takes, cameras.

    A motion runs one to three frames longer than its mocap, as detectors' files do.
    """
    shots = []
    for subject in subjects:
        rig = human36m_rig(seed, subject)
        for name, (action, take) in take_names(actions, takes).items():
            rng = stream(seed, "shot", subject, name)
            length = int(rng.integers(frames[0], frames[1], endpoint=True))
            extra = int(rng.integers(1, 3, endpoint=True))
            motion = make_motion(seed, subject, action, take, length + extra)
            for camera in rig:
                occluder = _occluder(seed, name, motion, camera)
                shots.append(Shot(name, motion, length, camera, occluder, seed))
    return shots


def _occluder(seed: int, name: str, motion: Motion, camera: Camera) -> Occluder | None:
    rng = stream(seed, "occluder", motion.subject, name, camera.name)
    if rng.random() >= _OCCLUDED:
        return None
    pixels, _ = camera.view(motion.points[:, 0])
    return make_occluder(rng, camera.width, camera.height, pixels.mean(axis=0))


def write_arrays(folder: Path, shots: list[Shot]) -> None:
    """Writes data_3d_h36m.npz, the data_2d_h36m_*.npz files and cameras_h36m.json."""
    poses, exact = {}, {}
    found = {detector.name: {} for detector in DETECTORS}
    cameras = {}
    for shot in shots:
        subject, action = shot.motion.subject, shot.action
        poses.setdefault(subject, {})[action] = shot.motion.joints[: shot.frames].copy()
        views = exact.setdefault(subject, {}).setdefault(action, [])
        pixels, seen = shot.camera.view(shot.motion.joints[:, _KEPT])
        views.append(pixels[: shot.frames].copy())
        hidden = hidden_joints(pixels, seen[..., 2], shot.camera.intrinsics[0])
        if shot.occluder:
            hidden |= shot.occluder.covers(pixels)
        for detector in DETECTORS:
            rng = stream(shot.seed, detector.name, subject, action, shot.camera.name)
            keypoints = detect(detector, pixels, hidden, rng)
            if detector.name.startswith("sh_"):
                keypoints = keypoints[:, _WITHOUT_NOSE]
            found[detector.name].setdefault(subject, {}).setdefault(action, []).append(keypoints)
        cameras.setdefault(subject, {})[shot.camera.name] = _camera_entry(shot.camera)
    write_objects(folder / "data_3d_h36m.npz", positions_3d=poses)
    for name, positions in {"gt": exact, **found}.items():
        skeleton = H36M_16 if name.startswith("sh_") else H36M
        metadata = {
            "layout_name": "h36m",
            "num_joints": len(skeleton.joints),
            "keypoints_symmetry": [list(skeleton.left), list(skeleton.right)],
        }
        path = folder / f"data_2d_h36m_{name}.npz"
        write_objects(path, positions_2d=positions, metadata=metadata)
    ordered = {s: [views[c] for c in CAMERA_IDS] for s, views in cameras.items()}
    write_json(folder / "cameras_h36m.json", ordered)


def _camera_entry(camera: Camera) -> dict:
    return {
        "id": camera.name,
        "fps": FPS,
        "width": camera.width,
        "height": camera.height,
        "intrinsics": camera.intrinsics.tolist(),
        "orientation": camera.orientation.tolist(),
        "translation": camera.translation.tolist(),
    }


@lru_cache(maxsize=8)
def _room(seed: int, subject: str, index: int) -> np.ndarray:
    camera = human36m_rig(seed, subject)[index]
    return backdrop(camera, seed, subject, camera.name)


def render(shot: Shot) -> Iterator[np.ndarray]:
    """The frames (H, W, 3) uint8 BGR of a video, as many as the mocap has."""
    motion, camera = shot.motion, shot.camera
    background = _room(shot.seed, motion.subject, CAMERA_IDS.index(camera.name))
    pixels, seen = camera.view(motion.points[: shot.frames])
    outfit = make_outfit(shot.seed, motion.subject)
    focal = camera.intrinsics[0]
    drawing = draw_person(pixels, seen, focal, motion.body, outfit, seated=motion.seated)
    for frame in range(shot.frames):
        image = background.copy()
        paint(image, drawing, frame)
        if shot.occluder:
            shot.occluder.paint(image)
        yield image


def write_video(path: Path, frames: Iterator[np.ndarray], size: tuple[int, int]) -> None:
    """Writes BGR frames of ``size`` (width, height) as Motion JPEG by OpenCV's own encoder.

    Its bytes depend on the frames alone.
    """
    codec = cv2.VideoWriter_fourcc(*"MJPG")
    with atomic(path) as part:
        video = cv2.VideoWriter(str(part), cv2.CAP_OPENCV_MJPEG, codec, float(FPS), size)
        video.set(cv2.VIDEOWRITER_PROP_QUALITY, _QUALITY)
        for frame in frames:
            video.write(frame)
        video.release()


def film(folder: Path, shot: Shot) -> int:
    """Renders and writes one video below ``folder``; returns its number of frames."""
    size = (shot.camera.width, shot.camera.height)
    write_video(folder / shot.file, render(shot), size)
    return shot.frames
