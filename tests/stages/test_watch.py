"""What of a study runs, waits, failed or is done, told from journals, records and SLURM's queue."""

import json
import os
import stat
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from posepaper import cli, files, lease, progress
from posepaper.errors import Interrupted, TrainingFailed
from posepaper.provenance import record
from posepaper.stages import driver, journal, runs, slurm_queue, watch, watch_text
from posepaper.stages.plan import Plan, stamp_path

ROOT = Path(__file__).parents[2]
WORLD = "results/smoke/data/world.json"
POSES = "results/smoke/data/pose3d.h5"
TRAINED = "results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors"
NAME = "train_lifting lift/ours-f81-cpn seed 0"
ELSEWHERE = {"host": "n1", "boot": "another", "pid": 1, "started": "1"}


@pytest.fixture(autouse=True)
def no_slurm(project, monkeypatch):
    """The project on a machine without SLURM."""
    monkeypatch.setattr(slurm_queue, "read", lambda folder=".": None)


@pytest.fixture
def plan():
    """The smoke study, planned: every stamp is there, nothing is made."""
    made = Plan({"study": "smoke", "data": []})
    made.refresh()
    return made


@pytest.fixture
def queue(monkeypatch):
    """``queue(state, reason)``: SLURM has the training, as job 7."""

    def put(state, reason="None"):
        job = {"experiment": "lift/ours-f81-cpn", "seed": "0"}
        comment = slurm_queue.comment_of("train_lifting", job, "smoke")
        times = (1000, None if state == "PENDING" else 1010, None)
        entry = slurm_queue.Entry("7", state, reason, "n1", *times, comment)
        monkeypatch.setattr(slurm_queue, "read", lambda folder=".": [entry])

    return put


def job_of(plan, target=TRAINED) -> dict:
    return json.loads(Path(stamp_path(target)).read_text(encoding="utf-8"))["job"]


def at(plan, target=TRAINED) -> dict:
    return next(job for job in watch.look(plan)["jobs"] if job["target"] == target)


def told(plan) -> dict:
    """The training, as soon as its journal tells how far it is."""
    end = time.monotonic() + 60
    while not ((seen := at(plan))["progress"] or {}).get("done"):
        assert time.monotonic() < end
    return seen


def write_journal(plan, **facts):
    path = journal.path_of(job_of(plan))
    told = {"fingerprint": plan.fingerprints[TRAINED], "state": "running", "since": record.now()}
    told |= {**lease.me(), "node": None, "gpus": [], "progress": None, "error": None, **facts}
    files.write_json(path, told)
    return path


def make(plan, target):
    """An artefact with the record of a run just now."""
    job = plan.made_by[target]
    outputs = {name: Path(path) for name, path in job.outputs.items()}
    for path in outputs.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made")
    facts = {"rule": job.rule, "target": target, "fingerprint": plan.fingerprints[target]}
    record.write(outputs, facts, record.now())


def drive(state="running", **facts):
    """A driver of this process's, or one that is gone."""
    told = {**lease.me(), "since": record.now()[:19], "study": "smoke", "submits": False}
    told |= {"command": "snakemake all --cores 2", **facts}
    if state != "running":
        told["started"] = "1"
    driver.FOLDER.mkdir(exist_ok=True)
    (driver.FOLDER / "driver.json").write_text(json.dumps(told))
    locks = driver.FOLDER / "locks"
    locks.mkdir(exist_ok=True)
    if state == "killed":
        (locks / "0.input.lock").touch()


def test_a_study_of_which_nothing_ran_waits_and_nothing_is_written(project):
    found = watch.look(Plan({"study": "smoke", "data": []}))
    assert found["driver"] is None and found["counts"]["waiting"] == len(found["jobs"])
    assert watch.holds(found) and not (project / "results").exists()
    shown = watch_text.lines(found)
    assert "no snakemake was started here yet" in shown[0]
    assert any("prepare_world: for a snakemake to start it" in line for line in shown)


def test_looking_changes_no_stamp_and_takes_no_lock(plan, project):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in project.rglob("*") if p.is_file()}
    watch_text.lines(watch.look(plan))
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in project.rglob("*") if p.is_file()}
    assert before == after and before


