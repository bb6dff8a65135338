"""Two clones make the same bytes, and a clone takes over another's results by DVC."""

import json
import shutil

import pytest

from posepaper import files


def test_two_clones_make_the_same_tables(first, second):
    tables = [copy.root / "results/smoke/tables" for copy in (first, second)]
    names = [{str(p.relative_to(t)) for p in files.walk(t)} for t in tables]
    assert names[0] == names[1] and len(names[0]) >= 40
    for name in names[0]:
        assert (tables[0] / name).read_bytes() == (tables[1] / name).read_bytes(), name


@pytest.mark.parametrize("folder", ["data", "keypoints", "checkpoints", "predictions", "metrics"])
def test_two_clones_make_the_same_artefacts(first, second, folder):
    assert files.md5(first.root / f"results/smoke/{folder}") == files.md5(
        second.root / f"results/smoke/{folder}"
    )


def test_results_restored_by_dvc_leave_nothing_to_do(second, restored, tmp_path):
    copy = restored.duplicate(tmp_path / "copy")
    assert not (copy.root / ".snakemake").exists()
    assert copy.planned() == {}
    done = copy.snakemake("all")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout, done.stdout
    page = "results/smoke/report/index.html"
    assert (copy.root / page).read_bytes() == (second.root / page).read_bytes()
    pointers = sorted((second.root / "results/smoke").glob("*.dvc"))
    assert len(pointers) == 10
    for pointer in pointers:
        there = copy.root / pointer.relative_to(second.root)
        assert there.read_bytes() == pointer.read_bytes(), "as dvc add wrote it"


def test_every_number_of_restored_results_can_be_audited(restored):
    done = restored.run("posepaper", "audit", "--all", "--study", "smoke", "--json")
    assert done.returncode == 0, done.stdout
    numbers = json.loads(done.stdout[done.stdout.index("{") :])["numbers"]
    assert len(numbers) > 80 and {number["verdict"] for number in numbers} == {"proven"}


def test_results_restored_in_part_are_made_where_they_lack(second, clone):
    """Without its checkpoints a restored study trains again, and only then."""
    for name in ("data", "keypoints"):
        path = f"results/smoke/{name}"
        shutil.copytree(second.root / path, clone.root / path)
    planned = clone.planned()
    assert not {r for r in planned if r.startswith("prepare_")}
    assert planned["train_lifting"] == 6 and planned["train_pose2d"] == 2
