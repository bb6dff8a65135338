"""The open study's files and the hashes they must have."""

import hashlib
from pathlib import Path

from posepaper.errors import InputError

# SHA-256 by path below the folder of open data.
OPEN_FILES = {
    "cmu_mocap/bvh.tar.xz": "ebf7014828d5c29ba139f59f8586c64933ae113e424e395c9bda31bfb8f9d780",
    "cmu_mocap/clips.csv": "19227b12965219b8f5aa824da417c65fba63e0e62fb877f1d59428170507b518",
    "coco_mini/person_keypoints_train2017_open.json": (
        "7d41d1e4627445a25d6990a7c94a3eb1060edf377ccb2854198c970b73742bbb"
    ),
    "coco_mini/person_keypoints_val2017_open.json": (
        "525cd0fbc51dfcc1dbc02c704367fcda0d87053e47a19b3e9e2e6fa05b6f1e8c"
    ),
}


def check_hash(path: str | Path, sha256: str) -> None:
    """Checks a file against its pinned SHA-256.

    Raises:
        InputError: the file is absent or its bytes are others.
    """
    try:
        with open(path, "rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        raise InputError(path, "is not there", "Fetch it as data/README.md says") from None
    if found != sha256:
        fault = f"has SHA-256 {found[:12]}, not the pinned {sha256[:12]}"
        raise InputError(path, fault, "Fetch it again from the source that data/README.md names")
