"""Where an audit finds bytes: the working tree, or what DVC tracked at a commit."""

import hashlib
from pathlib import Path
from typing import Protocol

from posepaper import files
from posepaper.provenance import gitstate
from posepaper.provenance.history import Past


class Store(Protocol):
    """Files by their path relative to the repository's root, as records name them."""

    def md5(self, path: str) -> str | None:
        """Hex md5 of the bytes; None where they are not here."""

    def size(self, path: str) -> int | None:
        """Bytes; None where they are not here."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file; None where they are not here."""

    def paths(self, prefix: str) -> list[str]:
        """Every file below a folder, sorted."""

    def local(self, path: str) -> Path | None:
        """A file of this machine with the bytes, never to be written; None where there is none."""

    def promises(self, path: str) -> bool:
        """Whether the bytes, absent here, are known to be kept elsewhere."""


class Here:
    """The working tree; each file is hashed once.

    Args:
        behind: where to look for what is not in the tree.
    """

    def __init__(self, behind: Store | None = None):
        self.behind = behind
        self._known: dict[str, str | None] = {}
        self.from_behind: set[str] = set()

    def md5(self, path: str) -> str | None:
        """Hex md5, taken of the bytes."""
        if path not in self._known:
            there = Path(path).exists()
            self._known[path] = files.md5(path) if there else self._elsewhere(path)
        return self._known[path]

    def _elsewhere(self, path: str) -> str | None:
        found = self.behind.md5(path) if self.behind else None
        if found:
            self.from_behind.add(path)
        return found

    def size(self, path: str) -> int | None:
        """Bytes."""
        if Path(path).exists():
            return files.size(path)
        return self.behind.size(path) if self.behind else None

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file."""
        if Path(path).is_file():
            return Path(path).read_bytes()
        return self.behind.read(path) if self.behind else None

    def paths(self, prefix: str) -> list[str]:
        """Every file below a folder, those behind it included."""
        found = {str(p) for p in Path(prefix).rglob("*") if p.is_file()}
        return sorted(found.union(self.behind.paths(prefix) if self.behind else ()))

    def local(self, path: str) -> Path | None:
        """The file itself."""
        if Path(path).exists():
            return Path(path)
        return self.behind.local(path) if self.behind else None

    def promises(self, path: str) -> bool:
        """Whether what is behind promises them."""
        return bool(self.behind) and self.behind.promises(path)


class Tracked:
    """A study's results as DVC tracked them at a commit, the bytes from DVC's cache.

    What is not below the study is read from git at that commit, or where git does not keep it
    (raw data) from the working tree.
    """

    def __init__(self, past: Past):
        self.past = past
        self._known: dict[str, str | None] = {}

    def md5(self, path: str) -> str | None:
        """Hex md5, taken of the cache's bytes, not of the name they are kept under."""
        if path not in self._known:
            file = self.local(path)
            if file is not None:
                self._known[path] = files.md5(file)
            else:
                data = self._in_git(path)
                self._known[path] = data and hashlib.md5(data, usedforsecurity=False).hexdigest()
        return self._known[path]

    def size(self, path: str) -> int | None:
        """Bytes."""
        file, data = self.local(path), None
        if file is None:
            data = self._in_git(path)
            return None if data is None else len(data)
        return files.size(file)

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file."""
        file = self.local(path)
        return self._in_git(path) if file is None else file.read_bytes()

    def paths(self, prefix: str) -> list[str]:
        """Every tracked file below a folder of the study."""
        return [p for p in self.past.everything() if p.startswith(prefix.rstrip("/") + "/")]

    def local(self, path: str) -> Path | None:
        """The file in DVC's cache; of raw data, the working tree's."""
        if self.past.holds(path):
            return self.past.file(path)
        if self._in_git(path) is None and Path(path).exists():
            return Path(path)
        return None

    def promises(self, path: str) -> bool:
        """Whether DVC tracks the path, or tracks its folder by a listing that is not here."""
        if not self.past.holds(path) or not self.past.points(path):
            return False
        return not self.past.lists(path) or self.past.md5(path) is not None

    def _in_git(self, path: str) -> bytes | None:
        if self.past.holds(path) or Path(path).is_absolute() or not self.past.commit:
            return None
        return gitstate.read(self.past.commit, path)
