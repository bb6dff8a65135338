"""The HDF5 layout of what was found in videos: person boxes, 2D keypoints and 3D poses."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepaper.data.hdf5 import create, opened, read_attributes
from posepaper.skeleton import COCO, H36M

_ARRAYS = ("boxes", "present", "detected", "keypoints", "scores", "points", "poses")


@dataclass(frozen=True, eq=False)
class VideoPoses:
    """One person over the T frames of a video; all arrays NaN where nobody is ``present``.

    ``boxes`` (T, 4) xywh pixels, ``present`` and ``detected`` (T,) as
    :class:`posepaper.data.tracking.Track`, ``keypoints`` (T, 17, 2) pixels in COCO's joints with
    ``scores`` (T, 17), ``points`` (T, 17, 2) the same in Human3.6M's joints, ``poses``
    (T, 17, 3) metres, camera axes, root-relative, Human3.6M's joints.
    """

    width: int
    height: int
    fps: float
    boxes: np.ndarray
    present: np.ndarray
    detected: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    points: np.ndarray
    poses: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


def write_video_poses(
    path: str | Path, videos: Mapping[str, VideoPoses | None], *, identity: dict
) -> None:
    """Writes what was found, by video; None where a video shows nobody.

    Raises:
        InputError: the disk does not take the file.
    """
    joints = {"keypoint_joints": list(COCO.joints), "joints": list(H36M.joints)}
    with create(path, "video-poses", {"identity": identity, "units": "px, m", **joints}) as file:
        for name in sorted(videos):
            group, found = file.create_group(name), videos[name]
            group.attrs["found"] = found is not None
            if found is None:
                continue
            for fact in ("width", "height", "fps"):
                group.attrs[fact] = getattr(found, fact)
            for array in _ARRAYS:
                value = np.asarray(getattr(found, array))
                group[array] = value if value.dtype == bool else value.astype(np.float32)


def read_video_poses(path: str | Path) -> tuple[dict[str, VideoPoses | None], dict]:
    """What :func:`write_video_poses` wrote, and its identity.

    Raises:
        InputError: the file is absent, damaged or holds something else.
    """
    with opened(path, "video-poses") as file:
        found: dict[str, VideoPoses | None] = {}
        for name in sorted(file):
            group, found[name] = file[name], None
            if group.attrs["found"]:
                sizes = {key: int(group.attrs[key]) for key in ("width", "height")}
                arrays = {key: group[key][()] for key in _ARRAYS}
                found[name] = VideoPoses(fps=float(group.attrs["fps"]), **sizes, **arrays)
    return found, read_attributes(path)["identity"]
