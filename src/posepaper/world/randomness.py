"""Named random streams: what is drawn for one thing never depends on any other."""

import zlib

import numpy as np


def stream(seed: int, *names) -> np.random.Generator:
    """A generator that depends on ``seed`` and the names alone, in any process and order."""
    words = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))
