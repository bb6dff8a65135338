"""Files written whole or not at all, and their hashes."""

import hashlib
import json
import math
import os
import pickle
import signal
import subprocess
import sys

import pytest

from posepaper import files
from posepaper.errors import InputError


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_atomic_puts_the_file_in_place(tmp_path):
    target = tmp_path / "deep" / "data.h5"
    with files.atomic(target) as part:
        assert part.suffix == ".h5" and part.parent.parent == target.parent
        part.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new" and names(target.parent) == ["data.h5"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_error_mid_write_leaves_the_old_file(tmp_path, error):
    target = tmp_path / "data.json"
    target.write_text("old")
    with pytest.raises(error), files.atomic(target) as part:
        part.write_text("half")
        raise error
    assert target.read_text() == "old" and names(tmp_path) == ["data.json"]


def test_an_error_without_an_old_file_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), files.atomic(tmp_path / "data.json") as part:
        part.write_text("half")
        raise RuntimeError
    assert names(tmp_path) == []


def test_writing_nothing_is_an_error_not_an_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError), files.atomic(tmp_path / "data.json"):
        pass
    assert names(tmp_path) == []


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "world"
    for written in (["a", "b"], ["c"]):
        with files.atomic(target) as part:
            part.mkdir()
            for name in written:
                (part / name).write_text(name)
        assert names(target) == written
    with pytest.raises(RuntimeError), files.atomic(target) as part:
        part.mkdir()
        raise RuntimeError
    assert names(target) == ["c"] and names(tmp_path) == ["world"]


def test_md5_is_that_of_the_bytes(tmp_path):
    file = tmp_path / "big"
    data = os.urandom(3_000_000)
    file.write_bytes(data)
    assert files.md5(file) == hashlib.md5(data).hexdigest()
    assert files.size(file) == 3_000_000


def test_md5_of_a_folder_follows_names_and_bytes(tmp_path):
    def made(folder, content):
        for name, text in content.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return files.md5(tmp_path / folder)

    first = made("one", {"a/x": "1", "b": "2"})
    assert made("same", {"b": "2", "a/x": "1"}) == first and first.endswith(".dir")
    assert files.size(tmp_path / "one") == 2
    assert made("renamed", {"a/y": "1", "b": "2"}) != first
    assert made("other", {"a/x": "1", "b": "3"}) != first
    assert made("swapped", {"a/x": "2", "b": "1"}) != first
    (tmp_path / "one/b.record.json").write_text("{}")
    assert files.md5(tmp_path / "one") == first, "a record is not part of what it describes"


def test_json_is_written_one_way_only(tmp_path):
    file = tmp_path / "x.json"
    files.write_json(file, {"b": 1, "a": [1.5, "ü"]})
    first = file.read_bytes()
    files.write_json(file, {"a": [1.5, "ü"], "b": 1})
    assert file.read_bytes() == first and first.endswith(b"}\n") and "ü".encode() in first
    assert files.read_json(file) == json.loads(first)
    with pytest.raises(ValueError):
        files.write_json(file, {"a": math.nan})
    assert file.read_bytes() == first


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "is not there"), (b"{", "is not valid JSON"), (b"\xff\xfe{}", "is not valid JSON")],
)
def test_a_bad_json_file_is_one_line_that_names_it(tmp_path, content, what):
    file = tmp_path / "x.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=what) as raised:
        files.read_json(file)
    assert str(file) in str(raised.value) and "\n" not in str(raised.value)


def test_an_input_error_crosses_processes():
    error = pickle.loads(pickle.dumps(InputError("a.npz", "is cut short", "Fetch it again")))
    assert str(error) == "a.npz: is cut short. Fetch it again" and error.file == "a.npz"


def test_what_a_killed_process_was_writing_is_swept(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from posepaper import files\n"
        "with files.atomic(sys.argv[1]) as part:\n"
        "    part.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run((sys.executable, "-c", script, tmp_path / "deep/killed.h5"))
    assert killed.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "deep").iterdir()
    elsewhere = tmp_path / ".writing-1@another-host-abcdefgh"
    elsewhere.mkdir()
    with files.atomic(tmp_path / "deep/living.h5") as part:
        part.write_bytes(b"whole")
        assert files.sweep(tmp_path) == [left]
    assert names(tmp_path / "deep") == ["living.h5"] and elsewhere.exists()
    os.utime(elsewhere, (0, 0))
    assert files.sweep(tmp_path) == [elsewhere]
