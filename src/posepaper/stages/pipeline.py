"""From a video's frames to a person's box, 2D keypoints and 3D poses, with trained networks.

A video is given as a function that starts it anew, so that no more than a batch of frames is ever
in memory: once through it for the boxes, once for the keypoints.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from posepaper.data import crops, tracking
from posepaper.data.tracking import Look, Track, moved
from posepaper.data.video_poses import VideoPoses
from posepaper.geometry import normalise_screen
from posepaper.models.person_boxes import DETECTORS, Detector
from posepaper.skeleton import H36M, coco_to_h36m
from posepaper.stages import networks
from posepaper.stages.job import Run
from posepaper.training.prediction import predict_lifting

Frames = Callable[[], Iterable[np.ndarray]]
Count = Callable[[], None]

# Looks for the person a second; a box changes little in between.
LOOKS = 8
# Crops that are held until a network sees them.
BATCH = 32
# Frames that are lifted at a time, with what their windows need at both ends.
PIECE = 8192


@dataclass(frozen=True)
class Footage:
    """A video: size in pixels, frames per second, and its frames from the first on, each time."""

    width: int
    height: int
    fps: float
    frames: Frames


def identity(settings: dict) -> dict:
    """What found the people and poses: detector and experiments."""
    names = {kind: settings[kind]["experiment"] for kind in ("pose2d", "lifting")}
    return {"boxes": settings["detector"], **names}


@contextlib.contextmanager
def opened(run: Run) -> Iterator["Pipeline"]:
    """The pipeline of a job: its detector, and both networks with their checkpoints' weights.

    The job's settings are ``detector``, ``pose2d`` and ``lifting``, each network's as
    :func:`networks.trained` takes them and with ``flip``; 2D also ``image`` and ``decoder``.

    Raises:
        InputError: a checkpoint or a detector's file cannot be read.
        Refused: a network has a class that the job's fingerprint leaves out.
    """
    settings = run.settings
    files = {name.removeprefix("weights/"): path for name, path in run.raw.items()}
    detector = DETECTORS[settings["detector"]](files)
    with contextlib.ExitStack() as stack:
        for kind in ("pose2d", "lifting"):
            one = replace(run, settings=settings[kind])
            model = stack.enter_context(networks.trained(one, run.inputs[kind]))
            settings = {**settings, kind: {**settings[kind], "network": model}}
        yield Pipeline(detector, settings["pose2d"], settings["lifting"])


@dataclass(frozen=True)
class Pipeline:
    """A detector and two networks, each with its settings."""

    detector: Detector
    pose2d: dict
    lifting: dict

    def track(self, footage: Footage, count: Count = lambda: None) -> tuple[Track | None, int]:
        """The person to follow, None where nobody is found, and the number of frames."""
        every, frames = max(1, round(footage.fps / LOOKS)), 0
        looks: list[Look] = []
        before = None
        for frames, image in enumerate(footage.frames(), start=1):
            if (frames - 1) % every == 0:
                boxes, now = self.detector(image), tracking.thumbnail(image)
                still = before is None
                since = np.zeros(len(boxes)) if still else moved(before, now, boxes, footage.width)
                if looks:
                    told = moved(before, now, looks[-1].boxes, footage.width)
                    looks[-1] = replace(looks[-1], moved=told)
                # The last look is followed by none: what moved before it has to do.
                looks.append(Look(frames - 1, boxes, since))
                before = now
            count()
        return tracking.follow(looks, frames, every, footage.height), frames

    def keypoints(
        self, footage: Footage, track: Track, count: Count = lambda: None
    ) -> tuple[np.ndarray, np.ndarray]:
        """COCO keypoints (T, 17, 2) pixels and scores (T, 17), NaN where nobody is present."""
        frames = len(track.boxes)
        points = np.full((frames, 17, 2), np.nan, np.float32)
        scores = np.full((frames, 17), np.nan, np.float32)
        height, width = self.pose2d["image"]
        where = np.flatnonzero(track.present)
        centres, scales = crops.box_to_centre_scale(track.boxes[where], aspect=width / height)
        to_crop = crops.affine(centres, scales, np.zeros(len(where)), (width, height))
        matrices, waiting = dict(zip(where.tolist(), to_crop, strict=True)), {}

        def estimate():
            chosen = list(waiting)
            found, sure = networks.keypoints_in_crops(
                self.pose2d["network"],
                np.stack([waiting[index] for index in chosen]),
                flip=self.pose2d["flip"],
                decoder=self.pose2d["decoder"],
            )
            back = crops.invert(np.stack([matrices[index] for index in chosen]))
            points[chosen], scores[chosen] = crops.transform_points(found, back), sure
            waiting.clear()

        for index, image in enumerate(footage.frames()):
            if index in matrices:
                waiting[index] = crops.crop(image, matrices[index], (width, height))
            if len(waiting) == BATCH:
                estimate()
            count()
        if waiting:
            estimate()
        return points, scores

    def lift(self, points: np.ndarray, present: np.ndarray, footage: Footage) -> np.ndarray:
        """3D poses (T, 17, 3) metres, root-relative, of Human3.6M points (T, 17, 2) pixels.

        Windows reach no further than the person is present; beyond, the last pose is repeated.
        """
        screen = normalise_screen(points.astype(np.float32), footage.width, footage.height)
        poses = np.full((*points.shape[:2], 3), np.nan, np.float32)
        for start, end in _spans(present):
            poses[start:end] = self._lift_span(screen[start:end])
        return poses - poses[:, H36M.root : H36M.root + 1]

    def _lift_span(self, screen: np.ndarray) -> np.ndarray:
        model, flip = self.lifting["network"], self.lifting["flip"]
        margin, found = model.receptive_field // 2, []
        for start in range(0, len(screen), PIECE):
            first, end = max(0, start - margin), min(len(screen), start + PIECE)
            piece = [screen[first : end + margin]]
            (poses,) = predict_lifting(model, piece, skeleton=H36M, flip=flip)
            found.append(poses[start - first : end - first])
        return np.concatenate(found)

    def poses(self, footage: Footage, track: Track, count: Count = lambda: None) -> VideoPoses:
        """Everything found of the person a track follows."""
        keypoints, scores = self.keypoints(footage, track, count)
        points = coco_to_h36m(keypoints).astype(np.float32)
        return VideoPoses(
            **{name: getattr(footage, name) for name in ("width", "height", "fps")},
            **vars(track),
            keypoints=keypoints,
            scores=scores,
            points=points,
            poses=self.lift(points, track.present, footage),
        )


def _spans(present: np.ndarray) -> list[tuple[int, int]]:
    """[start, end) of every run of frames with the person."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in list(pairwise(edges))[::2]]
