"""The generated MPI-INF-3DHP: the two npz files of the public preprocessing, no images.

Joint order is MPI-INF-3DHP's, positions are camera space millimetres, keypoints exact pixels.
"""

from pathlib import Path

import numpy as np

from posepaper.world.actions import ACTIONS
from posepaper.world.body import POINT
from posepaper.world.cameras import Camera, plain_camera
from posepaper.world.motion import FPS, make_motion
from posepaper.world.npz import write_objects
from posepaper.world.randomness import stream

TRAIN_SUBJECTS = tuple(f"S{k}" for k in range(1, 9))
SEQUENCES = ("Seq1", "Seq2")
TRAIN_CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
TEST_SEQUENCES = tuple(f"TS{k}" for k in range(1, 7))
_WIDE = ("TS5", "TS6")  # filmed outdoors at 1920 x 1080
_POINTS = [15, 13, 25, 26, 27, 17, 18, 19, 1, 2, 3, 6, 7, 8, 0, 12, POINT["head_centre"]]


def write_arrays(folder: Path, seed: int, frames: tuple[int, int]) -> None:
    """Writes data_train_3dhp.npz (8 subjects x 2 sequences x 8 cameras) and data_test_3dhp.npz."""
    train = {
        f"{subject} {sequence}": _train_sequence(seed, subject, sequence, frames)
        for subject in TRAIN_SUBJECTS
        for sequence in SEQUENCES
    }
    test = {name: _test_sequence(seed, name, frames) for name in TEST_SEQUENCES}
    write_objects(folder / "data_train_3dhp.npz", data=train)
    write_objects(folder / "data_test_3dhp.npz", data=test)


def _train_sequence(seed: int, subject: str, sequence: str, frames: tuple[int, int]) -> list:
    points = _points(seed, subject, sequence, frames)
    return [{str(k): _annotate(_studio_camera(k), points) for k in TRAIN_CAMERAS}, FPS]


def _test_sequence(seed: int, name: str, frames: tuple[int, int]) -> dict:
    points = _points(seed, name, "test", frames)
    rng = stream(seed, "3dhp", name, "valid")
    valid = np.ones(len(points), dtype=np.uint8)
    start = int(rng.integers(0, len(points) // 2))
    valid[start : start + int(rng.integers(1, max(2, len(points) // 5)))] = 0
    return {**_annotate(_test_camera(name), points), "valid": valid}


def _points(seed: int, subject: str, sequence: str, frames: tuple[int, int]) -> np.ndarray:
    """(T, 17, 3) world metres of one action, drawn at random."""
    rng = stream(seed, "3dhp", subject, sequence)
    length = int(rng.integers(frames[0], frames[1], endpoint=True))
    action = list(ACTIONS)[rng.integers(len(ACTIONS))]
    return make_motion(seed, f"3dhp {subject}", action, sequence, length).points[:, _POINTS]


def _annotate(camera: Camera, points: np.ndarray) -> dict[str, np.ndarray]:
    pixels, seen = camera.view(points)
    millimetres = seen.astype(np.float32) * np.float32(1000)
    return {"data_2d": pixels.astype(np.float32), "data_3d": millimetres}


def _studio_camera(index: int) -> Camera:
    """One of the studio's fourteen cameras: three heights around the stage."""
    angle = 2 * np.pi * (index * 0.382 % 1)
    height, distance = (0.7, 1.5, 2.6)[index % 3], 3.7
    position = (0.1 + distance * np.cos(angle), 0.3 + distance * np.sin(angle), height)
    return plain_camera(index, (2048, 2048), 1498.0, position, (0.1, 0.3, 0.95))


def _test_camera(name: str) -> Camera:
    angle = 1.1 * TEST_SEQUENCES.index(name)
    size, focal = ((1920, 1080), 1683.0) if name in _WIDE else ((2048, 2048), 1500.0)
    distance = 6.2 if name in _WIDE else 4.0
    position = (0.1 + distance * np.cos(angle), 0.3 + distance * np.sin(angle), 1.4)
    return plain_camera(name, size, focal, position, (0.1, 0.3, 0.95))
