"""Records: what they say, what they vouch for, and the times they set."""

import json
import os
from pathlib import Path

import pytest

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import record

FACTS = {"rule": "train_lifting", "target": "a.h5", "fingerprint": "f1", "settings": {"lr": 0.1}}


@pytest.fixture
def artefact(tmp_path, monkeypatch):
    """A file with its record, named as Snakemake names it; the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("a.h5").write_bytes(b"numbers")
    record.write({"data": Path("a.h5")}, FACTS | {"inputs": {}, "raw": {}}, record.now())
    return Path("a.h5")


def test_a_record_says_what_was_made_and_where(artefact):
    made = record.read(artefact)
    assert made["fingerprint"] == "f1" and made["settings"] == {"lr": 0.1}
    md5 = files.md5(artefact)
    assert made["outputs"] == {"data": {"path": "a.h5", "md5": md5, "size": 7}}
    assert made["start"] < made["end"] and made["peak_memory_bytes"] > 1_000_000
    assert {"host", "cpu", "gpus", "slurm_job", "python", "lock"} <= set(made["machine"])
    assert record.read("b.h5") is None


def test_artefacts_are_dated_as_their_record_ends(artefact):
    end = record.nanoseconds(record.read(artefact)["end"])
    assert artefact.stat().st_mtime_ns == end
    os.utime(artefact)
    record.date_as_recorded(artefact, record.read(artefact))
    assert artefact.stat().st_mtime_ns == end


def test_times_are_exact_to_the_microsecond():
    assert record.nanoseconds("1970-01-01T00:00:01.000001+00:00") == 1_000_001_000
    assert record.nanoseconds("2026-01-01T01:00:00+01:00") == record.nanoseconds(
        "2026-01-01T00:00:00.000000+00:00"
    )
    assert "+00:00" in record.now()


def test_all_outputs_of_a_job_carry_one_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outputs = {name: Path(f"t.{name}") for name in ("json", "csv")}
    for path in outputs.values():
        path.write_text(str(path))
    record.write(outputs, FACTS, record.now())
    assert record.read("t.json") == record.read("t.csv")
    assert len({path.stat().st_mtime_ns for path in outputs.values()}) == 1
    assert all(record.agrees(path, "f1") for path in outputs.values())


def test_a_folder_is_recorded_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("world").mkdir()
    Path("world/a.npz").write_bytes(b"123")
    record.write({"world": Path("world")}, FACTS, record.now())
    made = record.agrees("world", "f1")
    assert made["outputs"]["world"]["md5"].endswith(".dir")
    Path("world/b.npz").write_bytes(b"4")
    assert not record.agrees("world", "f1")


def _rewrite(change):
    made = json.loads(Path("a.h5.record.json").read_text())
    change(made)
    Path("a.h5.record.json").write_text(json.dumps(made))


SPOILT = {
    "another size": lambda: Path("a.h5").write_bytes(b"number"),
    "no file": lambda: Path("a.h5").unlink(),
    "no record": lambda: Path("a.h5.record.json").unlink(),
    "half a record": lambda: Path("a.h5.record.json").write_text('{"outputs": {'),
    "an empty record": lambda: Path("a.h5.record.json").write_text(""),
    "a list for a record": lambda: Path("a.h5.record.json").write_text("[]"),
    "a record of something else": lambda: _rewrite(
        lambda made: made["outputs"]["data"].update(path="b.h5")
    ),
    "a record without outputs": lambda: _rewrite(lambda made: made.pop("outputs")),
    "another fingerprint": lambda: _rewrite(lambda made: made.update(fingerprint="f2")),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_an_artefact_agrees_only_as_recorded(artefact, fault):
    assert record.agrees(artefact, "f1")["fingerprint"] == "f1"
    assert record.agrees(artefact, "f2") is None
    SPOILT[fault]()
    assert record.agrees(artefact, "f1") is None


def test_hashes_are_taken_anew_where_a_file_is_not_as_recorded(artefact):
    _rewrite(lambda made: made["outputs"]["data"].update(md5="from the record"))
    assert record.describe(artefact)["md5"] == "from the record"
    os.utime(artefact)
    assert record.describe(artefact) == {"path": "a.h5", "md5": files.md5(artefact), "size": 7}
    artefact.write_bytes(b"changed")
    assert record.describe(artefact)["md5"] == files.md5(artefact)


def test_a_damaged_record_is_named_when_it_is_read(artefact):
    Path("a.h5.record.json").write_text("{")
    with pytest.raises(InputError, match=r"a.h5.record.json: is not valid JSON"):
        record.read(artefact)


def test_git_says_commit_and_whether_the_code_is_as_committed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert record.git_state() == {"commit": None, "dirty": None}

    def git(*words):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        assert record._run("git", *who, *words) is not None

    Path("src").mkdir()
    Path("src/a.py").write_text("A = 1\n")
    Path("notes.txt").write_text("x")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "First")
    state = record.git_state()
    assert len(state["commit"]) == 40 and state["dirty"] is False
    Path("notes.txt").write_text("y")
    assert record.git_state()["dirty"] is False
    Path("src/a.py").write_text("A = 2\n")
    assert record.git_state()["dirty"] is True
