"""Object keypoint similarity (COCO keypoint evaluation) and the suppression built on it."""

import numpy as np

from posepaper.errors import InputError

# COCO's per-keypoint constants, nose to ankles (cocodataset.org, keypoint evaluation).
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


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
    """Per-keypoint similarity (..., 17) of ``offsets`` (..., 17, 2) at ``areas`` (..., 1)."""
    x, y = offsets[..., 0], offsets[..., 1]
    return np.exp((x * x + y * y) / (-2 * (2 * SIGMAS) ** 2 * areas))


def oks_nms(
    keypoints: np.ndarray, scores: np.ndarray, areas: np.ndarray, threshold: float = 0.9
) -> np.ndarray:
    """Drop detections of one image that resemble a better one (Papandreou et al. 2017).

    Args:
        keypoints: (D, 17, 2 or more) image pixels.
        scores: (D,); equal scores keep their order.
        areas: (D,) square pixels; a pair is compared at the mean of its areas.
        threshold: OKS above which the lower-scored one is dropped.

    Returns:
        Indices of the kept detections, best first.
    """
    order = np.argsort(-scores, kind="stable")
    places = np.asarray(keypoints, np.float64)[order, :, :2]
    sizes = np.asarray(areas, np.float64)[order]
    better, worse = np.triu_indices(len(order), 1)
    pair_areas = (sizes[better] + sizes[worse]) / 2 + np.spacing(1)
    similar = similarity(places[better] - places[worse], pair_areas[:, None]).mean(axis=-1)
    close = np.zeros((len(order), len(order)), bool)
    close[better, worse] = similar > threshold
    dropped = np.zeros(len(order), bool)
    for better in np.flatnonzero(close.any(axis=1)):
        if not dropped[better]:
            dropped |= close[better]
    return order[~dropped]
