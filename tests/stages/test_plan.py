"""Which jobs a study has, what their fingerprints cover, and how their stamps are dated."""

import os
import time
from pathlib import Path

import pytest

from posepaper import files
from posepaper.errors import InputError, Refused, TrainingFailed
from posepaper.experiments import load_study
from posepaper.provenance import record
from posepaper.stages import job, track
from posepaper.stages.plan import Plan, read_stamp, stamp_path

pytestmark = pytest.mark.usefixtures("project")
ROOT = Path(__file__).parents[2]
TABLE = "results/smoke/tables/lifting/table-2.json"
WORLD = "results/smoke/data/world.json"


def planned(study="smoke", data=()):
    load_study.cache_clear()
    return Plan({"study": study, "data": list(data)})


def edit(path, old, new):
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


def changed(before: dict, after: dict) -> set[str]:
    return {t for t in before.keys() | after.keys() if before.get(t) != after.get(t)}


def test_without_its_data_a_study_still_makes_tables_that_say_what_is_missing():
    plan = planned("paper")
    assert all(j.rule.startswith("make_") for j in plan.jobs)
    states = plan.builder.states
    assert states["lift/ours-f81-cpn"] == "missing-data:Human3.6M"
    assert states["lift/ours-f9-3dhp"] == "missing-data:MPI-INF-3DHP"
    assert states["pose2d/hrnet-w32"] == "missing-data:COCO 2017"
    (table,) = (j for j in plan.jobs if j.target == TABLE.replace("smoke", "paper"))
    assert table.inputs["metrics"] == []
    assert table.settings["states"]["lift/ours-f81-cpn"] == "missing-data:Human3.6M"


def test_what_a_study_cannot_have_reads_so(project):
    (project / "own/cmu_mocap").mkdir(parents=True)
    for name in ("bvh.tar.xz", "clips.csv"):
        (project / "own/cmu_mocap" / name).touch()
    states = planned("open", data=["own"]).builder.states
    assert states["lift/ours-f81-cpn"] == ""
    assert states["lift/poseformer-f81-hrnet-w32"].startswith("not-applicable:motion capture")
    assert states["lift/ours-f9-3dhp"].startswith("not-applicable:no open data")


def test_a_lifting_on_a_detector_that_is_not_run_is_not_run():
    edit("workflow/studies/smoke.yaml", "  - pose2d/hrnet-w32-am4\n", "")
    states = planned().builder.states
    assert states["lift/poseformer-f81-hrnet-w32-am4"] == "not-run"


def test_a_setting_changes_its_job_and_what_follows():
    plan = planned()
    before = plan.fingerprints
    edit("workflow/studies/smoke.yaml", "  seed: 7", "  seed: 8")
    after = planned().fingerprints
    tables = {t for t in before if "/tables/" in t}
    # Networks are drawn without data.
    drawn = {
        p for j in plan.jobs if "panels" in j.settings.get("figure", {}) for p in j.outputs.values()
    }
    assert {t for t in before if t not in changed(before, after)} <= tables | drawn
    assert WORLD in changed(before, after) and TABLE in changed(before, after)


def test_a_layout_changes_its_table_and_the_ledger_alone():
    before = planned().fingerprints
    edit("report/papers/gsam/table-9.yaml", "caption: ", "caption: Other ")
    tables = {t for t in changed(before, planned().fingerprints) if "/tables/" in t}
    names = ("gsam/table-9.json", "ledger.json")
    assert tables == {f"results/smoke/tables/{name}" for name in names}


def test_raw_files_are_part_of_what_is_made_from_them(project):
    edit(
        "workflow/studies/smoke.yaml", "folder: world/video}", "folder: seen, files: {a.avi: null}}"
    )
    assert planned().builder.missing["video"] == "missing-data:the mini world"
    (project / "own/seen").mkdir(parents=True)
    film = project / "own/seen/a.avi"
    film.write_bytes(b"one")
    target = "results/smoke/data/video.h5"
    first = planned(data=["nowhere", "own"])
    meaning = first.fingerprints[target]
    (made,) = (j for j in first.jobs if j.target == target)
    assert made.raw == {"a.avi": "own/seen/a.avi"} and made.inputs == {}
    film.write_bytes(b"two")
    os.utime(film, (1, 1))
    assert planned(data=["own"]).fingerprints[target] != meaning


def finish(plan, target: str) -> dict:
    """Writes a job's outputs and the records that agree with the plan."""
    (made,) = (j for j in plan.jobs if j.target == target)
    outputs = {name: Path(path) for name, path in made.outputs.items()}
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path))
    facts = {"fingerprint": plan.fingerprints[target], "inputs": {}, "raw": {}, "target": target}
    record.write(outputs, facts, record.now())
    return record.read(target)