def test_a_job_waits_for_what_makes_its_inputs(plan):
    drive()
    assert at(plan, WORLD)["why"] == "for a free core"
    assert at(plan, POSES)["why"] == "for prepare_world"
    make(plan, WORLD)
    assert at(plan, WORLD)["state"] == "done"
    assert at(plan, POSES)["why"] == "for a free core"


def test_a_driver_of_a_part_is_watched_on_that_part(plan):
    drive(command=f"snakemake {POSES} --cores 2")
    assert [job["target"] for job in watch.look(plan)["jobs"]] == [WORLD, POSES]
    drive(command="snakemake lifting_table_3 --cores 2")
    rules = {job["rule"] for job in watch.look(plan)["jobs"]}
    assert "make_table" in rules and "make_report" not in rules


def test_the_driver_s_study_is_watched_unless_another_is_named(project):
    def watched(*words) -> str:
        return json.loads(CliRunner().invoke(cli.app, ["watch", "--json", *words]).stdout)["study"]

    assert watched() == "mini", "config.yaml's"
    drive("ended", study="smoke-rehearsal")
    assert watched() == "smoke-rehearsal" and watched("--study", "mini") == "mini"
    drive(study="")
    assert watched() == "mini", "a driver of no study: posepaper gc"
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("rehearse: false", "rehearse: true"))
    drive(study="smoke")
    assert watched() == "smoke", "config.yaml's rehearsal is not the driver's"


def test_a_driver_of_another_study_starts_nothing_here(plan):
    drive(study="mini")
    found = watch.look(plan)
    assert "for study mini" in watch_text.lines(found)[0]
    assert at(plan, WORLD)["why"] == "for a snakemake to start it"


def test_a_running_job_shows_how_far_it_is_and_goes_when_it_has_ended(plan, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setattr(journal, "BEAT", 0.02)
    with journal.kept(TRAINED), progress.Progress("train", 400) as bar:
        bar.update(100, epoch=2, loss=0.25)
        seen = told(plan)
        assert seen["state"] == "running" and seen["gpus"] == ["1"]
        assert runs.where(seen) == f"{os.uname().nodename} GPU 1"
        assert watch_text.how_far(seen) == "100/400 steps 25%, epoch 2, loss 0.25"
        assert seen["progress"]["left"] > 0
        (line,) = [line for line in watch_text.lines(watch.look(plan)) if NAME in line]
        assert "100/400" in line
    assert journal.read(job_of(plan)) is None and at(plan)["state"] == "waiting"


def test_what_is_not_finite_is_still_a_journal(plan, monkeypatch):
    monkeypatch.setattr(journal, "BEAT", 0.02)
    with journal.kept(TRAINED), progress.Progress("train", 4) as bar:
        bar.update(1, loss=float("nan"))
        assert told(plan)["progress"]["facts"] == {"loss": "nan"}


def test_a_failed_job_has_its_last_words_and_the_command_to_go_on(plan):
    drive("ended")
    log = journal.log_of(job_of(plan))
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"step {i}\n" for i in range(99)) + "\nposepaper: the loss is nan\n")
    with pytest.raises(TrainingFailed), journal.kept(TRAINED):
        raise TrainingFailed("the loss is nan")
    found = watch.look(plan)
    assert not watch.holds(found) and found["counts"]["failed"] == 1
    shown = watch_text.failures(found)
    assert shown[0].startswith(f"failed: {NAME}") and "the loss is nan" in shown[1]
    assert "  | posepaper: the loss is nan" in shown and "  | step 98" in shown
    assert len([line for line in shown if "|" in line]) == watch.LAST_LINES
    assert f"  log: {log}" in shown
    assert any(line.endswith("type: snakemake all --cores 2") for line in shown)
    below = TRAINED.replace("checkpoints", "predictions").replace(".safetensors", ".h5")
    assert at(plan, below)["state"] == "blocked" and NAME in at(plan, below)["why"]


def test_a_failure_of_another_plan_is_forgotten(plan):
    write_journal(plan, state="failed", error="of old", fingerprint="other")
    assert at(plan)["state"] == "waiting"


