"""The unlabelled video of a person working at a bench, the mini world's factory."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from posepaper.world.actions import BENCH_WORK
from posepaper.world.cameras import plain_camera
from posepaper.world.human36m import write_video
from posepaper.world.motion import make_motion
from posepaper.world.outfits import make_outfit
from posepaper.world.render import draw_person, paint
from posepaper.world.scenery import backdrop

_SIZE = (320, 240)
_FRAMES = 60
_TOP = (130, 150, 165)
_FRONT = (72, 84, 96)


def write_factory(path: Path, seed: int) -> None:
    """Writes the video: 60 frames, 320 x 240, 25 frames per second."""
    write_video(path, _frames(seed), _SIZE)


def _frames(seed: int) -> Iterator[np.ndarray]:
    motion = make_motion(seed, "worker", BENCH_WORK, "factory", _FRAMES, turning=False)
    centre = motion.points[:, 0].mean(axis=0)
    # From the front and a little to the side: the worker faces +x, the bench is in between.
    position = centre + np.array([3.1, 1.3, 0.75])
    camera = plain_camera("factory", _SIZE, 300.0, position, centre)
    pixels, seen = camera.view(motion.points)
    drawing = draw_person(
        pixels, seen, 300.0, motion.body, make_outfit(seed, "worker"), seated=False
    )
    room, bench = backdrop(camera, seed, "factory"), _bench(camera, centre)
    for frame in range(_FRAMES):
        image = room.copy()
        paint(image, drawing, frame)
        for outline, colour in bench:
            cv2.fillConvexPoly(image, outline, colour, cv2.LINE_AA, 4)
        yield image


def _bench(camera, centre: np.ndarray) -> list[tuple[np.ndarray, tuple[int, int, int]]]:
    x, y, near, half = centre[0] + 0.48, centre[1], 0.35, 0.95
    top = [(x, y - half), (x, y + half), (x + near, y + half), (x + near, y - half)]
    high = [(*corner, 0.84) for corner in top]
    front = [high[3], high[2], (*top[2], 0.5), (*top[3], 0.5)]
    side = [high[1], high[2], (*top[2], 0.5), (*top[1], 0.5)]
    faces = ((high, _TOP), (front, _FRONT), (side, _FRONT))
    return [(np.round(camera.view(np.array(f))[0] * 16).astype(np.int32), c) for f, c in faces]
