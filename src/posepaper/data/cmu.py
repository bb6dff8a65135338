"""CMU motion capture seen by four virtual calibrated cameras: the open study's 3D data.

The archive holds BVH clips of a MotionBuilder skeleton (y up, 120 frames a second, one unit is
25.4/0.45 mm); an index names each clip's subject and coarse action. Of every clip

* frame 0 is dropped, an inserted T-pose;
* a step in which one of the 17 joints is faster than 12 m/s is a glitch (knees that swap sides,
  hands that jump): the clip is cut there, and pieces shorter than one second are left out,
  since those between two glitches are mostly the wrong pose;
* every fourth frame stays, 30 a second.

An action that several subjects do is split by subject: 05 and 35 are held out. Between them they
do all four such actions and no other, so nothing of them is in training. The other actions have
one subject each; there, every second clip is a test clip.
"""

import csv
import lzma
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from posepaper.data import bvh
from posepaper.data.layout import PoseSequence
from posepaper.errors import InputError
from posepaper.geometry import project

HELD_OUT = ("05", "35")
FPS = 30.0
SIZE = (1000, 1000)
# Human3.6M's kind of lens: fx fy cx cy k1 k2 k3 p1 p2 in pixels, a camera each.
INTRINSICS = {
    "0": (1145.0, 1143.8, 512.5, 515.5, -0.2071, 0.2478, -0.0031, -0.0010, -0.0014),
    "1": (1149.7, 1147.6, 508.8, 508.1, -0.1942, 0.2404, 0.0068, -0.0008, -0.0027),
    "2": (1149.1, 1148.8, 519.8, 501.4, -0.2083, 0.2555, -0.0020, 0.0016, -0.0008),
    "3": (1145.5, 1144.8, 514.9, 501.9, -0.1984, 0.2180, -0.0089, -0.0005, -0.0018),
}
# Human3.6M's 17 joints by the names they have in the BVH files.
JOINTS = (
    "Hips", "RightUpLeg", "RightLeg", "RightFoot", "LeftUpLeg", "LeftLeg", "LeftFoot", "Spine",
    "Neck", "Neck1", "Head/end", "LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm",
    "RightHand",
)  # fmt: skip

_METRES = 25.4 / 0.45 / 1000
_SOURCE_FPS = 120
_STRIDE = 4
_FASTEST = 12.0
_SHORTEST = _SOURCE_FPS
_TEST_EVERY = 2
# Where the cameras stand, degrees: around the scene and above its middle.
_AROUND = {"0": 40.0, "1": 132.0, "2": 223.0, "3": 317.0}
_ABOVE = {"0": 9.0, "1": 6.0, "2": 11.0, "3": 7.0}
_NEAREST = 4.0
# The lens bends and shifts points by a few per cent; 7 % of the image stays free on each side.
_MARGIN = 0.07


def sequences(archive: str | Path, clips: str | Path) -> list[PoseSequence]:
    """Every piece of every clip through all four cameras; keys read "35/Running 35_17/0".

    Clips cut at glitches are numbered: "Dancing 05_05-1", "Dancing 05_05-2". ``split_by`` tells
    whether train and test of the action differ in subject or only in clip.

    Args:
        archive: the tar.xz of BVH files.
        clips: the index, a CSV with columns clip, subject, action, frames.

    Raises:
        InputError: a file is absent or damaged, a clip is missing or has another length than the
            index says, or its skeleton lacks a joint.
    """
    rows = _index(clips)
    splits = _splits(rows)
    found = []
    for row, world in zip(rows, _worlds(archive, rows), strict=True):
        pieces = _pieces(world)
        for number, piece in enumerate(pieces, start=1):
            name = f"{row['action']} {row['clip']}" + (f"-{number}" if len(pieces) > 1 else "")
            for camera in INTRINSICS:
                seen = _view(world, piece[::_STRIDE], camera)
                split, split_by = splits[row["clip"]]
                found.append(
                    PoseSequence(
                        row["subject"], name, camera, split, seen, *SIZE, FPS, split_by=split_by
                    )
                )
    return found


def _index(path: str | Path) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError:
        raise InputError(path, "is not there", "Fetch it as data/README.md says") from None
    except UnicodeDecodeError:
        raise InputError(path, "is not text", "Fetch it again") from None
    wanted = {"clip", "subject", "action", "frames"}
    if not rows or not wanted <= set(rows[0]):
        fault = f"has not the columns {', '.join(sorted(wanted))}"
        raise InputError(path, fault, "Fetch it again")
    return rows


def _splits(rows: list[dict[str, str]]) -> dict[str, tuple[str, str]]:
    by_action: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_action.setdefault(row["action"], []).append(row)
    splits = {}
    for members in by_action.values():
        shared = len({m["subject"] for m in members}) > 1
        for number, member in enumerate(members, start=1):
            test = member["subject"] in HELD_OUT if shared else number % _TEST_EVERY == 0
            kind = "subject" if shared else "clip"
            splits[member["clip"]] = ("test" if test else "train", kind)
    return splits


