"""MPI-INF-3DHP in the two npz files of the public preprocessing (P-STMO's).

Camera-frame metres, 17 joints in the order of :data:`posepaper.skeleton.MPI3DHP`. Eight of the
fourteen studio cameras train; TS1-TS6 test, scored where ``valid``. Images are 2048 x 2048,
those of TS5 and TS6 1920 x 1080.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from posepaper.data.checks import check_array
from posepaper.data.layout import PoseSequence
from posepaper.data.restricted import load_npz
from posepaper.errors import InputError

TRAIN_FILE, TEST_FILE = "data_train_3dhp.npz", "data_test_3dhp.npz"
CAMERAS = ("0", "1", "2", "4", "5", "6", "7", "8")

_TEST = tuple(f"TS{k}" for k in range(1, 7))
_WIDE = ("TS5", "TS6")
_STUDIO_SIZE, _WIDE_SIZE = (2048, 2048), (1920, 1080)
_TEST_ACTION, _TEST_CAMERA = "Seq1", "0"
# The test npz names no rate; its metrics are per frame and do not use one.
_TEST_FPS = 25.0
_REMEDY = "Make it with the public preprocessing again"


def sequences(folder: str | Path) -> list[PoseSequence]:
    """All takes: "S1/Seq1/0" and so on to train, "TS1/Seq1/0" to "TS6/Seq1/0" to test.

    Raises:
        InputError: a file is absent or malformed, a camera or take is unknown, or 2D, 3D and
            valid flags differ in length.
    """
    return [sequence for sequence, _ in _all(Path(folder))]


def keypoints(folder: str | Path) -> dict[str, np.ndarray]:
    """The exact 2D keypoints (T, 17, 2) float32 pixels by sequence key.

    Raises:
        InputError: as :func:`sequences`.
    """
    return {sequence.key: pixels for sequence, pixels in _all(Path(folder))}


def _all(folder: Path) -> Iterator[tuple[PoseSequence, np.ndarray]]:
    yield from _train(folder / TRAIN_FILE)
    yield from _test(folder / TEST_FILE)


def _table(path: Path) -> dict:
    table = load_npz(path).get("data")
    if not isinstance(table, dict) or not table:
        raise InputError(path, "has no table data", _REMEDY)
    return table


def _train(path: Path) -> Iterator[tuple[PoseSequence, np.ndarray]]:
    for name, take in _table(path).items():
        try:
            (subject, action), (cameras, fps) = name.split(" "), take
            fps = float(np.ravel(fps)[0])
            cameras = {str(camera): view for camera, view in cameras.items()}
        except (AttributeError, TypeError, ValueError, IndexError):
            raise InputError(path, f"{name} is not [cameras, fps]", _REMEDY) from None
        for camera, view in cameras.items():
            if camera not in CAMERAS:
                fault = f"{name} has an unknown camera {camera}"
                raise InputError(path, fault, f"Cameras are {', '.join(CAMERAS)}")
            yield _read(path, (subject, action, camera), "train", view, _STUDIO_SIZE, fps)


def _test(path: Path) -> Iterator[tuple[PoseSequence, np.ndarray]]:
    for name, view in _table(path).items():
        if name not in _TEST:
            raise InputError(path, f"has an unknown take {name}", f"Takes are {', '.join(_TEST)}")
        size = _WIDE_SIZE if name in _WIDE else _STUDIO_SIZE
        yield _read(path, (name, _TEST_ACTION, _TEST_CAMERA), "test", view, size, _TEST_FPS)


def _read(
    path: Path, names: tuple[str, str, str], split: str, view: dict, size: tuple[int, int], fps
) -> tuple[PoseSequence, np.ndarray]:
    label = " ".join(names)
    wanted = ("data_2d", "data_3d") + (("valid",) if split == "test" else ())
    if not isinstance(view, dict) or not set(wanted) <= set(view):
        raise InputError(path, f"{label} has not all of {', '.join(wanted)}", _REMEDY)
    pixels = check_array(path, f"{label} data_2d", view["data_2d"], 17, 2)
    positions = check_array(path, f"{label} data_3d", view["data_3d"], 17, 3)
    valid = np.ravel(view["valid"]).astype(bool) if split == "test" else None
    lengths = [len(pixels), len(positions)]
    lengths += [] if valid is None else [len(valid)]
    if len(set(lengths)) > 1:
        fault = f"{label} has {', '.join(wanted)} of {', '.join(map(str, lengths))} frames"
        raise InputError(path, fault, _REMEDY)
    metres = positions.astype(np.float32) / np.float32(1000)
    sequence = PoseSequence(*names, split, metres, *size, fps, valid)
    return sequence, pixels.astype(np.float32)
