"""Results sent to a folder or a bucket, and restored in a fresh clone."""

import contextlib
from pathlib import Path

import pytest

from posepaper import files
from posepaper.errors import InputError
from posepaper.stages import storage


def test_a_fresh_clone_restores_what_a_remote_has(toy, remote, fresh):
    remote(toy)
    toy.commit("one", tag="v1")
    toy.state(1.0, "first weights")
    toy.commit("two")
    toy.state(2.0, "second weights")
    sent = toy.push()
    assert sent["states"] == 2 and sent["sent"] == 8 and not sent["absent"]
    assert toy.push()["sent"] == 0

    other = fresh()
    remote(other)
    other.pull()
    for name in ("tables", "checkpoints"):
        own, theirs = (r.root / "results/smoke" / name for r in (other, toy))
        assert files.md5(own) == files.md5(theirs)
        pointers = [p.with_name(f"{name}.dvc").read_bytes() for p in (own, theirs)]
        assert pointers[0] == pointers[1]
    with pytest.raises(InputError, match="is not in DVC's cache"):
        other.value_at("v1")
    files.write_json(other.table, files.read_json(toy.table))
    other.pull("v1")
    assert other.value_at("v1") == 1.0
    assert files.read_json(other.table) == files.read_json(toy.table), "results here stay"


def test_another_commits_clone_gets_that_commits_results(toy, remote, fresh):
    remote(toy)
    toy.commit("one", tag="v1")
    first = toy.state(1.0, "first weights")
    toy.commit("two")
    toy.state(2.0, "second weights")
    toy.push()
    other = fresh()
    remote(other)
    other.sh("git", "checkout", "-q", "v1")
    other.pull()
    assert files.md5(other.checkpoint) == first


def test_remotes_that_cannot_be_used_are_one_line(toy, remote):
    toy.commit("one")
    toy.state(1.0, "weights")
    for ask in (toy.push, toy.pull, lambda: toy.gc("store")):
        with pytest.raises(InputError, match="remote") as caught:
            ask()
        assert "\n" not in str(caught.value)
    remote(toy)
    with contextlib.chdir(toy.root):
        with pytest.raises(InputError, match="no results were tracked"):
            storage.pull("open")
        with pytest.raises(InputError, match="nothing tracked"):
            storage.push("open")


def test_files_that_would_be_lost_stop_a_pull(toy, remote):
    remote(toy)
    toy.commit("one")
    toy.state(1.0, "weights")
    toy.push()
    toy.checkpoint.write_text("of an hour's training, not tracked yet")
    with pytest.raises(InputError, match="checkpoints") as caught:
        toy.pull()
    assert "\n" not in str(caught.value)
    assert toy.checkpoint.read_text() == "of an hour's training, not tracked yet"


def test_raw_data_in_the_repository_are_tracked_and_restored(toy, fresh, remote, tmp_path):
    remote(toy)
    raw, outside = toy.root / "data/toy_set/poses.npz", tmp_path / "elsewhere/other_set/a.npz"
    for path in (raw, outside):
        path.parent.mkdir(parents=True)
        path.write_text(f"raw data {path.name}")
    (toy.root / "data/linked_set").symlink_to(outside.parent)
    used = [raw.relative_to(toy.root), outside, Path("data/linked_set/a.npz")]
    made = {"raw": {str(p): {} for p in used}, "outputs": {}, "end": "2026-01-01T00:00:00+00:00"}
    files.write_json(f"{toy.checkpoint}.record.json", made)
    toy.commit("one")
    toy.state(1.0, "weights")
    assert [p.name for p in (toy.root / "data").glob("*.dvc")] == ["toy_set.dvc"]
    assert "?? data/toy_set.dvc" in toy.sh("git", "status", "--short")
    assert raw.read_text() == "raw data poses.npz"
    toy.push()
    other = fresh()
    remote(other)
    other.pull()
    assert (other.root / "data/toy_set/poses.npz").read_text() == "raw data poses.npz"
    assert (other.root / "data/toy_set.dvc").read_text() == (
        toy.root / "data/toy_set.dvc"
    ).read_text()
