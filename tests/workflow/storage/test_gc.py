"""What no commit needs is collected, and nothing that one needs."""

import json
import shutil
import subprocess
import sys

import pytest

from posepaper.errors import InputError


def test_gc_keeps_what_tags_need_and_takes_what_was_abandoned(toy):
    toy.commit("one", tag="v1")
    first = toy.state(1.0, "weights of v1")
    toy.edit("an attempt")
    abandoned = toy.state(2.0, "an attempt")
    toy.commit("two", tag="v2")
    second = toy.state(3.0, "weights of v2")
    toy.edit("as it is now")
    present = toy.state(4.0, "as it is now")

    found = toy.gc()
    assert set(found["objects"]) >= {abandoned} and not found["deleted"]
    assert not {first, second, present} & found["objects"].keys()
    assert [s["dirty"] for s in found["states"]] == [True]
    assert toy.cached(abandoned), "a dry run"
    assert found["bytes"] == sum(found["objects"].values()) > len("an attempt")

    toy.gc(delete=True)
    assert not toy.cached(abandoned)
    assert all(toy.cached(md5) for md5 in (first, second, present))
    assert toy.value_at("v1") == 1.0 and toy.value_at("v2") == 3.0
    assert toy.gc()["objects"] == {} and toy.gc()["states"] == []


def test_a_tag_may_be_given_up_by_name(toy):
    toy.commit("one", tag="v1")
    first = toy.state(1.0, "weights of v1")
    log = toy.root / "results/smoke/stamps/history.jsonl"
    listing = json.loads(log.read_text())["pointers"]["results/smoke/checkpoints"]
    toy.commit("two")
    toy.state(2.0, "as it is now")
    toy.sh("rm", "-f", f".dvc/cache/files/md5/{listing[:2]}/{listing[2:]}")
    with pytest.raises(InputError, match=r"which v1 needs, .* gc --without"):
        toy.gc(delete=True)
    with pytest.raises(InputError, match="v3: is no tag and no branch here"):
        toy.gc(without=["v3"])
    toy.gc(without=["v1"], delete=True)
    assert not toy.cached(first)


def test_dvcs_own_gc_would_take_what_tags_need(toy):
    """The reason for ours: pointers of a generated study are in no commit."""
    toy.commit("one", tag="v1")
    first = toy.state(1.0, "weights of v1")
    toy.commit("two")
    toy.state(2.0, "later weights")
    assert toy.gc(delete=True)["objects"] == {} and toy.cached(first)
    toy.dvc("gc", "--all-tags", "--all-branches", "-f")
    assert not toy.cached(first)


def test_results_made_before_their_commit_are_that_commits(toy):
    toy.edit("made first")
    toy.state(1.0, "made first")
    toy.sh("git", "commit", "-qam", "committed then")
    toy.sh("git", "tag", "v1")
    toy.edit("an attempt at v1")
    kept = toy.state(2.0, "an attempt at v1")
    toy.commit("other code", tag="v2")
    toy.edit("as it is now")
    toy.state(3.0, "as it is now")
    assert toy.value_at("v1") == 1.0
    # What made it is not v2's code to the letter, yet v2 has no results but these.
    toy.gc(delete=True)
    assert toy.value_at("v1") == 1.0 and toy.cached(kept)


def test_committed_pointers_count_at_every_tag(toy):
    """As of the studies open and paper, whose pointers are in git."""
    toy.sh("git", "rm", "-q", "--cached", "-r", "--ignore-unmatch", "results")
    ignore = toy.root / ".gitignore"
    ignore.write_text(ignore.read_text().replace("/results/smoke/\n", ""))
    first = toy.state(1.0, "weights of v1")
    toy.sh("git", "add", "-A")
    toy.commit("one", tag="v1")
    second = toy.state(2.0, "on a branch")
    toy.sh("git", "checkout", "-qb", "side")
    toy.sh("git", "add", "-A")
    toy.commit("two")
    last = toy.state(3.0, "as it is now")
    shutil.rmtree(toy.root / ".dvc/cache/posepaper")
    (toy.root / "results/smoke/stamps/history.jsonl").unlink()
    assert toy.gc(delete=True)["objects"] == {}
    toy.sh("git", "checkout", "-qf", "--detach", "v1")
    toy.sh("git", "branch", "-qD", "side")
    toy.gc(delete=True)
    assert toy.cached(first) and not toy.cached(second) and not toy.cached(last)


