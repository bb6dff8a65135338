"""Bytes that are not what records say, or that DVC or git know otherwise."""

import shutil
from pathlib import Path

import pytest

from posepaper.provenance import record

BASE = "results/smoke"
OURS, TRUTH = (f"{BASE}/checkpoints/lift/ours-f81-{s}/seed0.safetensors" for s in ("cpn", "gt"))
PREDICTED = f"{BASE}/predictions/lift/ours-f81-cpn/seed0.h5"
MEASURED = f"{BASE}/metrics/lift/ours-f81-cpn/seed0.json"
POSES, KEYPOINTS = f"{BASE}/data/pose3d.h5", f"{BASE}/keypoints/cpn.h5"
TABLE = f"{BASE}/tables/lifting/table-2.json"


def edit_metrics(study):
    study.change_json(MEASURED, lambda m: m["values"].update({"mpjpe/average": 1.0}))


def edit_cell(study):
    study.change_json(TABLE, lambda t: t["rows"][-1].update(label="Ours"))


BYTES = {
    "checkpoints of two experiments swapped": (lambda s: s.swap(OURS, TRUTH), OURS),
    "a bit of a checkpoint flipped": (lambda s: s.flip(OURS), OURS),
    "a bit of the dataset flipped": (lambda s: s.flip(POSES), POSES),
    "a bit of a prediction flipped": (lambda s: s.flip(PREDICTED), PREDICTED),
    "a metrics value edited": (edit_metrics, MEASURED),
    "a table edited": (edit_cell, TABLE),
}


@pytest.mark.parametrize("fault", BYTES)
def test_bytes_that_are_not_their_record_s(study, fault):
    plant, link = BYTES[fault]
    plant(study)
    study.finds("audit", link, "its bytes are not its record's")


def test_a_flipped_bit_of_a_generated_raw_file(study):
    raw = f"{BASE}/data/world/data_2d_h36m_cpn_ft_h36m_dbb.npz"
    study.flip(raw)
    study.finds("audit", raw, f"is not as {BASE}/data/world.json lists it")


def test_a_generated_raw_file_that_nobody_listed(study):
    study.write(f"{BASE}/data/world/extra.npz", b"more")
    study.finds("audit", f"{BASE}/data/world/extra.npz", "does not list it")


def test_a_raw_file_changed_since(study):
    page = f"{BASE}/report/index.html"
    study.edit("report/style.css.j2", "{", "{ ")
    study.finds("audit", "report/style.css.j2", "changed since its use", "stale", page)


def test_a_flipped_bit_of_a_record(study):
    """Where it hits what the record says neither of its inputs nor of itself, DVC remembers."""
    file = str(record.path_of(OURS))
    study.flip(file, Path(file).read_bytes().index(b"peak_memory_bytes") + 20)
    study.finds("verify", OURS, "DVC tracked its record as md5")


def test_a_record_that_is_no_json_any_more(study):
    study.flip(record.path_of(OURS), 0)
    study.finds("audit", OURS, "its record cannot be read")


def test_a_pointer_of_dvc_s_edited(study):
    pointer = f"{BASE}/checkpoints.dvc"
    text = Path(pointer).read_text()
    md5 = text.partition("md5: ")[2][:32]
    study.edit(pointer, md5, md5[::-1])
    study.finds("verify", pointer, "tracked.json at")


def test_a_pointer_of_dvc_s_and_its_note_edited(study):
    pointer = f"{BASE}/checkpoints.dvc"
    md5 = Path(pointer).read_text().partition("md5: ")[2][:32]
    for path in (pointer, f"{BASE}/stamps/tracked.json"):
        study.edit(path, md5, md5[::-1])
    study.finds("verify", pointer, "points at a listing that is not here", "unverifiable")


def test_a_listing_of_dvc_s_edited(study):
    pointer = f"{BASE}/checkpoints.dvc"
    md5 = Path(pointer).read_text().partition("md5: ")[2][:32]
    study.flip(f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}.dir", 20)
    study.finds("verify", pointer, "its listing in DVC's cache is damaged")


def test_a_missing_parent(study):
    Path(KEYPOINTS).unlink()
    record.path_of(KEYPOINTS).unlink()
    study.track()
    study.finds("audit", KEYPOINTS, "is missing, and so is its record")


def test_a_parent_that_dvc_s_cache_still_has_is_taken_from_there(study):
    Path(KEYPOINTS).unlink()
    record.path_of(KEYPOINTS).unlink()
    (answer,) = study.ask("verify", "lifting:table-2:p1-ours:avg")
    assert answer["verdict"] == "proven", answer["why"]


def test_a_parent_whose_bytes_are_not_here(study):
    Path(OURS).unlink()
    shutil.rmtree(".dvc/cache")
    study.finds("audit", OURS, "verified record, not recomputed", "unverifiable")


def test_a_folder_that_was_never_pulled(study):
    shutil.rmtree(f"{BASE}/checkpoints")
    shutil.rmtree(".dvc/cache")
    study.finds("audit", OURS, "dvc pull may bring it", "unverifiable")


def test_an_artefact_without_a_record(study):
    record.path_of(POSES).unlink()
    study.track()
    study.finds("audit", POSES, "has no record")


def test_the_lock_file_changed(study):
    version = record.read(OURS)["covers"]["code"]["packages"]["numpy"]
    study.edit("envs/lock.txt", f"numpy=={version}", "numpy==1.0.0")
    study.finds("verify", "envs/lock.txt", f"numpy 1.0.0, it was made with {version}", "behind")


def test_a_lock_file_changed_in_what_nothing_uses(study):
    study.edit("envs/lock.txt", "aiohappyeyeballs==", "aiohappyeyeballs==0.")
    (answer,) = study.ask("verify", "lifting:table-2:p1-ours:avg")
    assert answer["verdict"] == "proven", answer["why"]
