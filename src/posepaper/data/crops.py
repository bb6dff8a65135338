"""Person crops: from a box to an affine map and back, COCO keypoint conventions.

The conventions are those of SimpleBaseline and HRNet: a box is padded about its centre to the
network's aspect ratio, ``scale`` is its size divided by 200 and enlarged by 1.25, and the map is
the similarity that brings the (rotated) padded box's width to the crop's width. Pixels are (x, y),
sizes (width, height), matrices (2, 3) with ``pixel_out = A @ pixel_in + b``. All but :func:`crop`
take leading batch dimensions.
"""

import cv2
import numpy as np

from posepaper.skeleton import COCO

SCALE_UNIT = 200.0
_PADDING = 1.25
UPPER_BODY = np.arange(len(COCO.joints)) <= COCO.joints.index("right_wrist")
HALF_BODY_MARGIN = 1.5 / 1.25


def box_to_centre_scale(boxes: np.ndarray, aspect: float = 0.75) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (..., 4) xywh in pixels to centres (..., 2) pixels and scales (..., 2) pixels/200.

    ``aspect`` is the crop's width / height.
    """
    boxes = np.asarray(boxes, dtype=np.float32)
    centres = boxes[..., :2] + boxes[..., 2:] / 2
    width = np.maximum(boxes[..., 2], boxes[..., 3] * aspect)
    sides = np.stack([width, width / aspect], axis=-1)
    return centres, (sides * (_PADDING / SCALE_UNIT)).astype(np.float32)


def body_halves(keypoints: np.ndarray, aspect: float = 0.75):
    """Upper and lower body of P people as SimpleBaseline and HRNet crop them in training.

    Args:
        keypoints: (P, 17, 3) COCO order, x, y in pixels and visibility.

    Returns:
        labelled joints (2, P), the upper body first, centres (2, P, 2) pixels and scales
        (2, P, 2) pixels/200. A half of fewer than 2 joints, or without extent, is no crop: its
        scale is 0.
    """
    visible = keypoints[..., 2] > 0
    half = np.stack([visible & UPPER_BODY, visible & ~UPPER_BODY])
    xy, count = keypoints[..., :2], half.sum(axis=-1)
    centre = (xy * half[..., None]).sum(axis=2) / np.maximum(count, 1)[..., None]
    low = np.where(half[..., None], xy, np.inf).min(axis=2)
    high = np.where(half[..., None], xy, -np.inf).max(axis=2)
    extent = np.where((count >= 2)[..., None], high - low, 0.0)
    _, scale = box_to_centre_scale(np.concatenate([centre, extent], axis=-1), aspect)
    return count, centre, scale * HALF_BODY_MARGIN


def affine(centre, scale, rotation, size: tuple[int, int]) -> np.ndarray:
    """The map (..., 2, 3) float32 from image to crop pixels.

    Args:
        centre: (..., 2) pixels.
        scale: (..., 2) pixels/200; only its width counts, as in the public code.
        rotation: (...,) degrees; the box is turned clockwise as seen on the screen.
        size: crop (width, height) pixels.
    """
    centre = np.asarray(centre, dtype=np.float64)
    angle = np.deg2rad(np.asarray(rotation, dtype=np.float64))
    zoom = size[0] / (np.asarray(scale, dtype=np.float64)[..., 0] * SCALE_UNIT)
    cos, sin = np.broadcast_arrays(zoom * np.cos(angle), zoom * np.sin(angle))[:2]
    linear = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=-2)
    offset = np.array(size, dtype=np.float64) / 2 - (linear @ centre[..., None])[..., 0]
    return np.concatenate([linear, offset[..., None]], axis=-1).astype(np.float32)


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse maps (..., 2, 3) float32."""
    linear = np.linalg.inv(np.asarray(matrix[..., :2], dtype=np.float64))
    offset = -linear @ np.asarray(matrix[..., 2:], dtype=np.float64)
    return np.concatenate([linear, offset], axis=-1).astype(np.float32)


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Maps points (..., K, 2) by matrices (..., 2, 3); leading dimensions broadcast."""
    linear = np.swapaxes(matrix[..., :2], -1, -2)
    return points @ linear + matrix[..., None, :, 2]


def crop(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cuts ``size`` (width, height) out of an image (H, W, 3), bilinear, black outside."""
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
