import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from posepaper.data.restricted import load_npz
from posepaper.errors import InputError


def _tables():
    return {
        "positions": {"S1": {"Walking 1": np.arange(12, dtype=np.float32).reshape(2, 2, 3)}},
        "views": {"S1": [np.zeros((2, 3)), np.asfortranarray(np.ones((3, 2), dtype=">f8"))]},
        "facts": {"fps": np.float64(50), "n": 3, "s": (1, "x", b"\xff\x00", None, True, 2.5)},
        "ragged": np.array([np.zeros(2), np.zeros(3)], dtype=object),
    }


@pytest.mark.parametrize("protocol", range(6))
def test_reads_what_numpy_reads(tmp_path, protocol):
    path = tmp_path / "x.npz"
    tables = _tables()
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in tables.items():
            array = value if isinstance(value, np.ndarray) else np.array(value, dtype=object)
            with archive.open(f"{name}.npy", "w") as stream:
                header = np.lib.format.header_data_from_array_1_0(array)
                np.lib.format.write_array_header_1_0(stream, header)
                pickle.dump(array, stream, protocol=protocol)
        with archive.open("plain.npy", "w") as stream:
            np.save(stream, np.arange(4.0))
    with np.load(path, allow_pickle=True) as file:  # the reference, on a file made here
        expected = {n: file[n] if file[n].shape else file[n].item() for n in file.files}
    found = load_npz(path)
    assert list(found) == list(expected)
    for name in found:
        assert _same(found[name], expected[name]), name


def _same(a, b) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        alike = a.dtype == b.dtype and a.shape == b.shape
        if a.dtype == object:
            return alike and all(_same(x, y) for x, y in zip(a, b, strict=True))
        return alike and np.array_equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


class _Attack:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (_Attack(os.mkdir, "PWNED"), "posix.mkdir"),
        (_Attack(eval, "open('PWNED', 'w')"), "builtins.eval"),
        (_Attack(getattr, "x", "upper"), "builtins.getattr"),
        (_Attack(np.fromfile, "PWNED"), "numpy"),
        (OrderedDict(a=1), "collections.OrderedDict"),
    ],
)
def test_a_pickle_that_names_code_is_refused_unrun(tmp_path, monkeypatch, value, named):
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", positions_3d=np.array({"S1": value}, dtype=object))
    with pytest.raises(InputError, match=f"bad.npz: wants to run .*{named}") as caught:
        load_npz("bad.npz")
    assert "\n" not in str(caught.value)
    assert os.listdir() == ["bad.npz"]


@pytest.mark.parametrize("codec", ["zip", "rot13"])
def test_only_latin1_spells_bytes(tmp_path, codec):
    payload = b"c_codecs\nencode\n(Vx\nV" + codec.encode() + b"\ntR."
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("a.npy", "w") as stream:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(payload)
    with pytest.raises(InputError, match=f"_codecs.encode to {codec}"):
        load_npz(tmp_path / "x.npz")


def test_truncated_at_any_length_is_an_input_error(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **{k: np.array(v, dtype=object) for k, v in list(_tables().items())[:3]})
    data = path.read_bytes()
    for length in range(0, len(data) - 1, 37):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="cut off or damaged"):
            load_npz(path)


def test_flipped_bytes_never_leak_another_error(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.array(_tables()["facts"], dtype=object))
    data = bytearray(path.read_bytes())
    for place in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 0x5A
        path.write_bytes(damaged)
        try:
            load_npz(path)
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("payload", [b"N.", b"]."])
def test_a_pickle_that_is_no_array(tmp_path, payload):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("a.npy", "w") as stream:
        header = {"descr": "|O", "fortran_order": False, "shape": ()}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(payload)
    with pytest.raises(InputError, match="damaged"):
        load_npz(tmp_path / "x.npz")


def test_absent(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        load_npz(tmp_path / "x.npz")
