"""Human3.6M in the files its users have: VideoPose3D's npz, a camera JSON and the videos.

Protocol: 17 of 32 joints, metres in each camera's frame, subjects S1, S5-S8 to train and S9, S11
to test, the corrupted "S11 Directions" left out (VideoPose3D, Pavllo et al. 2019).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from posepaper.data import crops
from posepaper.data.checks import check_array
from posepaper.data.layout import PoseSequence
from posepaper.data.restricted import load_npz
from posepaper.data.video import read_video
from posepaper.errors import InputError
from posepaper.files import read_json
from posepaper.geometry import world_to_camera
from posepaper.skeleton import H36M16_TO_H36M17, H36M_16, H36M_FROM_32, h36m16_to_h36m17

TRAIN = ("S1", "S5", "S6", "S7", "S8")
TEST = ("S9", "S11")
CAMERAS = ("54138969", "55011271", "58860488", "60457274")
POSES, CAMERA_FILE = "data_3d_h36m.npz", "cameras_h36m.json"

_DROPPED = ("S11", "Directions")
_FPS = 50.0
# The release names the videos of these two actions differently from subject to subject.
_VIDEO_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera.

    ``intrinsics`` (9,) as :func:`posepaper.geometry.project` takes them; ``orientation`` (4,) wxyz
    and ``translation`` (3,) metres place it in the world.
    """

    id: str
    width: int
    height: int
    intrinsics: np.ndarray
    orientation: np.ndarray
    translation: np.ndarray
    fps: float


