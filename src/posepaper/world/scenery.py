"""What is not the person: walls and floor behind, boxes and bars in front."""

from dataclasses import dataclass

import cv2
import numpy as np

from posepaper.world.cameras import Camera
from posepaper.world.randomness import stream

_WALL = 4.5  # half the side of the room in metres
_TILE = 1.0


def backdrop(camera: Camera, seed: int, *names) -> np.ndarray:
    """An empty room (H, W, 3) uint8 BGR as the camera sees it: tiles, mottled wall, posters."""
    rng = stream(seed, "backdrop", *names)
    size = (camera.height, camera.width)
    tint = rng.uniform(0.86, 1.14, 3)
    rows = np.linspace(1.06, 0.9, size[0])[:, None, None]
    image = np.ones((*size, 3)) * rng.uniform(112, 168) * tint * rows
    mottle = rng.normal(0, 5.0, (7, 7, 1)) + rng.normal(0, 1.2, (7, 7, 3))
    image += cv2.resize(mottle.astype(np.float32), size[::-1], interpolation=cv2.INTER_CUBIC)
    image = np.clip(image, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0, 0.9) * size[1], rng.uniform(0, 0.3) * size[0]
        w, h = rng.uniform(0.08, 0.22) * size[1], rng.uniform(0.08, 0.2) * size[0]
        colour = rng.integers(60, 210, 3).tolist()
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), colour, -1, cv2.LINE_AA)
    _floor(image, camera, rng)
    return image


def _floor(image: np.ndarray, camera: Camera, rng) -> None:
    corners = np.arange(-_WALL, _WALL, _TILE)
    x, y = np.meshgrid(corners, corners, indexing="ij")
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * _TILE
    tiles = np.stack([x.ravel(), y.ravel()], axis=-1)[:, None] + square
    tiles = np.concatenate([tiles, np.zeros((*tiles.shape[:2], 1))], axis=-1)
    pixels, seen = camera.view(tiles)
    base, tint = rng.uniform(80, 130), rng.uniform(0.88, 1.12, 3)
    shades = rng.normal(0, 5.0, len(tiles)) + np.where((x + y).ravel() / _TILE % 2 < 1, 8, -8)
    # A tile beside or behind the lens has no sensible projection.
    ahead = (seen[..., 2] > 0.6).all(axis=1) & (np.abs(pixels) < 2000).all(axis=(1, 2))
    for tile, shade in zip(pixels[ahead], shades[ahead], strict=True):
        colour = np.clip((base + shade) * tint, 0, 255).tolist()
        cv2.fillConvexPoly(image, np.round(tile * 16).astype(np.int32), colour, cv2.LINE_AA, 4)


@dataclass(frozen=True)
class Occluder:
    """An upright box before the camera: ``box`` (x, y, w, h) in pixels, BGR ``colour``."""

    box: tuple[int, int, int, int]
    colour: tuple[int, int, int]

    def paint(self, image: np.ndarray) -> None:
        """Paints it onto a BGR image, in place, with a lit edge."""
        x, y, w, h = self.box
        cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), self.colour, -1)
        edge = tuple(min(255, int(c * 1.3) + 12) for c in self.colour)
        cv2.rectangle(image, (x, y), (x + max(1, w // 6), y + h - 1), edge, -1)

    def covers(self, pixels: np.ndarray) -> np.ndarray:
        """Which pixels (..., 2) lie behind it, (...) bool."""
        x, y, w, h = self.box
        inside_x = (pixels[..., 0] >= x) & (pixels[..., 0] < x + w)
        return inside_x & (pixels[..., 1] >= y) & (pixels[..., 1] < y + h)


def make_occluder(rng, width: int, height: int, around) -> Occluder:
    """A thin bar or a low box near the pixel ``around`` (x, y)."""
    colour = tuple(int(c) for c in rng.integers(35, 190, 3))
    x, y = around
    if rng.random() < 0.5:
        w = rng.uniform(0.03, 0.07) * width
        box = (x + rng.uniform(-0.12, 0.12) * width - w / 2, 0, w, height)
    else:
        w, h = rng.uniform(0.14, 0.26) * width, rng.uniform(0.12, 0.22) * height
        box = (x + rng.uniform(-0.1, 0.1) * width - w / 2, y + 0.08 * height, w, h)
    return Occluder(tuple(round(float(v)) for v in box), colour)
