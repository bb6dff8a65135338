"""The archive of person crops cut from the 3D dataset's videos, JPEG inside one HDF5 file."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from posepaper.data import jpeg
from posepaper.data.hdf5 import create, opened
from posepaper.errors import InputError


def write_frames(
    path: str | Path,
    sequences: Iterable[tuple[str, np.ndarray, np.ndarray]],
    *,
    identity: str | dict,
) -> None:
    """Writes crops as they come, one sequence in memory at a time.

    Args:
        path: the archive.
        sequences: (key, crops (T, h, w, 3) uint8 RGB, transforms (T, 2, 3) from crop to frame
            pixels).
        identity: what the crops were made of.

    Raises:
        InputError: the disk does not take the file.
    """
    attributes = {"identity": identity, "units": "px", "encoding": f"jpeg-{jpeg.QUALITY}"}
    with create(path, "frames", attributes) as file:
        for key, crops, transforms in sequences:
            group = file.create_group(key)
            encoded = [jpeg.encode(image) for image in crops]
            group["bytes"] = np.frombuffer(b"".join(encoded), np.uint8)
            group["offsets"] = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
            group["transforms"] = np.asarray(transforms, dtype=np.float32)


def read_frames(path: str | Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Crops (T, h, w, 3) uint8 RGB of one sequence, and transforms (T, 2, 3) crop to frame pixels.

    Raises:
        InputError: the archive is absent or damaged, or has no such sequence.
    """
    with opened(path, "frames") as file:
        if f"{key}/offsets" not in file:
            raise InputError(path, f"has no sequence {key}", "Rebuild it from the study's data")
        group = file[key]
        data, offsets = group["bytes"][()], group["offsets"][()]
        transforms = group["transforms"][()]
    images = [jpeg.decode(data[a:b]) for a, b in itertools.pairwise(offsets)]
    return np.stack(images), transforms


def frame_keys(path: str | Path) -> list[str]:
    """Keys of the sequences in an archive, sorted.

    Raises:
        InputError: the archive is absent or damaged.
    """
    found = []

    def note(name, node):
        if isinstance(node, h5py.Group) and "offsets" in node:
            found.append(name)

    with opened(path, "frames") as file:
        file.visititems(note)
    return sorted(found)
