"""Drawing people: every body part is the outline of projected balls, painted far to near.

A whole sequence's outlines are computed at once; per frame only OpenCV's polygon filling is left.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from posepaper.world.body import POINT, Body
from posepaper.world.outfits import Outfit

_DIRECTIONS = 16
_SHIFT = 4  # fractional bits of OpenCV's sub-pixel coordinates
_ANGLES = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
_UNIT = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1).astype(np.float32)
_LIGHT = np.array([-0.30, -0.24], dtype=np.float32)  # from the upper left of the picture


@dataclass(frozen=True)
class _Part:
    """A body part: up to four balls (point, radius in metres), its colour's name, and a band
    (from, to) along the first two balls in another colour.
    """

    points: tuple
    radii: tuple
    colour: str
    band: tuple | None = None


def _limbs() -> list[_Part]:
    parts = []
    for side, hip, shoulder in (("r", 1, 25), ("l", 6, 17)):
        knee, ankle, elbow, wrist, hand = hip + 1, hip + 2, shoulder + 1, shoulder + 2, shoulder + 5
        leg, sleeve = f"leg_{side}", f"sleeve_{side}"
        heel, toe, instep = (POINT[f"{n}.{side}"] for n in ("heel", "toe", "instep"))
        parts += [
            _Part((hip, knee), (0.085, 0.058), leg),
            _Part((knee, ankle), (0.058, 0.036), leg, (0.72, 0.92, f"shoe_{side}")),
            _Part((heel, toe, instep, ankle), (0.028, 0.022, 0.034, 0.036), f"shoe_{side}"),
            _Part((shoulder, elbow), (0.056, 0.042), sleeve, (0.35, 0.6, "accent")),
            _Part((elbow, wrist), (0.042, 0.030), f"forearm_{side}", (0.74, 0.96, sleeve)),
            _Part((wrist, hand), (0.030, 0.034), "skin"),
        ]
    return parts


_SEAT_CORNERS = tuple(POINT[f"seat_{end}.{side}"] for end in ("front", "back") for side in "lr")
_PARTS = [
    *_limbs(),
    _Part((13, 14), (0.052, 0.050), "skin"),
    _Part((17, 25, 1, 6), (0.066, 0.066, 0.098, 0.098), "shirt"),
    _Part((POINT["skull"], POINT["chin"]), (0.100, 0.062), "hair"),
    _Part(_SEAT_CORNERS, (0.03,) * 4, "stool"),
]
_TORSO, _HEAD, _STOOL = len(_PARTS) - 3, len(_PARTS) - 2, len(_PARTS) - 1
_POINTS = np.array([(p.points * 2)[:4] for p in _PARTS])
_RADII = np.array([(p.radii * 2)[:4] for p in _PARTS], dtype=np.float32)
_BANDED = [i for i, p in enumerate(_PARTS) if p.band]

_FRONT = [POINT[n] for n in ("chest_front.l", "chest_front.r", "belly_front.r", "belly_front.l")]
_BACK = [POINT[n] for n in ("chest_back.r", "chest_back.l", "belly_back.l", "belly_back.r")]
_FACE = [POINT[f"face{k}"] for k in range(12)]


@dataclass(frozen=True)
class Drawing:
    """Outlines of one person over T frames, ready to paint.

    ``outlines`` (T, Q, 16, 2) int32 sub-pixel coordinates, ``shown`` (T, Q) bool, ``order``
    (T, P) parts from far to near, ``layers`` the outlines of every part in painting order,
    ``colours`` (Q,) of BGR triples.
    """

    outlines: np.ndarray
    shown: np.ndarray
    order: np.ndarray
    layers: list[list[int]]
    colours: list[tuple[int, int, int]]


def outline_balls(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Convex outline (..., 16, 2) around circles: centres (..., n, 2), radii (..., n), pixels."""
    reach = centres @ _UNIT.T + radii[..., None]
    best = reach.argmax(axis=-2)
    centre = np.take_along_axis(centres, best[..., None], axis=-2)
    radius = np.take_along_axis(radii, best, axis=-1)
    return centre + radius[..., None] * _UNIT