def test_a_deleted_study_loses_no_tagged_number(toy):
    toy.commit("one", tag="v1")
    first = toy.state(1.0, "weights of v1")
    shutil.rmtree(toy.root / "results/smoke")
    toy.gc(delete=True)
    assert toy.cached(first)
    toy.commit("two")
    toy.state(2.0, "later weights")
    assert toy.value_at("v1") == 1.0


def test_numbers_that_gc_took_are_said_to_be_gone(toy):
    toy.commit("one")
    toy.state(1.0, "weights of a commit on the way")
    middle = toy.sh("git", "rev-parse", "HEAD").strip()
    toy.commit("two")
    toy.state(2.0, "as it is now")
    toy.gc(delete=True)
    toy.sh("git", "tag", "late", middle)
    with pytest.raises(InputError, match="were removed by posepaper gc"):
        toy.value_at("late")
    assert toy.gc()["objects"] == {}


@pytest.mark.parametrize("fault", ["listing", "log", "shelf", "pointer", "shallow", "git"])
def test_gc_refuses_what_it_cannot_read(toy, fault, tmp_path):
    toy.commit("one", tag="v1")
    toy.state(1.0, "weights of v1")
    before = json.loads((toy.root / "results/smoke/stamps/history.jsonl").read_text())["pointers"]
    toy.commit("two")
    toy.state(2.0, "as it is now")
    cache = toy.root / ".dvc/cache"
    if fault == "listing":
        md5 = before["results/smoke/checkpoints"]
        (cache / f"files/md5/{md5[:2]}/{md5[2:]}").unlink()
    elif fault == "log":
        (toy.root / "results/smoke/stamps/history.jsonl").write_text('{"commit": "a"')
    elif fault == "shelf":
        next((cache / "posepaper/smoke").glob("*.json")).write_text("{}")
    elif fault == "pointer":
        (toy.root / "results/smoke/tables.dvc").write_text("outs: []\n")
    elif fault == "shallow":
        (toy.root / ".git/shallow").write_text(toy.sh("git", "rev-parse", "HEAD"))
    else:
        (toy.root / ".git").rename(tmp_path / "git")
    held = sorted(p for p in cache.rglob("*") if p.is_file())
    with pytest.raises(InputError) as caught:
        toy.gc(delete=True)
    assert "\n" not in str(caught.value)
    assert sorted(p for p in cache.rglob("*") if p.is_file()) == held


def test_gc_of_a_remote_keeps_its_states_and_takes_the_rest(toy, remote, fresh):
    remote(toy)
    toy.commit("one", tag="v1")
    toy.state(1.0, "weights of v1")
    toy.push()
    toy.edit("an attempt")
    abandoned = toy.state(2.0, "an attempt")
    toy.push()
    toy.commit("two")
    toy.state(3.0, "as it is now")
    toy.push()
    other = fresh()
    remote(other)
    found = other.gc("store")
    assert abandoned in found["objects"] and len(found["states"]) == 1
    other.gc("store", delete=True)
    assert other.gc("store")["objects"] == {}
    other.pull()
    other.pull("v1")
    assert other.value_at("v1") == 1.0
    assert toy.cached(abandoned), "the cache of another clone is its own"


def test_gc_leaves_a_running_snakemake_alone(toy):
    toy.commit("one")
    toy.state(1.0, "weights")
    hold = (
        "import time; from posepaper.stages import driver; driver.claim([]);"
        " print('held', flush=True); time.sleep(120)"
    )
    words = [sys.executable, "-c", hold]
    with subprocess.Popen(words, cwd=toy.root, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match="runs here"):
            toy.gc(delete=True)
        assert toy.gc()["objects"] == {}
        other.kill()


def test_the_command_says_what_goes_and_what_stays(toy, clone):
    toy.commit("one", tag="v1")
    toy.state(1.0, "weights of v1")
    toy.edit("an attempt")
    toy.state(2.0, "an attempt")
    toy.commit("two")
    toy.state(3.0, "as it is now")
    done = clone.run("posepaper", "gc")
    assert done.returncode == 0, done.stdout
    assert "with uncommitted code, tracked 20" in done.stdout
    assert "pointers for v1" in done.stdout and "to delete: posepaper gc --delete" in done.stdout
    done = clone.run("posepaper", "push")
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1
