"""HDF5 files whose bytes depend on their content alone, written whole or not at all."""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import h5py
import numpy as np

from posepaper.errors import InputError
from posepaper.files import atomic


@contextlib.contextmanager
def create(path: str | Path, kind: str, attributes: dict) -> Iterator[h5py.File]:
    """Yields a new HDF5 file that takes the name ``path`` once the block succeeds.

    Args:
        path: where the file appears.
        kind: what the file holds; :func:`opened` refuses another kind.
        attributes: root attributes, stored as JSON. ``content_hash`` is added at the end.

    Raises:
        InputError: the disk does not take the file; nothing is left behind then.
    """
    try:
        with atomic(path) as part, _Sink(part) as sink, h5py.File(sink, "w") as file:
            yield file
            file.attrs["kind"] = kind
            for name, value in attributes.items():
                file.attrs[name] = json.dumps(value, sort_keys=True, ensure_ascii=False)
            file.attrs["content_hash"] = json.dumps(content_hash(file))
    except OSError as error:
        fault = f"could not be written ({error.strerror or str(error).splitlines()[0]})"
        raise InputError(path, fault, "Free disk space or check the folder's permissions") from None


class _Sink:
    """A file for h5py whose first failed write is raised on leaving, not where it happens.

    A write that fails within HDF5 leaves the library broken: it fails once more for every open
    object and crashes at exit. So it is told that all went well.
    """

    def __init__(self, path: Path):
        self._file, self._fault = io.FileIO(path, "w+"), None
        self.read, self.readinto = self._file.read, self._file.readinto
        self.seek, self.tell = self._file.seek, self._file.tell

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        if self._fault:
            raise self._fault

    def flush(self) -> None:
        """Nothing waits here."""

    def truncate(self, size: int) -> None:
        """Sets the file's length."""
        self._attempt(self._file.truncate, size)

    def write(self, data) -> int:
        """Writes all of ``data`` at the current place."""
        left = memoryview(data).cast("B")
        while len(left) and not self._fault:
            left = left[self._attempt(self._file.write, left) or 0 :]
        return len(data)

    def _attempt(self, action, given):
        try:
            return action(given)
        except OSError as error:
            self._fault = self._fault or error
            return None


@contextlib.contextmanager
def opened(path: str | Path, kind: str | None = None) -> Iterator[h5py.File]:
    """Yields an existing HDF5 file for reading.

    Raises:
        InputError: the file is absent, damaged or of another kind.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise InputError(path, "is not there", "Run the stage that makes it") from None
    except OSError:
        raise InputError(path, "is not a whole HDF5 file", "Delete it and rebuild it") from None
    with file:
        found = file.attrs.get("kind")
        if kind is not None and found != kind:
            raise InputError(
                path, f"holds {found or 'no data of ours'}, not {kind}", "Name another file"
            )
        yield file


def read_attributes(path: str | Path) -> dict:
    """Root attributes of any of the layouts: ``kind``, ``identity``, ``joints``, ``units``,
    ``content_hash`` and what else the layout's writer names.

    Raises:
        InputError: the file is absent or damaged.
    """
    with opened(path) as file:
        values = {k: v for k, v in file.attrs.items() if k != "kind"}
        return {"kind": file.attrs.get("kind")} | {k: json.loads(v) for k, v in values.items()}


def content_hash(file: h5py.File) -> str:
    """Hex md5 over names, types, shapes and bytes of all arrays and attributes, in sorted order."""
    digest = hashlib.md5(usedforsecurity=False)

    def add(name, node):
        for key in sorted(node.attrs):
            if key != "content_hash":
                digest.update(f"{name}@{key}={node.attrs[key]!s}\0".encode())
        if isinstance(node, h5py.Dataset):
            digest.update(f"{name}:{node.dtype.str}{node.shape}\0".encode())
            rows = node.chunks[0] if node.chunks else max(len(node), 1)
            for start in range(0, len(node), rows):
                digest.update(np.ascontiguousarray(node[start : start + rows]))

    add("", file)
    file.visititems(add)
    return digest.hexdigest()


class ByteStore:
    """Byte strings of unequal length in one growing array: ``bytes`` (N,) uint8, ``offsets``."""

    _CHUNK = 1 << 18

    def __init__(self, group: h5py.Group):
        self._group, self._ends, self._waiting, self._size = group, [0], [], 0
        self._data = group.create_dataset(
            "bytes", shape=(0,), maxshape=(None,), chunks=(self._CHUNK,), dtype=np.uint8
        )

    def append(self, data: bytes) -> None:
        """Adds one byte string."""
        self._waiting.append(data)
        self._size += len(data)
        self._ends.append(self._ends[-1] + len(data))
        if self._size >= self._CHUNK:
            self._flush()

    def _flush(self) -> None:
        if block := b"".join(self._waiting):
            self._data.resize(self._ends[-1], axis=0)
            self._data[-len(block) :] = np.frombuffer(block, np.uint8)
        self._waiting, self._size = [], 0

    def finish(self) -> None:
        """Writes what waits, and ``offsets`` (number of strings + 1,) int64."""
        self._flush()
        self._group["offsets"] = np.array(self._ends, dtype=np.int64)


@dataclass
class StoredBytes(Sequence):
    """The byte strings of a :class:`ByteStore`'s group ``group``, read one at a time.

    The open file is kept per process, since HDF5 handles survive neither pickling nor a fork.
    """

    path: str
    group: str
    offsets: np.ndarray
    _open: tuple[int, h5py.Dataset] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        if self._open is None or self._open[0] != os.getpid():
            self._open = (os.getpid(), h5py.File(self.path, "r")[f"{self.group}/bytes"])
        return self._open[1][self.offsets[index] : self.offsets[index + 1]].tobytes()

    def __getstate__(self) -> dict:
        return vars(replace(self, _open=None))
