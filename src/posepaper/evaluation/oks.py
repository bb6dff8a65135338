"""Object keypoint similarity (COCO keypoint evaluation) and the suppression built on it."""

import itertools
from collections.abc import Iterator

import numpy as np

from posepaper.errors import InputError

# COCO's per-keypoint constants, nose to ankles (cocodataset.org, keypoint evaluation).
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
# Pairs compared at a time: temporaries stay in the cache, and below what malloc maps afresh.
PAIRS = 2048
# Nose and eyes have the smallest constants: strangers differ there first.
FACE = 3
ROUNDING = 1e-9


def oks(
    keypoints: np.ndarray, references: np.ndarray, areas: np.ndarray, boxes: np.ndarray
) -> np.ndarray:
    """OKS of every detection with every annotated person of one image.

    A person without a labelled keypoint is compared by the distance from its doubled box, as
    COCO does.

    Args:
        keypoints: (D, 17, 2 or more) detections, image pixels.
        references: (G, 17, 3) annotations x, y, v.
        areas: (G,) segment areas in square pixels.
        boxes: (G, 4) x, y, width, height in pixels.

    Returns:
        (D, G) in 0..1.

    Raises:
        InputError: the arrays do not fit each other.
    """
    people = len(references)
    if keypoints.shape[1] != 17 or references.shape[1:] != (17, 3):
        shapes = f"keypoints {keypoints.shape}, references {references.shape}"
        raise InputError("oks", shapes, "Give (D, 17, 2) and (G, 17, 3)")
    if areas.shape != (people,) or boxes.shape != (people, 4):
        shapes = f"areas {areas.shape}, boxes {boxes.shape} for {people} people"
        raise InputError("oks", shapes, "Give (G,) and (G, 4)")
    places = np.asarray(keypoints, np.float64)[:, None, :, :2]
    labelled = references[:, :, 2] > 0
    counted = labelled.any(axis=1)
    corner, size = boxes[:, None, :2], boxes[:, None, 2:]
    outside = np.maximum(corner - size - places, 0) + np.maximum(places - corner - 2 * size, 0)
    offsets = np.where(counted[:, None, None], places - references[:, :, :2], outside)
    similar = similarity(offsets, areas[:, None] + np.spacing(1))
    weights = np.where(counted[:, None], labelled, True)
    return (similar * weights).sum(axis=-1) / weights.sum(axis=-1)


def similarity(offsets: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Per-keypoint similarity (..., K) of ``offsets`` (..., K, 2) at ``areas`` (..., 1).

    K is 17, or less for the first of COCO's keypoints.
    """
    x, y = offsets[..., 0], offsets[..., 1]
    return np.exp((x * x + y * y) / (-2 * (2 * SIGMAS[: x.shape[-1]]) ** 2 * areas))


def oks_nms(
    keypoints: np.ndarray,
    scores: np.ndarray,
    areas: np.ndarray,
    threshold: float = 0.9,
    image_index: np.ndarray | None = None,
) -> np.ndarray:
    """Drop detections that resemble a better one of their image (Papandreou et al. 2017).

    Args:
        keypoints: (D, 17, 2 or more) image pixels.
        scores: (D,); equal scores keep their order.
        areas: (D,) square pixels; a pair is compared at the mean of its areas.
        threshold: OKS above which the lower-scored one is dropped.
        image_index: (D,) whose detection it is; without it all are of one image.

    Returns:
        Indices of the kept detections, by image and best first.
    """
    images = np.zeros(len(scores), int) if image_index is None else image_index
    order = np.lexsort((-scores, images))
    places = np.asarray(keypoints, np.float64)[order, :, :2]
    faces, sizes = places[:, :FACE].T.copy(), np.asarray(areas, np.float64)[order]
    dropped = np.zeros(len(order), bool)
    for better, worse in _pairs(images[order]):
        pair_areas = (sizes[better] + sizes[worse]) / 2 + np.spacing(1)
        near = _near(faces, better, worse, pair_areas, threshold)
        better, worse = better[near], worse[near]
        similar = similarity(places[better] - places[worse], pair_areas[near, None]).mean(axis=-1)
        close = np.flatnonzero(similar > threshold)
        for first, second in zip(better[close].tolist(), worse[close].tolist(), strict=True):
            if not dropped[first]:
                dropped[second] = True
    return order[~dropped]


def _near(faces: np.ndarray, better, worse, areas: np.ndarray, threshold: float) -> np.ndarray:
    """Which pairs would exceed the threshold if all but their faces (2, FACE, D) were the same."""
    offsets = faces.take(better, axis=2) - faces.take(worse, axis=2)
    similar = similarity(offsets.T, areas[:, None]).sum(axis=1)
    others = len(SIGMAS) - FACE
    return np.flatnonzero(similar + others > len(SIGMAS) * threshold - ROUNDING)


def _pairs(images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of places with the same value in a sorted array, the earlier place first.

    Ascending, and about :data:`PAIRS` at a time.
    """
    places = np.arange(len(images))
    partners = np.searchsorted(images, images, side="right") - places - 1
    ends = partners.cumsum()
    cuts = np.searchsorted(ends, np.arange(PAIRS, partners.sum(), PAIRS)).tolist()
    for low, high in itertools.pairwise([0, *cuts, len(places)]):
        better = places[low:high].repeat(partners[low:high])
        first = (ends - partners)[low:high].repeat(partners[low:high])
        pair = np.arange(len(better)) + (ends[low - 1] if low else 0)
        yield better, better + 1 + pair - first
