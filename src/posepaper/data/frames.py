"""Pictures of videos, JPEG inside one HDF5 file: person crops, or whole frames."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from posepaper.data import jpeg
from posepaper.data.hdf5 import ByteStore, StoredBytes, create, opened
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


def write_videos(
    path: str | Path,
    videos: Iterable[tuple[str, float, Iterable[np.ndarray]]],
    *,
    identity: str | dict,
) -> None:
    """Writes whole frames as they come, one in memory at a time.

    Args:
        path: the archive.
        videos: (name, frames per second, frames (H, W, 3) uint8 RGB).
        identity: what the videos are.

    Raises:
        InputError: the disk does not take the file.
    """
    attributes = {"identity": identity, "units": "px", "encoding": f"jpeg-{jpeg.QUALITY}"}
    with create(path, "videos", attributes) as file:
        for name, fps, frames in videos:
            group = file.create_group(name)
            store = ByteStore(group)
            for image in frames:
                store.append(jpeg.encode(image))
                group.attrs["height"], group.attrs["width"] = image.shape[:2]
            store.finish()
            group.attrs["fps"] = fps


@dataclass(frozen=True)
class StoredVideo:
    """A video of an archive; its frames stay there until they are asked for."""

    name: str
    width: int
    height: int
    fps: float
    encoded: StoredBytes

    def __len__(self) -> int:
        return len(self.encoded)

    def frame(self, index: int) -> np.ndarray:
        """Frame ``index``, counted from 0: (H, W, 3) uint8 RGB."""
        return jpeg.decode(np.frombuffer(self.encoded[index], np.uint8))

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame in order."""
        return map(self.frame, range(len(self)))


def read_videos(path: str | Path) -> list[StoredVideo]:
    """The videos of an archive, by name.

    Raises:
        InputError: the archive is absent or damaged.
    """
    with opened(path, "videos") as file:
        return [_stored(path, name, file[name]) for name in sorted(file)]


def _stored(path: str | Path, name: str, group: h5py.Group) -> StoredVideo:
    facts = {key: int(group.attrs[key]) for key in ("width", "height")}
    encoded = StoredBytes(str(path), name, group["offsets"][()])
    return StoredVideo(name=name, fps=float(group.attrs["fps"]), encoded=encoded, **facts)
