"""Writes npz files as the public ones are: each entry a pickled 0-d object array."""

from pathlib import Path

import numpy as np

from posepaper.files import atomic


def write_objects(path: Path, **objects) -> None:
    """Writes nested dictionaries of arrays; numpy dates every entry 1980, so bytes are stable."""
    entries = {}
    for name, value in objects.items():
        entries[name] = np.empty((), dtype=object)
        entries[name][()] = value
    with atomic(path) as part:
        np.savez_compressed(part, **entries)
