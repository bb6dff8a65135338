"""What the watcher says of jobs on a real SLURM, and the workflow's own time beside theirs."""

import json
import subprocess
import time

from posepaper import files
from posepaper.provenance import record
from posepaper.stages import diary, runs

BASE = "results/smoke"
TARGET = f"{BASE}/checkpoints/lift/alone/seed0.safetensors"
NAME = "train_lifting lift/alone seed 0"


def look(copy) -> dict:
    return json.loads(copy.run("posepaper", "watch", "--study", "smoke", "--json").stdout)


def training(found) -> dict:
    return next(job for job in found["jobs"] if job["target"] == TARGET)


def partition(state: str) -> None:
    change = ("scontrol", "update", "PartitionName=gpu", f"State={state}")
    subprocess.run(change, check=True)


def forget(copy) -> None:
    """Takes a checkpoint away, with the folder that would bring it back."""
    path = copy.root / TARGET
    run = path.parent.parent.parent.parent / "runs/lift/alone/seed0"
    for left in (*path.parent.glob(f"{path.stem}*"), *sorted(run.rglob("*"), reverse=True)):
        left.rmdir() if left.is_dir() else left.unlink()


def test_queue_and_overhead_of_every_job_are_known(submitted):
    copy, _ = submitted
    ran = [job for job in runs.ran(copy.root / BASE) if job["slurm_job"]]
    assert len(ran) > 20
    for job in ran:
        made = files.read_json(record.path_of(copy.root / job["target"]))
        times = made["machine"]["slurm_submitted"], made["machine"]["slurm_started"], made["start"]
        assert list(times) == sorted(times), job["target"]
    seen, ended = diary.read(copy.root / BASE)
    assert {job["target"] for job in ran} <= set(seen)
    known = [job for job in ran if job["slurm_job"] in ended]
    assert len(known) > len(ran) / 2
    # SLURM's times are whole seconds.
    assert all(seen[job["target"]] > ended[job["slurm_job"]] - 1 for job in known)
    whole = runs.overhead(ran)[-1]
    print("overhead:", json.dumps(whole))
    assert whole["jobs"] == len(ran) and 0 < whole["beside"][0] < 60


def test_report_and_cost_show_it(submitted):
    copy, _ = submitted
    page = (copy.root / BASE / "report/index.html").read_text(encoding="utf-8")
    assert "The workflow's own time on the cluster" in page and " job " in page
    done = copy.run("posepaper", "cost", "--study", "smoke", "--all", "--profile", "slurm")
    assert done.returncode == 0 and "jobs ran here on the cluster: " in done.stdout


def test_a_job_is_watched_from_the_queue_to_its_end(spare, drive, slurm):
    forget(spare)
    partition("DOWN")
    try:
        driver, log = drive(spare, TARGET)
        queued = wait_for(spare, driver, lambda job: job["state"] == "queued")
        assert queued["why"] == "its partition is down" and queued["slurm_job"]
        text = spare.run("posepaper", "watch", "--study", "smoke").stdout
        assert "in SLURM's queue: 1" in text and NAME in text
    finally:
        partition("UP")
    at_work = wait_for(spare, driver, lambda job: job["state"] == "running")
    assert at_work["slurm_job"] == queued["slurm_job"] and at_work["node"] in ("n1", "n2")
    assert at_work["gpus"]
    assert driver.wait(180) == 0, log.read_text()
    found = look(spare)
    assert training(found)["state"] == "done" and found["driver"]["state"] == "ended"


def wait_for(copy, driver, holds, seconds: float = 120) -> dict:
    """The training as soon as it is so."""
    deadline = time.monotonic() + seconds
    while not holds(job := training(look(copy))):
        assert time.monotonic() < deadline and driver.poll() is None, job
        time.sleep(0.3)
    return job
