"""Files from outside held against the hash a study pins for them."""

import hashlib
from pathlib import Path

from posepaper.errors import InputError


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