@pytest.mark.parametrize("error", [Interrupted("saved after epoch 3"), SystemExit(143)])
def test_a_stopped_training_is_no_failure(plan, error):
    with pytest.raises(type(error)), journal.kept(TRAINED):
        raise error
    assert at(plan)["state"] == "stopped" and watch.holds(watch.look(plan))
    assert "stopped, and goes on from there:" in watch_text.lines(watch.look(plan))


def test_a_killed_job_is_told_from_a_living_one(plan):
    write_journal(plan)
    assert at(plan)["state"] == "running"
    write_journal(plan, started="1")
    assert at(plan)["state"] == "failed" and "killed" in at(plan)["error"]


def test_a_job_of_another_machine_lives_by_its_signs(plan):
    path = write_journal(plan, **ELSEWHERE)
    assert at(plan)["state"] == "running" and at(plan)["host"] == "n1"
    os.utime(path, (1, 1))
    assert at(plan)["state"] == "failed" and "no sign of life" in at(plan)["error"]


def test_a_job_that_died_before_its_first_word_is_known_by_its_log(plan):
    log = journal.log_of(job_of(plan))
    log.parent.mkdir(parents=True)
    log.write_text("srun: error: no such node\n")
    drive()
    assert at(plan)["state"] == "starting"
    drive("ended")
    assert at(plan)["state"] == "failed" and at(plan)["lines"] == ["srun: error: no such node"]


def test_a_killed_driver_is_said_with_what_to_type(plan):
    drive("killed")
    found = watch.look(plan)
    assert found["driver"]["state"] == "killed" and not watch.holds(found)
    told = "To go on, type: snakemake --unlock; snakemake all --cores 2"
    assert told in watch_text.lines(found)


def test_slurm_s_reasons_are_said_in_words(plan, queue):
    drive(submits=True)
    queue("PENDING", "Resources")
    seen = at(plan)
    assert seen["state"] == "queued" and seen["why"] == "for a node that has what it asks for"
    assert at(plan, WORLD)["why"] == "to be submitted"
    queue("PENDING", "AssocGrpCPULimit")
    assert "limit of your account" in at(plan)["why"]
    queue("PENDING", "JobHeldUser")
    assert at(plan)["why"] == "held: scontrol release 7"
    queue("PENDING", "SomethingNew")
    assert at(plan)["why"] == "SomethingNew"
    write_journal(plan, state="failed", error="the loss is nan", job="6")
    assert at(plan)["state"] == "queued" and "(again: the loss is nan)" in at(plan)["why"]


def test_a_submitted_job_starts_runs_and_ends_as_slurm_says(plan, queue):
    drive(submits=True)
    queue("RUNNING")
    assert at(plan)["state"] == "starting" and runs.where(at(plan)) == "n1 job 7"
    write_journal(plan, **ELSEWHERE, job="7", node="n1")
    assert at(plan)["state"] == "running"
    queue("OUT_OF_MEMORY")
    assert at(plan)["state"] == "failed" and "OUT_OF_MEMORY" in at(plan)["error"]


def test_the_queue_is_read_as_slurm_writes_it(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    rows = [f"7|PENDING|Priority||1000|N/A|N/A|{tmp_path}|rule_a_wildcards_x|y",
            "8|RUNNING|None|n1|1000|1001|2000|/elsewhere|rule_a"]  # fmt: skip
    fake = tmp_path / "bin/squeue"
    fake.parent.mkdir()
    fake.write_text(f"#!{sys.executable}\nimport os\nassert os.environ['SLURM_TIME_FORMAT']\n"
                    f"print({chr(10).join(rows)!r})\n")  # fmt: skip
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(fake.parent))
    (entry,) = slurm_queue.read()
    assert entry.id == "7" and entry.submitted == 1000 and entry.started is None
    assert entry.comment == "rule_a_wildcards_x|y" and entry.active
    fake.write_text("#!/bin/sh\nexit 1\n")
    assert slurm_queue.read() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm_queue.read() is None


def test_the_log_is_the_one_that_the_rule_names(plan):
    assert (
        str(journal.log_of(job_of(plan))) == "results/smoke/logs/train/lift/ours-f81-cpn/seed0.log"
    )
    for job in plan.jobs:
        assert journal.log_of(job_of(plan, job.target)).suffix == ".log"
