"""The HDF5 layout of 2D predictions: a row per person box that a network was applied to."""

from pathlib import Path

import numpy as np

from posepaper.data.hdf5 import create, opened
from posepaper.errors import InputError

NAMES = ("image_index", "keypoints", "keypoint_scores", "box_scores", "areas")


def write_detections(path: str | Path, arrays: dict[str, np.ndarray], *, identity: dict) -> None:
    """Writes ``image_index`` (D,), ``keypoints`` (D, 17, 2) image pixels, ``keypoint_scores``
    (D, 17), ``box_scores`` (D,) and ``areas`` (D,) of the crops' regions in square pixels.

    Raises:
        InputError: the disk does not take the file.
    """
    with create(path, "detections", {"identity": identity, "units": "px"}) as file:
        for name in NAMES:
            file[name] = arrays[name]


def read_detections(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of :func:`write_detections`.

    Raises:
        InputError: the file is absent, damaged or incomplete.
    """
    with opened(path, "detections") as file:
        absent = [name for name in NAMES if name not in file]
        if absent:
            raise InputError(path, f"has no '{absent[0]}'", "Predict again")
        return {name: file[name][()] for name in NAMES}
