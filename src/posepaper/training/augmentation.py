"""Random crops of people: scale, rotation, mirror and half-body draws, for all people at once.

Conventions of HRNet's public training (`FACTS.md` section 4). A person's draw depends on seed,
epoch and its index only, whatever the order it is trained in or the worker that cuts it.
"""

from dataclasses import dataclass

import numpy as np

from posepaper.config import Training
from posepaper.data.crops import affine, body_halves, box_to_centre_scale, transform_points
from posepaper.skeleton import COCO

ROTATION_PROBABILITY = 0.6
# The public code compares a normal draw with .5, which is how its probability comes about.
UPPER_PROBABILITY = 0.6914624612740131
HALF_BODY_JOINTS = 8


@dataclass(frozen=True)
class Draws:
    """What chance decided for each of P people in one epoch, each (P,)."""

    scale: np.ndarray
    rotation: np.ndarray
    flip: np.ndarray
    half_body: np.ndarray
    upper: np.ndarray


def draw(people: int, training: Training, seed: int) -> Draws:
    """Draws for ``people`` people.

    Scale is 1 + a normal of ``scale_factor``, cut at +- the factor; rotation, in 6 of 10 cases,
    a normal of ``rotation`` degrees cut at twice that; mirrored is every other.
    """
    rng = np.random.default_rng(seed)
    normal, uniform = rng.standard_normal((2, people)), rng.random((4, people))
    spread, turn = training.scale_factor, training.rotation
    rotation = np.clip(normal[1] * turn, -2 * turn, 2 * turn)
    return Draws(
        scale=np.clip(1 + normal[0] * spread, 1 - spread, 1 + spread),
        rotation=np.where(uniform[0] <= ROTATION_PROBABILITY, rotation, 0.0),
        flip=(uniform[1] <= 0.5) & training.flip,
        half_body=uniform[2] < training.half_body,
        upper=uniform[3] < UPPER_PROBABILITY,
    )


def augmented_crops(
    boxes: np.ndarray, keypoints: np.ndarray, draws: Draws, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The crop of every person and its keypoints there.

    Args:
        boxes: (P, 4) xywh, image pixels.
        keypoints: (P, 17, 3) COCO order, x, y in image pixels and visibility.
        size: height and width of a crop.

    Returns:
        matrices (P, 2, 3) from image to crop pixels, the mirror included, and keypoints
        (P, 17, 3) float32 in crop pixels, left and right swapped where mirrored.
    """
    height, width = size
    centre, scale = box_to_centre_scale(boxes, width / height)
    chosen, half_centre, half_scale = _half_bodies(keypoints, draws, width / height)
    centre = np.where(chosen[:, None], half_centre, centre)
    scale = np.where(chosen[:, None], half_scale, scale) * draws.scale[:, None]
    matrices = affine(centre, scale, draws.rotation, (width, height))
    # About the crop's centre, to which the person's is mapped; as mirroring the image first.
    mirrored = matrices[:, 0] * -1 + np.array([0, 0, width], dtype=matrices.dtype)
    matrices[:, 0] = np.where(draws.flip[:, None], mirrored, matrices[:, 0])
    moved = keypoints.astype(np.float32)
    moved[..., :2] = transform_points(moved[..., :2], matrices)
    swapped = moved[:, list(COCO.flip)]
    return matrices, np.where(draws.flip[:, None, None], swapped, moved)


def _half_bodies(keypoints: np.ndarray, draws: Draws, aspect: float):
    """Who is cut to half a body (P,), and centre (P, 2) and scale (P, 2) of the halves."""
    (upper, lower), centres, scales = body_halves(keypoints, aspect)
    take_upper = (draws.upper & (upper > 2)) | (lower <= 2)
    centre = np.where(take_upper[:, None], *centres)
    scale = np.where(take_upper[:, None], *scales)
    chosen = draws.half_body & (upper + lower > HALF_BODY_JOINTS) & (scale > 0).all(axis=1)
    return chosen, centre, scale
