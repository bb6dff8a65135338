"""The fault matrix: trainings and predictions on a real SLURM, each hit by a fault of its own.

One Snakemake runs them all. Afterwards nothing is lost and nothing was counted twice: each ends
in the bytes of the one that nothing was done to.
"""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

# conftest.py loads it, from beside this file.
from cluster_faults import KILLS, ROOM, Faults

from posepaper.data.layout import read_predictions

# Where a fault fails the job, Snakemake submits it again; where SLURM puts it back, it does not.
SUBMISSIONS = {
    **dict.fromkeys(("serene", "warmup", "warned", "resent", "downed", "drains", "foursome"), 1),
    **{"cancel": 2, "noroom": 2, "killed": 1 + KILLS},
}
PUT_BACK = ("warmup", "warned", "resent", "downed", "foursome")
PREDICTED = ("serene", "drains")
TOLD_TO_STOP = dict.fromkeys(("warmup", "resent", "foursome"), "SIGTERM") | {"warned": "SIGUSR1"}


@pytest.fixture(scope="module")
def storm(struck, submitted, undisturbed, tools, slurm, drive, on_slurm, tmp_path_factory):
    """What was seen while all of it happened, once Snakemake has ended."""
    place = struck.root / "results/smoke/runs/lift/noroom"
    place.mkdir(parents=True)
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", place), check=True)
    spare = submitted[0].duplicate(tmp_path_factory.mktemp("outgrown") / "spare")
    faults = Faults(struck, tools, slurm, spare, on_slurm)
    hits = [getattr(faults, name) for name in vars(Faults) if not name.startswith("_")]
    targets = [struck.target(name) for name in SUBMISSIONS]
    targets += [f"results/smoke/predictions/lift/{name}/seed0.h5" for name in PREDICTED]
    try:
        with ThreadPoolExecutor(len(hits)) as pool:
            driver, log = drive(struck.copy, *targets, "--slurm-keep-successful-logs")
            done = [pool.submit(hit) for hit in hits]
            tools.wait_for(lambda: faults.jobs.get("cancel"))
            refused = struck.copy.run(*driver.args)
            for future in done:
                future.result()
            code = driver.wait(tools.SECONDS)
        yield SimpleNamespace(
            study=struck, faults=faults, code=code, shown=log.read_text(), refused=refused,
            driver=driver, foursome=undisturbed.result(),
        )  # fmt: skip
    finally:
        subprocess.run(("umount", "-l", place), check=True)
        shutil.rmtree(spare.root)


ONE_PROCESS = [name for name in SUBMISSIONS if name not in ("serene", "foursome")]


@pytest.mark.parametrize("name", ONE_PROCESS)
def test_a_training_ends_in_the_undisturbed_one_s_bytes(storm, name):
    assert storm.study.is_finite(name)
    assert storm.study.weights(name) == storm.study.weights("serene")


def test_four_processes_end_in_the_undisturbed_bytes(storm):
    assert storm.study.checkpoint("foursome").read_bytes() == storm.foursome
    log = storm.study.root / "results/smoke/logs/train/lift/foursome/seed0.log"
    told = [line for line in log.read_text().splitlines() if "steps" in line]
    assert told and len(told) == len(set(told)), "not the first of them alone tells how far it is"


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_each_epoch_counts_once_and_no_job_was_submitted_twice(storm, tools, name):
    assert storm.code == 0, storm.shown[-5000:]
    assert storm.study.epochs(name) == list(range(1, tools.EPOCHS + 1))
    assert len(tools.submissions(storm.shown, name)) == SUBMISSIONS[name], storm.shown[-9000:]


@pytest.mark.parametrize("name", PUT_BACK)
def test_slurm_puts_a_training_back_under_its_own_number(storm, tools, name):
    job = storm.faults.jobs[name]
    assert tools.submissions(storm.shown, name) == [job]
    assert tools.restarts(job) >= 1 and tools.state(job) == "COMPLETED"


@pytest.mark.parametrize(("name", "signal_"), TOLD_TO_STOP.items())
def test_a_training_that_is_told_to_stop_saves_first(storm, name, signal_):
    log = storm.study.log(name)
    assert f"train lift/{name} seed 0: stopped by {signal_} at epoch" in log, log
    # What an administrator puts back need not ask for it.
    assert ("goes back into the queue" in log) == (name != "resent")
    if name == "warmup":
        assert "stopped by SIGTERM at epoch 1, step" in log


def test_a_cancelled_job_saves_and_is_not_put_back(storm, tools):
    job = storm.faults.jobs["cancel"]
    before = storm.faults.seen["cancel"]
    assert tools.state(job) == "CANCELLED" and tools.restarts(job) == before
    log = storm.study.log("cancel")
    assert "stopped by SIGTERM at epoch" in log and "goes back" not in log


def test_a_damaged_state_is_told_and_the_one_before_it_taken(storm):
    assert f"{storm.faults.seen['killed']}: is damaged. Going back" in storm.study.log("killed")


def test_a_full_disk_is_one_line_and_nothing_partial(storm):
    target, seen = storm.study.target("noroom"), storm.faults.seen
    log = storm.study.log("noroom").splitlines()
    (line,) = [line for line in log if line.startswith("posepaper: ")]
    assert line.startswith(f"posepaper: {target}: could not write results/smoke/runs/lift/noroom/")
    assert line.endswith("(No space left on device). Free disk space and run again")
    assert not any("Traceback" in line for line in log)
    assert not [p for p in seen["noroom"] if ".writing-" in str(p)]
    assert seen["intact"] and all(seen["intact"])


def test_a_training_out_of_memory_gets_more_of_it(storm, slurm, tools):
    done = storm.faults.seen["outgrown"]
    assert done.returncode == 0, done.stdout
    first, then = (job for job, _ in tools.SUBMITTED.findall(done.stdout))
    ended = slurm.jobs()
    assert "mem=1000M" in ended[first]["Tres"] and "mem=4000M" in ended[then]["Tres"]
    assert ended[first]["JobState"] in ("FAILED", "OUT_OF_MEMORY")


def test_a_prediction_that_is_stopped_is_made_anew(storm, tools):
    for name in PREDICTED:
        assert len(tools.submissions(storm.shown, name, "predict_lifting")) == 2
    assert tools.state(storm.faults.jobs["too_slow"]) == "TIMEOUT"
    one, other = (
        read_predictions(storm.study.root / f"results/smoke/predictions/lift/{name}/seed0.h5")[0]
        for name in PREDICTED
    )
    assert one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


def test_a_second_driver_is_refused_meanwhile(storm):
    pid, refused = storm.driver.pid, storm.refused
    (line,) = [line for line in refused.stdout.splitlines() if "runs here" in line]
    assert refused.returncode == 1
    assert f"process {pid} on" in line and f"kill -INT {pid}" in line


def test_the_folder_is_then_at_rest(storm, tools):
    done = storm.study.copy.run(*storm.driver.args)
    assert done.returncode == 0 and "Nothing to be done" in done.stdout, done.stdout
    assert not storm.study.leftovers() and not tools.slurm_says("squeue", "-h")
