"""The HDF5 layouts of poses, keypoints and predictions: a group per sequence, all float32."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from posepaper.data.checks import check_array
from posepaper.data.hdf5 import create, opened, read_attributes

__all__ = [
    "PoseSequence",
    "count_frames",
    "read_attributes",
    "read_keypoints",
    "read_poses",
    "read_predictions",
    "shortest",
    "write_keypoints",
    "write_poses",
    "write_predictions",
]


# Sequences of a few: statistics over recordings need several.
FEWEST = 4


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """One take of one person seen by one camera.

    ``positions`` (T, J, 3) float32 metres, camera frame (x right, y down, z forward), absolute.
    ``width`` and ``height`` are the image's pixels, ``fps`` the frame rate. ``valid`` (T,) bool
    marks the frames that count in evaluation (None: all). ``split`` is "train" or "test", and
    ``split_by`` says what the two do not share: "subject" or "clip".
    """

    subject: str
    action: str
    camera: str
    split: str
    positions: np.ndarray
    width: int
    height: int
    fps: float
    valid: np.ndarray | None = None
    split_by: str = "subject"

    @property
    def key(self) -> str:
        """``subject/action/camera``, the sequence's name in every file."""
        return f"{self.subject}/{self.action}/{self.camera}"


_FACTS = ("subject", "action", "camera", "split", "split_by", "width", "height", "fps")


def write_poses(
    path: str | Path,
    sequences: Iterable[PoseSequence],
    *,
    identity: str | dict,
    joints: Iterable[str],
    root: int,
) -> None:
    """Writes a 3D dataset: camera-frame metres, joint names and the root joint's index.

    Raises:
        InputError: a sequence has another joint count or coordinates that are no numbers, or the
            disk does not take the file.
    """
    joints = list(joints)
    attributes = {"identity": identity, "joints": joints, "root": int(root), "units": "m"}
    with create(path, "poses", attributes) as file:
        for sequence in sorted(sequences, key=lambda s: s.key):
            check_array(path, sequence.key, sequence.positions, len(joints), 3)
            group = file.create_group(sequence.key)
            for name in _FACTS:
                group.attrs[name] = getattr(sequence, name)
            group["positions"] = np.asarray(sequence.positions, dtype=np.float32)
            if sequence.valid is not None:
                group["valid"] = np.asarray(sequence.valid, dtype=bool)


def read_poses(path: str | Path, split: str | None = None) -> list[PoseSequence]:
    """Reads the sequences of one split (None: all), sorted by key.

    Raises:
        InputError: the file is absent, damaged or holds something else.
    """
    with opened(path, "poses") as file:
        groups = [file[key] for key in _keys(file, "positions")]
        return [_sequence(g) for g in groups if split is None or g.attrs["split"] == split]


def shortest(sequences: Iterable[PoseSequence], frames: int) -> list[PoseSequence]:
    """Short sequences, four at least, until there are ``frames``; all where there are fewer.

    The shortest of each action first, then the second shortest, and so on; those of which no
    frame counts in evaluation are left out.
    """
    ranks: dict[str, int] = {}
    ranked = []
    for sequence in sorted(sequences, key=lambda s: (len(s.positions), s.key)):
        if sequence.valid is None or sequence.valid.any():
            rank = ranks[sequence.action] = ranks.get(sequence.action, 0) + 1
            ranked.append((rank, len(sequence.positions), sequence.key, sequence))
    found: list[PoseSequence] = []
    for *_, sequence in sorted(ranked, key=lambda entry: entry[:3]):
        if len(found) >= FEWEST and sum(len(s.positions) for s in found) >= frames:
            break
        found.append(sequence)
    return found


def count_frames(path: str | Path) -> dict[str, int]:
    """How many frames of poses each split has.

    Raises:
        InputError: the file is absent, damaged or holds something else.
    """
    found: dict[str, int] = {}
    with opened(path, "poses") as file:
        for key in _keys(file, "positions"):
            split = file[key].attrs["split"]
            found[split] = found.get(split, 0) + len(file[key]["positions"])
    return found


def _sequence(group: h5py.Group) -> PoseSequence:
    a = group.attrs
    return PoseSequence(
        subject=a["subject"],
        action=a["action"],
        camera=a["camera"],
        split=a["split"],
        positions=group["positions"][()],
        width=int(a["width"]),
        height=int(a["height"]),
        fps=float(a["fps"]),
        valid=group["valid"][()] if "valid" in group else None,
        split_by=a["split_by"],
    )


def _keys(file: h5py.File, leaf: str) -> list[str]:
    found = []

    def note(name, node):
        if isinstance(node, h5py.Dataset) and name.endswith("/" + leaf):
            found.append(name.removesuffix("/" + leaf))

    file.visititems(note)
    return sorted(found)


def write_keypoints(
    path: str | Path,
    keypoints: Mapping[str, np.ndarray],
    *,
    identity: str | dict,
    joints: Iterable[str],
    mapping: str = "",
) -> None:
    """Writes 2D keypoints (T, J, 2) in pixels by sequence key.

    ``mapping`` tells how joints were made from another joint set, "" where they are the source's.

    Raises:
        InputError: as :func:`write_poses`.
    """
    joints = list(joints)
    attributes = {"identity": identity, "joints": joints, "mapping": mapping, "units": "px"}
    with create(path, "keypoints", attributes) as file:
        _write_arrays(file, path, keypoints, "keypoints", len(joints), 2)


def read_keypoints(path: str | Path) -> dict[str, np.ndarray]:
    """Reads 2D keypoints (T, J, 2) float32 pixels by sequence key.

    Raises:
        InputError: the file is absent, damaged or holds something else.
    """
    with opened(path, "keypoints") as file:
        return {key: file[key]["keypoints"][()] for key in _keys(file, "keypoints")}


def write_predictions(
    path: str | Path, predictions: Mapping[str, np.ndarray], *, identity: dict
) -> None:
    """Writes predicted poses (T, J, 3) by sequence key: metres, camera frame, root-relative.

    Raises:
        InputError: a prediction is not finite, or the disk does not take the file.
    """
    with create(path, "predictions", {"identity": identity, "units": "m"}) as file:
        _write_arrays(file, path, predictions, "positions", None, 3)


def read_predictions(path: str | Path) -> tuple[dict[str, np.ndarray], dict]:
    """Reads predicted poses (T, J, 3) float32 by sequence key, and their identity.

    Raises:
        InputError: the file is absent, damaged or holds something else.
    """
    with opened(path, "predictions") as file:
        arrays = {key: file[key]["positions"][()] for key in _keys(file, "positions")}
    return arrays, read_attributes(path)["identity"]


def _write_arrays(file, path, arrays, leaf: str, joints: int | None, channels: int) -> None:
    for key in sorted(arrays):
        check_array(path, key, arrays[key], joints, channels)
        file.create_group(key)[leaf] = np.asarray(arrays[key], dtype=np.float32)