def test_a_stamp_is_older_than_what_agrees_and_newer_than_what_does_not():
    plan = planned()
    made = finish(plan, WORLD)
    begun = time.time_ns()
    plan.refresh()
    stamps = {t: Path(stamp_path(t)).stat().st_mtime_ns for t in plan.fingerprints}
    assert stamps[WORLD] == record.nanoseconds(made["start"])
    assert stamps[WORLD] < Path(WORLD).stat().st_mtime_ns
    assert all(when > begun - 10**8 for target, when in stamps.items() if target != WORLD)
    assert len(plan.stale()) == len(plan.jobs) - 1
    os.utime(WORLD)
    plan.refresh()
    assert Path(WORLD).stat().st_mtime_ns == record.nanoseconds(made["end"])
    Path(WORLD).write_text("cut")
    time.sleep(0.05)
    plan.refresh()
    assert Path(stamp_path(WORLD)).stat().st_mtime_ns > Path(WORLD).stat().st_mtime_ns


def test_a_job_with_one_output_lost_is_stale():
    plan = planned()
    finish(plan, TABLE)
    plan.refresh()
    assert TABLE not in {j.target for j in plan.stale()}
    Path(TABLE).with_suffix(".csv").unlink()
    assert TABLE in {j.target for j in plan.stale()}


def test_a_target_that_no_job_makes_is_named():
    with pytest.raises(InputError, match="is not an artefact"):
        read_stamp("somewhere/else.json")
    with pytest.raises(Refused, match="no job of study 'smoke' makes it"):
        read_stamp("results/smoke/tables/gsam/table-77.json")
    with pytest.raises(InputError, match=r"plans no 'gsam/77'. Nearest planned: 'gsam/7'"):
        planned().find("make_table", {"paper": "gsam", "table": "77"})


def test_every_training_has_a_folder_of_its_own_by_fingerprint():
    target = "results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors"
    folder = job.run_folder(target, "abcdef0123456789-and-more")
    assert folder == Path("results/smoke/runs/lift/ours-f81-cpn/seed0/abcdef0123456789")


def write_table(run):
    for path in run.outputs.values():
        path.write_text("numbers")


def diverge(run):
    write_table(run)
    raise TrainingFailed("the loss is nan")


@pytest.fixture
def table():
    """A table whose parents are as planned."""
    plan = planned()
    (made,) = (j for j in plan.jobs if j.target == TABLE)
    for path in made.inputs["metrics"]:
        finish(plan, path)
    plan.refresh()
    return plan


def test_a_job_leaves_outputs_and_records(table):
    job.run({"make_table": write_table}, TABLE, table.fingerprints[TABLE])
    made = record.agrees(TABLE, table.fingerprints[TABLE])
    assert made["rule"] == "make_table" and len(made["inputs"]) == 2
    assert record.agrees(Path(TABLE).with_suffix(".csv"), table.fingerprints[TABLE])


def test_a_job_that_fails_leaves_nothing(table):
    with pytest.raises(TrainingFailed):
        job.run({"make_table": diverge}, TABLE, None)
    assert not list(Path(TABLE).parent.iterdir())


def test_a_job_is_refused_when_a_parent_is_not_as_planned(table):
    (made,) = (j for j in table.jobs if j.target == TABLE)
    parent = made.inputs["metrics"][0]
    record.path_of(parent).unlink()
    with pytest.raises(Refused, match=r"not what .* was planned with"):
        job.run({"make_table": write_table}, TABLE, None)


def test_redating_gives_every_artefact_the_time_of_its_record():
    plan = planned()
    made = finish(plan, WORLD)
    os.utime(WORLD, (5, 5))
    track.redate(Path("results/smoke"))
    assert Path(WORLD).stat().st_mtime_ns == record.nanoseconds(made["end"])


@pytest.mark.parametrize(
    ("size", "count", "restored"), [(3, 1, True), (4, 1, False), (3, 2, False)]
)
def test_a_restored_study_is_tracked_only_where_its_pointers_fit(size, count, restored):
    base = Path("results/smoke")
    (base / "tables").mkdir(parents=True)
    (base / "tables/a.json").write_text("abc")
    pointer = f"outs:\n- md5: 0a.dir\n  size: {size}\n  nfiles: {count}\n  path: tables\n"
    (base / "tables.dvc").write_text(pointer)
    track.restore_stamp(base)
    stamp = base / "stamps/tracked.json"
    assert stamp.exists() == restored
    if restored:
        assert files.read_json(stamp) == {"pointers": {"results/smoke/tables": "0a.dir"}}


def test_a_recalling_plan_takes_the_fingerprint_of_the_stamp():
    plan = planned()
    plan.refresh()
    target = "results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors"
    recalling = Plan({"study": "smoke", "data": []}, recalls=True)
    wildcards = {"experiment": "lift/ours-f81-cpn", "seed": "0"}
    assert recalling.planned("train_lifting", "fingerprint")(wildcards) == plan.fingerprints[target]
    path = Path(stamp_path(target))
    files.write_json(path, {**files.read_json(path), "fingerprint": "as planned"})
    assert recalling.planned("train_lifting", "fingerprint")(wildcards) == "as planned"
    assert not [job for job in recalling.jobs if job.rule.startswith("make_")]
