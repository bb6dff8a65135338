"""Clothes: two-tone training suits, warm on the left and cool on the right, as every subject
wears them, so that left and right can be told from pixels and not only from the pose.
"""

import cv2
import numpy as np

from posepaper.world.randomness import stream

Outfit = dict[str, tuple[int, int, int]]


def make_outfit(seed: int, subject: str) -> Outfit:
    """A subject's colours (BGR) by the name of what they dye."""
    rng = stream(seed, "outfit", subject)
    warm, cool = rng.uniform(0, 26), rng.uniform(88, 128)
    bright, dark = rng.uniform(185, 235), rng.uniform(95, 150)
    skin = _bgr(rng.uniform(8, 16), rng.uniform(70, 130), rng.uniform(150, 235))
    long_sleeves = rng.random() < 0.5
    left, right = _bgr(warm, 190, bright), _bgr(cool, 170, dark)
    return {
        "skin": skin,
        "hair": _bgr(rng.uniform(5, 20), rng.uniform(40, 140), rng.uniform(25, 110)),
        "eye": (30, 25, 20),
        "shirt": _bgr(rng.uniform(0, 180), rng.uniform(20, 90), rng.uniform(110, 170)),
        "chest": _bgr(rng.uniform(20, 35), rng.uniform(10, 60), 235),
        "back": _bgr(rng.uniform(90, 130), rng.uniform(40, 120), 62),
        "accent": _bgr(rng.uniform(0, 180), 60, 225),
        "sleeve_l": left,
        "sleeve_r": right,
        "forearm_l": left if long_sleeves else skin,
        "forearm_r": right if long_sleeves else skin,
        "leg_l": _bgr(warm + rng.uniform(-6, 6), 160, bright * 0.9),
        "leg_r": _bgr(cool + rng.uniform(-8, 8), 150, dark * 0.9),
        "shoe_l": (205, 215, 225),
        "shoe_r": (45, 40, 38),
        "stool": (62, 88, 112),
    }


def _bgr(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """OpenCV's HSV (hue 0-180, others 0-255) as BGR."""
    pixel = np.array([[[hue % 180, saturation, np.clip(value, 0, 255)]]], dtype=np.uint8)
    return tuple(int(c) for c in cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0])