def draw_person(
    pixels: np.ndarray, seen: np.ndarray, focal: float, body: Body, outfit: Outfit, *, seated: bool
) -> Drawing:
    """Prepares a person: ``pixels`` (T, N, 2) and camera coordinates ``seen`` (T, N, 3) metres
    of all points of the body, ``focal`` in pixels; ``seated`` draws the stool too.
    """
    pixels, depth = pixels.astype(np.float32), seen[..., 2].astype(np.float32)
    centres = pixels[:, _POINTS]
    radii = focal * body.scale * _RADII / depth[:, _POINTS]
    light = radii[..., None] * _LIGHT
    base, lit = outline_balls(centres, radii), outline_balls(centres + light, radii * 0.55)
    bands = _bands(centres[:, _BANDED], radii[:, _BANDED])
    details, facing = _details(pixels, depth, focal * body.scale)
    outlines = np.concatenate([base, lit, bands, details], axis=1)
    shown = np.ones(outlines.shape[:2], dtype=bool)
    shown[:, -details.shape[1] :] = facing
    shown[:, [_STOOL, _STOOL + len(_PARTS)]] = seated
    part_depth = depth[:, _POINTS].mean(axis=2)
    part_depth[:, _STOOL] += 0.12
    fixed = np.round(outlines * (1 << _SHIFT)).astype(np.int32)
    order = np.argsort(-part_depth, axis=1, kind="stable")
    return Drawing(fixed, shown, order, _LAYERS, _colours(outfit))


def _bands(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    spans = np.array([_PARTS[i].band[:2] for i in _BANDED], dtype=np.float32)
    ends = np.stack([1 - spans, spans], axis=-1)
    middle = np.einsum("bsn,tbnk->tbsk", ends, centres[:, :, :2])
    size = np.einsum("bsn,tbn->tbs", ends, radii[:, :, :2])
    # A band is cut straight across the limb, so it is a quadrilateral and not a ball's outline.
    along = centres[:, :, 1] - centres[:, :, 0]
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1) / np.maximum(length, 1e-3)
    offset = size[..., None] * across[:, :, None]
    corners = np.stack(
        [
            middle[:, :, 0] + offset[:, :, 0],
            middle[:, :, 1] + offset[:, :, 1],
            middle[:, :, 1] - offset[:, :, 1],
            middle[:, :, 0] - offset[:, :, 0],
        ],
        axis=2,
    )
    return _pad(corners)


def _details(pixels: np.ndarray, depth: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Chest, back, face and eyes (T, 5, 16, 2), and whether each faces the camera (T, 5)."""
    front, back, face = (_pad(pixels[:, points]) for points in (_FRONT, _BACK, _FACE))
    area = [_signed_area(pixels[:, points]) for points in (_FRONT, _BACK, _FACE)]
    eyes = [POINT["eye.l"], POINT["eye.r"]]
    radii = 0.010 * size / depth[:, eyes]
    balls = outline_balls(pixels[:, eyes, None], radii[..., None])
    outlines = np.concatenate([np.stack([front, back, face], axis=1), balls], axis=1)
    # All three run anticlockwise to who faces them, and pixels count downwards.
    return outlines, np.stack(area + area[2:] * 2, axis=1) < 0


def _pad(corners: np.ndarray) -> np.ndarray:
    last = np.repeat(corners[..., -1:, :], _DIRECTIONS - corners.shape[-2], axis=-2)
    return np.concatenate([corners, last], axis=-2)


def _signed_area(corners: np.ndarray) -> np.ndarray:
    x, y = corners[..., 0], corners[..., 1]
    return np.sum(x * np.roll(y, -1, axis=-1) - y * np.roll(x, -1, axis=-1), axis=-1)


def _layers() -> list[list[int]]:
    count, band = len(_PARTS), len(_BANDED)
    layers = [[i, count + i] for i in range(count)]
    for position, part in enumerate(_BANDED):
        layers[part].append(2 * count + position)
    first = 2 * count + band
    layers[_TORSO] += [first, first + 1]
    layers[_HEAD] += [first + 2, first + 3, first + 4]
    return layers


_LAYERS = _layers()


def _colours(outfit: Outfit) -> list[tuple[int, int, int]]:
    def tone(name: str, gain: float) -> tuple[int, int, int]:
        return tuple(int(min(255, c * gain)) for c in outfit[name])

    shade = [tone(part.colour, 0.74) for part in _PARTS]
    lit = [tone(part.colour, 1.12) for part in _PARTS]
    bands = [tone(_PARTS[i].band[2], 0.95) for i in _BANDED]
    return [*shade, *lit, *bands, *(tone(n, 1.0) for n in ("chest", "back", "skin", "eye", "eye"))]


def paint(image: np.ndarray, drawing: Drawing, frame: int) -> None:
    """Paints one frame of a person onto a BGR image (H, W, 3) uint8, in place."""
    outlines, shown = drawing.outlines[frame], drawing.shown[frame]
    for part in drawing.order[frame]:
        for layer in drawing.layers[part]:
            if shown[layer]:
                colour = drawing.colours[layer]
                cv2.fillConvexPoly(image, outlines[layer], colour, cv2.LINE_AA, _SHIFT)


def stamp(mask: np.ndarray, drawing: Drawing, frame: int, label: int) -> None:
    """Writes ``label`` where the person (without the stool) covers a mask (H, W) uint8."""
    for part in range(_STOOL):
        outline = drawing.outlines[frame, part]
        cv2.fillConvexPoly(mask, outline, label, cv2.LINE_8, _SHIFT)
