from pathlib import Path

import pytest

from posepaper.world import generate

TINY = {
    "seed": 3,
    "frames": (10, 12),
    "coco_images": {"train": 12, "val": 10},
    "subjects": ["S1", "S9", "S11"],
    "actions": ["Walking", "Sitting"],
    "takes": 2,
    "progress": False,
}


@pytest.fixture(scope="session")
def settings() -> dict:
    """What the tiny world is made of."""
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A tiny world, made in this process."""
    folder = tmp_path_factory.mktemp("tiny")
    generate(folder, **TINY, processes=1)
    return folder
