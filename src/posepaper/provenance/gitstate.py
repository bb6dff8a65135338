"""What git knows of a commit."""

import functools
import hashlib
import subprocess


@functools.cache
def exists(commit: str) -> bool:
    """Whether a commit is in this repository."""
    return _run("cat-file", "-e", f"{commit}^{{commit}}") is not None


@functools.cache
def md5(commit: str, path: str) -> str | None:
    """Hex md5 of a file as committed; None where the commit has none."""
    data = read(commit, path)
    return None if data is None else hashlib.md5(data, usedforsecurity=False).hexdigest()


def read(commit: str, path: str) -> bytes | None:
    """A file as committed; None where the commit has none."""
    return _run("show", f"{commit}:{path}")


def _run(*words: str) -> bytes | None:
    done = subprocess.run(["git", *words], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