def read_poses3d(npz: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Mocap by subject and action: (T, 32, 3) float32, world metres.

    Raises:
        InputError: the file is absent, damaged, of another joint count or not all numbers.
    """
    poses = _table(npz, load_npz(npz), "positions_3d")
    for subject, actions in poses.items():
        for action, positions in actions.items():
            check_array(npz, f"{subject} {action}", positions, 32, 3)
    return poses


def read_keypoints2d(npz: str | Path) -> dict[str, dict[str, list[np.ndarray]]]:
    """2D keypoints by subject and action, a list of (T, J, 2) pixels in the order of CAMERAS.

    J is 16 (Hourglass files) or 17.

    Raises:
        InputError: the file is absent, damaged, of another joint count or not all numbers.
    """
    content = load_npz(npz)
    keypoints = _table(npz, content, "positions_2d")
    metadata = content.get("metadata")
    joints = metadata.get("num_joints") if isinstance(metadata, dict) else None
    if joints not in (16, 17):
        raise InputError(npz, f"its metadata say {joints} joints, not 16 or 17", "Use another file")
    for subject, actions in keypoints.items():
        for action, views in actions.items():
            count = len(views) if isinstance(views, list | tuple | np.ndarray) else 0
            if count != len(CAMERAS):
                fault = f"{subject} {action} has {count} cameras, not {len(CAMERAS)}"
                raise InputError(npz, fault, "Use a file made of all four cameras")
            for camera, view in zip(CAMERAS, views, strict=True):
                check_array(npz, f"{subject} {action} camera {camera}", view, joints, 2)
    return keypoints


def _table(file, content: Mapping[str, object], name: str) -> dict:
    table = content.get(name)
    if not isinstance(table, dict) or not table:
        raise InputError(file, f"has no table {name}", "Use the file the public code makes")
    if not all(isinstance(actions, dict) for actions in table.values()):
        fault = f"{name} is not a table of subjects and actions"
        raise InputError(file, fault, "Use the file the public code makes")
    return table


def read_cameras(path: str | Path) -> dict[str, list[Camera]]:
    """Cameras by subject. The JSON holds, per subject, a list of objects with ``id``, ``width``,
    ``height``, ``intrinsics`` (9), ``orientation`` (4), ``translation`` (3) and, where it is not
    Human3.6M's 50, ``fps``.

    Raises:
        InputError: the file is absent or malformed, or names a camera that is not one of CAMERAS.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
        fault = "is not a table of subjects and their cameras"
        raise InputError(path, fault, "Write it as data/README.md says")
    return {s: [_camera(path, s, entry) for entry in entries] for s, entries in content.items()}


def _camera(path, subject: str, entry: dict) -> Camera:
    try:
        vectors = {k: np.array(entry[k], np.float64).reshape(n) for k, n in _VECTORS.items()}
        facts = (str(entry["id"]), int(entry["width"]), int(entry["height"]))
        fps = float(entry.get("fps", _FPS))
    except (KeyError, TypeError, ValueError) as error:
        fault = f"a camera of {subject} is incomplete ({error})"
        raise InputError(path, fault, "Write it as data/README.md says") from None
    if facts[0] not in CAMERAS:
        fault = f"{subject} has an unknown camera {facts[0]}"
        raise InputError(path, fault, f"Name it one of {', '.join(CAMERAS)}")
    return Camera(*facts, **vectors, fps=fps)


_VECTORS = {"intrinsics": 9, "orientation": 4, "translation": 3}


def sequences(folder: str | Path) -> list[PoseSequence]:
    """All takes through all cameras, from ``data_3d_h36m.npz`` and ``cameras_h36m.json``.

    Raises:
        InputError: a file is absent or malformed, or a subject is unknown or has no cameras.
    """
    folder = Path(folder)
    poses, cameras = read_poses3d(folder / POSES), read_cameras(folder / CAMERA_FILE)
    found = []
    for subject, actions in poses.items():
        if subject not in TRAIN + TEST:
            fault = f"has the unknown subject {subject}"
            raise InputError(folder / POSES, fault, f"Subjects are {', '.join(TRAIN + TEST)}")
        if not cameras.get(subject):
            fault = f"has no cameras of {subject}, who is in {POSES}"
            raise InputError(folder / CAMERA_FILE, fault, "Add them, or use files of one release")
        split = "train" if subject in TRAIN else "test"
        for action, world in actions.items():
            if (subject, action) != _DROPPED:
                kept = np.asarray(world, np.float32)[:, list(H36M_FROM_32)]
                found += [_seen(subject, action, split, kept, c) for c in cameras[subject]]
    return found


def _seen(subject: str, action: str, split: str, world: np.ndarray, camera: Camera) -> PoseSequence:
    return PoseSequence(
        subject=subject,
        action=action,
        camera=camera.id,
        split=split,
        positions=world_to_camera(world, camera.orientation, camera.translation).astype(np.float32),
        width=camera.width,
        height=camera.height,
        fps=camera.fps,
    )


def keypoints(
    folder: str | Path, file: str, sequences: Iterable[PoseSequence]
) -> dict[str, np.ndarray]:
    """2D keypoints (T, 17, 2) float32 pixels by sequence key, cut to the mocap's length.

    Sixteen-joint files gain Neck/Nose (:data:`posepaper.skeleton.H36M16_TO_H36M17`).

    Raises:
        InputError: the file is absent or malformed, or lacks a subject, a take or frames that the
            3D sequences have.
    """
    path = Path(folder) / file
    table, found = read_keypoints2d(path), {}
    for sequence in sequences:
        views = table.get(sequence.subject, {}).get(sequence.action)
        if views is None:
            what = "takes" if sequence.subject in table else "subjects"
            fault = f"has no {sequence.subject} {sequence.action}; its {what} are not the 3D file's"
            raise InputError(path, fault, "Use 2D and 3D files of one release")
        view = np.asarray(views[CAMERAS.index(sequence.camera)], dtype=np.float32)
        length = len(sequence.positions)
        if len(view) < length:
            fault = f"{sequence.key} has {len(view)} frames, fewer than the {length} of its 3D take"
            raise InputError(path, fault, "Use 2D and 3D files of one release")
        view = view[:length]
        narrow = view.shape[1] == len(H36M_16.joints)
        found[sequence.key] = h36m16_to_h36m17(view) if narrow else view
    return found


def joint_mapping(folder: str | Path, file: str) -> str:
    """How :func:`keypoints` makes 17 joints of the file's, "" where it has 17."""
    views = next(iter(next(iter(read_keypoints2d(Path(folder) / file).values())).values()))
    return H36M16_TO_H36M17 if views[0].shape[1] == len(H36M_16.joints) else ""


def frames(
    folder: str | Path,
    sequences: Iterable[PoseSequence],
    boxes: Mapping[str, np.ndarray],
    size: tuple[int, int],
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Person crops of the videos, for :func:`posepaper.data.frames.write_frames`.

    Args:
        folder: holds ``{subject}/Videos/{action}.{camera}.avi`` or ``.mp4``.
        sequences: the takes wanted; each yields as many crops as it has poses.
        boxes: by sequence key, (T, 4) xywh pixels of the person.
        size: crop (height, width) pixels, COCO's padding around the box (:mod:`crops`).

    Yields:
        key, crops (T, h, w, 3) uint8 RGB, transforms (T, 2, 3) float32 from crop to frame pixels.

    Raises:
        InputError: a video is absent, unreadable or too short, or a box is outside the image.
    """
    height, width = size
    for sequence in sequences:
        path = _video(Path(folder), sequence)
        video, _ = read_video(path)
        box = np.asarray(boxes[sequence.key], dtype=np.float32)
        _check_boxes(path, box, sequence)
        matrices = crops.affine(
            *crops.box_to_centre_scale(box, width / height), 0.0, (width, height)
        )
        images = np.empty((len(box), height, width, 3), np.uint8)
        done = 0
        for done, image in enumerate(islice(video, len(box)), start=1):
            images[done - 1] = crops.crop(image, matrices[done - 1], (width, height))
        if done < len(box):
            fault = f"has {done} frames, fewer than the {len(box)} of its 3D take"
            raise InputError(path, fault, "Fetch the video again")
        yield sequence.key, images, crops.invert(matrices)


def _video(folder: Path, sequence: PoseSequence) -> Path:
    action, *take = sequence.action.split(" ")
    names = [" ".join([name, *take]) for name in (action, _VIDEO_NAMES.get(action)) if name]
    base = folder / sequence.subject / "Videos"
    paths = [base / f"{n}.{sequence.camera}.{kind}" for n in names for kind in ("avi", "mp4")]
    return next((p for p in paths if p.is_file()), paths[0])


def _check_boxes(path, boxes: np.ndarray, sequence: PoseSequence) -> None:
    if boxes.shape != (len(sequence.positions), 4):
        fault = f"has boxes {boxes.shape} for {len(sequence.positions)} frames"
        raise InputError(path, fault, "Make the boxes of this take's keypoints")
    right, bottom = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    inside = (right > 0) & (bottom > 0) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
    inside &= (boxes[:, 0] < sequence.width) & (boxes[:, 1] < sequence.height)
    if not inside.all():
        frame = int(np.flatnonzero(~inside)[0])
        fault = f"the box of frame {frame} lies outside the image or has no area"
        raise InputError(path, fault, "Check the keypoints the boxes are made of")
