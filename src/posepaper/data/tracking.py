"""One person followed through a video, from boxes found in some of its frames.

Boxes are (x, y, width, height) in pixels. A look is a frame in which a detector searched.
"""

from dataclasses import dataclass

import cv2
import numpy as np

# Looks that a chain may miss the person in.
MOST_MISSED = 8
LEAST_OVERLAP = 0.25
# What a chain loses where two of its boxes do not overlap at all.
JUMP = 0.05
# Looks over whose boxes size and place are smoothed, by their median.
WINDOW = 5
# The side to which a picture is shrunk to see what moved, and a change of grey that counts.
_THUMB = 160
_CHANGE = 20
# What a person who does not move at all still counts.
_AT_REST = 0.02


@dataclass(frozen=True, eq=False)
class Look:
    """Boxes found in frame ``frame``: ``boxes`` (N, 5) with scores, ``moved`` (N,) the share of
    each box that changed until the next look.
    """

    frame: int
    boxes: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True, eq=False)
class Track:
    """A person over T frames: ``boxes`` (T, 4) float32, NaN where ``present`` (T,) is false;
    ``detected`` (T,) marks frames in which a detector found the box, others are in between.
    """

    boxes: np.ndarray
    present: np.ndarray
    detected: np.ndarray


def thumbnail(image: np.ndarray) -> np.ndarray:
    """A small grey picture (h, w) uint8 of one (H, W, 3)."""
    height, width = image.shape[:2]
    zoom = _THUMB / max(height, width)
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def moved(before: np.ndarray, after: np.ndarray, boxes: np.ndarray, width: int) -> np.ndarray:
    """The share (N,) of each box's pixels that changed between two thumbnails.

    ``width`` is the picture's, in whose pixels the boxes are.
    """
    changed = cv2.absdiff(before, after) > _CHANGE
    scale = before.shape[1] / width
    found = []
    for x, y, w, h in boxes[:, :4] * scale:
        part = changed[max(0, int(y)) : max(0, int(y + h)) + 1]
        part = part[:, max(0, int(x)) : max(0, int(x + w)) + 1]
        found.append(float(part.mean()) if part.size else 0.0)
    return np.array(found, dtype=np.float64)


def follow(looks: list[Look], frames: int, every: int, height: int) -> Track | None:
    """The person most worth following: large, surely found, moving, and seen in many looks.

    Of all chains of boxes that overlap from look to look it is the one with the largest sum of
    score x height x movement, less what jumps cost. Where the chain misses a look the box is
    interpolated; beyond its ends the box stays for ``MOST_MISSED`` looks, then nobody is there.

    Args:
        looks: in the order of their frames.
        frames: the video's.
        every: frames from one look to the next.
        height: the picture's, pixels.

    Returns:
        None where no look has a box.
    """
    chain = _heaviest(looks, height)
    if not chain:
        return None
    at = np.array([looks[i].frame for i, _ in chain])
    boxes = np.array([looks[i].boxes[j, :4] for i, j in chain], dtype=np.float64)
    centres, sizes = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]
    smooth = np.concatenate([_median(centres), _median(sizes)], axis=1)
    reach, when = every * MOST_MISSED, np.arange(frames)
    present = (when >= at[0] - reach) & (when <= at[-1] + reach)
    filled = np.stack([np.interp(when, at, column) for column in smooth.T], axis=1)
    filled[:, :2] -= filled[:, 2:] / 2
    filled[~present] = np.nan
    return Track(filled.astype(np.float32), present, np.isin(when, at))


def _heaviest(looks: list[Look], height: int) -> list[tuple[int, int]]:
    """(look, box) pairs of the chain with the largest weight, in order."""
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {}
    for i, look in enumerate(looks):
        weights = look.boxes[:, 4] * look.boxes[:, 3] / height * (_AT_REST + look.moved)
        for j, weight in enumerate(weights):
            before, link = 0.0, None
            for k in range(max(0, i - MOST_MISSED), i):
                overlaps = _overlaps(look.boxes[j, :4], looks[k].boxes[:, :4])
                for other in np.flatnonzero(overlaps >= LEAST_OVERLAP):
                    gained = best[k, int(other)][0] - JUMP * (1 - float(overlaps[other]))
                    if gained > before:
                        before, link = gained, (k, int(other))
            best[i, j] = (before + float(weight), link)
    if not best:
        return []
    place: tuple[int, int] | None = max(best, key=lambda p: (best[p][0], p))
    chain = []
    while place is not None:
        chain.append(place)
        place = best[place][1]
    return chain[::-1]


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (N,) of a box with others (N, 4)."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return shared / np.maximum(box[2:].prod() + others[:, 2:].prod(axis=1) - shared, 1e-6)


def _median(values: np.ndarray) -> np.ndarray:
    """The running median (K, C) over ``WINDOW`` rows, ends repeated."""
    half = WINDOW // 2
    padded = np.pad(values, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=0)
    return np.median(windows, axis=-1)