def _worlds(archive: str | Path, rows: list[dict[str, str]]) -> Iterator[np.ndarray]:
    """(T, 17, 3) world metres, z up, of each clip in the index's order, without frame 0."""
    texts = _texts(archive, {f"{row['clip']}.bvh" for row in rows})
    for row in rows:
        name = f"{row['clip']}.bvh"
        label = f"{archive}/{name}"
        if name not in texts:
            raise InputError(archive, f"lacks {name}, which the index names", "Fetch it again")
        motion = bvh.parse(label, texts[name])
        if str(len(motion.values)) != row["frames"]:
            fault = f"has {len(motion.values)} frames, its index says {row['frames']}"
            raise InputError(label, fault, "Use archive and index of one release")
        yield world_positions(label, motion)[1:]


def _texts(archive: str | Path, wanted: set[str]) -> dict[str, str]:
    try:
        with tarfile.open(archive, "r:xz") as tar:
            return {
                Path(member.name).name: tar.extractfile(member).read().decode("latin-1")
                for member in tar
                if member.isfile() and Path(member.name).name in wanted
            }
    except FileNotFoundError:
        raise InputError(archive, "is not there", "Fetch it as data/README.md says") from None
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        fault = f"is cut off or no tar.xz ({type(error).__name__})"
        raise InputError(archive, fault, "Fetch it again") from None


def world_positions(label: str, motion: bvh.Motion) -> np.ndarray:
    """The 17 joints (T, 17, 3) float32 of a BVH motion, world metres, z up, Human3.6M's order.

    Raises:
        InputError: the skeleton has no joint of a name it should have.
    """
    missing = [name for name in JOINTS if name not in motion.joints]
    if missing:
        fault = f"has no joint {missing[0]} in its skeleton"
        raise InputError(label, fault, "Use the MotionBuilder release of the CMU clips")
    x, y, z = np.moveaxis(bvh.positions(motion)[:, [motion.joints.index(n) for n in JOINTS]], -1, 0)
    return (np.stack([x, -z, y], axis=-1) * _METRES).astype(np.float32)


def _pieces(world: np.ndarray) -> list[np.ndarray]:
    speed = np.linalg.norm(np.diff(world, axis=0), axis=-1).max(axis=1) * _SOURCE_FPS
    cuts = np.flatnonzero(speed > _FASTEST) + 1
    return [piece for piece in np.split(world, cuts) if len(piece) >= _SHORTEST]


def _view(clip: np.ndarray, piece: np.ndarray, camera: str) -> np.ndarray:
    """``piece`` in the frame of a camera that has all good frames of ``clip`` in view."""
    good = np.concatenate(_pieces(clip)).reshape(-1, 3)
    target = (good.min(axis=0) + good.max(axis=0)) / 2
    around, above = np.deg2rad([_AROUND[camera], _ABOVE[camera]])
    forward = -np.array(
        [np.cos(around) * np.cos(above), np.sin(around) * np.cos(above), np.sin(above)]
    )
    right = np.array([-np.sin(around), np.cos(around), 0.0])
    axes = np.stack([right, np.cross(forward, right), forward], axis=1)
    sideways, ahead = np.abs((good - target) @ axes[:, :2]), (good - target) @ forward
    reach = SIZE[0] * (0.5 - _MARGIN) / INTRINSICS[camera][0]
    # A point is in view where sideways <= reach * (distance + ahead).
    distance = max(_NEAREST, float((sideways.max(axis=1) / reach - ahead).max()))
    return ((piece - target) @ axes + np.array([0, 0, distance])).astype(np.float32)


def exact_keypoints(sequences: Iterable[PoseSequence]) -> dict[str, np.ndarray]:
    """The joints' true pixels (T, 17, 2) float32 by sequence key.

    Raises:
        InputError: a sequence's camera is none of the four.
    """
    found = {}
    for sequence in sequences:
        if sequence.camera not in INTRINSICS:
            fault = f"has an unknown camera {sequence.camera}"
            raise InputError(sequence.key, fault, f"Cameras are {', '.join(INTRINSICS)}")
        found[sequence.key] = project(sequence.positions, INTRINSICS[sequence.camera])
    return found


def noisy_keypoints(
    sequences: Iterable[PoseSequence],
    sigma_px: float = 8.0,
    correlation: float = 0.5,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The joints' pixels (T, 17, 2) float32 by sequence key, with a detector's kind of error.

    The error is Gaussian, ``sigma_px`` in x and y at every frame, and like a detector's it lasts:
    that of a frame has ``correlation`` (0 to below 1) with the frame before. It depends on the
    seed and the key only, not on which sequences are asked for.

    Raises:
        InputError: as :func:`exact_keypoints`.
    """
    exact = exact_keypoints(sequences)
    return {
        key: pixels
        + sigma_px * _lasting_noise(pixels.shape, correlation, [seed, zlib.crc32(key.encode())])
        for key, pixels in exact.items()
    }


def _lasting_noise(shape: tuple[int, ...], correlation: float, seed: list[int]) -> np.ndarray:
    # An AR(1) process as a weighted sum over the frames whose weight still matters (0.1 %).
    taps = 1 if correlation <= 0 else int(np.ceil(np.log(1e-3) / np.log(correlation))) + 1
    weights = correlation ** np.arange(taps)
    weights /= np.linalg.norm(weights)
    fresh = np.random.default_rng(seed).standard_normal((shape[0] + taps - 1, *shape[1:]))
    terms = (w * fresh[taps - 1 - k : len(fresh) - k] for k, w in enumerate(weights))
    return sum(terms).astype(np.float32)
