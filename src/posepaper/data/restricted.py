"""npz files that hold pickled objects, read without letting the pickle run anything."""

import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from posepaper.errors import InputError

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

# What damaged bytes make the zip, npy and pickle readers raise, none of it meant for a user.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    pickle.UnpicklingError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ImportError,
    MemoryError,
    OverflowError,
    NotImplementedError,
)


class _ForbiddenError(Exception):
    """A pickle names something that is no array, number or container."""


def _encode(text: str, encoding: str) -> bytes:
    # Old pickle protocols spell bytes as latin-1 text; other codecs have no business here.
    if encoding not in ("latin1", "latin-1"):
        raise _ForbiddenError(f"_codecs.encode to {encoding}")
    return text.encode("latin-1")


def _frombuffer(buffer, dtype, shape, order):
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order).copy(order=order)


def _admitted() -> dict[tuple[str, str], object]:
    # numpy itself says what rebuilds its arrays and scalars; both its module names are in use.
    reconstruct = np.zeros(1).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    table = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype}
    for package in ("numpy.core", "numpy._core"):
        table[f"{package}.multiarray", "_reconstruct"] = reconstruct
        table[f"{package}.multiarray", "scalar"] = scalar
        table[f"{package}.numeric", "_frombuffer"] = _frombuffer
    return table | {("_codecs", "encode"): _encode}


class _Unpickler(pickle.Unpickler):
    _table = _admitted()

    def find_class(self, module: str, name: str):
        if (module, name) not in self._table:
            raise _ForbiddenError(f"{module}.{name}")
        return self._table[module, name]


def load_npz(path: str | Path) -> dict[str, object]:
    """Reads every array of an npz file; object arrays of no dimension give the object itself.

    Pickles may hold numpy arrays, dtypes and scalars, dict, list, tuple, text, bytes and numbers.

    Raises:
        InputError: the file is absent, cut off or damaged, or its pickle names anything else;
            nothing of it has run then.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {n.removesuffix(".npy"): _read(archive.read(n)) for n in archive.namelist()}
    except FileNotFoundError:
        raise InputError(path, "is not there", "Fetch it as data/README.md says") from None
    except _ForbiddenError as error:
        fault = f"wants to run {error}, which is neither an array nor a plain container"
        raise InputError(path, fault, "Do not trust it; fetch it from its public source") from None
    except _DAMAGE as error:
        fault = f"is cut off or damaged ({type(error).__name__})"
        raise InputError(path, fault, "Fetch it again") from None


def _read(data: bytes) -> object:
    stream = io.BytesIO(data)
    version = npy.read_magic(stream)
    shape, _, dtype = _HEADERS[version](stream)
    if not dtype.hasobject:
        stream.seek(0)
        return npy.read_array(stream, allow_pickle=False)
    array = _Unpickler(stream, encoding="latin1").load()
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError("the pickle is not the array its header announces")
    return array.item() if shape == () else array
