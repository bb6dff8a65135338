"""The fault matrix: trainings and predictions on a real SLURM, each hit by a fault of its own.

One Snakemake runs them all. Afterwards nothing is lost and nothing was counted twice: each ends
in the bytes of the one that nothing was done to.
"""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from posepaper.data.layout import read_predictions

KILLS = 3
ROOM = 700_000  # two states, but not a third beside them
FOUR = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4")
# Where a fault fails the job, Snakemake submits it again; where SLURM puts it back, it does not.
SUBMISSIONS = {
    **dict.fromkeys(("serene", "warmup", "warned", "resent", "downed", "drains", "foursome"), 1),
    **{"cancel": 2, "noroom": 2, "killed": 1 + KILLS},
}
PUT_BACK = ("warmup", "warned", "resent", "downed", "foursome")
TOLD_TO_STOP = dict.fromkeys(("warmup", "resent", "foursome"), "SIGTERM") | {"warned": "SIGUSR1"}


class Faults:
    """One method a fault, named as the training that it hits."""

    def __init__(self, study, tools, slurm):
        self.study, self.tools, self.slurm = study, tools, slurm
        self.jobs: dict[str, str] = {}
        self.seen: dict[str, object] = {}

    def warmup(self):
        """SIGTERM to the trainer alone, in its first epoch."""
        with self.study.held("warmup", 0) as (job, pid):
            self.jobs["warmup"] = job
            os.kill(pid, signal.SIGTERM)

    def warned(self):
        """The end of its time: SLURM itself sends the signal that the rule asked for."""
        tools, warned = self.tools, False
        # Where another fault was quicker: once more.
        while not warned:
            with self.study.held("warned", 2) as (job, pid):
                self.jobs["warned"] = job
                tools.slurm_says("scontrol", "update", f"JobId={job}", "EndTime=now+100")
                # It comes with a SIGCONT.
                tools.wait_for(lambda pid=pid: not tools.alive(pid), what="the warning")
                warned = "stopped by SIGUSR1" in self.study.log("warned")

    def resent(self):
        """``scontrol requeue`` by who runs the cluster."""
        with self.study.held("resent", 3) as (job, _):
            self.jobs["resent"] = job
            self.tools.slurm_says("scontrol", "requeue", job)

    def cancel(self):
        """``scancel`` by its user."""
        with self.study.held("cancel", 4) as (job, _):
            # Another fault may have put it back before.
            self.jobs["cancel"], self.seen["cancel"] = job, self.tools.restarts(job)
            self.tools.slurm_says("scancel", job)

    def killed(self):
        """``kill -9`` at random moments; before the last one the newest state is damaged."""
        moments = sorted(random.Random().sample(range(1, self.tools.EPOCHS - 10), KILLS))
        for n, epoch in enumerate(moments, 1):
            with self.study.held("killed", epoch) as (_, pid):
                if n == KILLS:
                    newest = sorted(self.study.run_folder("killed").glob("state-*.pt"))[-1]
                    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
                os.kill(pid, signal.SIGKILL)
        self.seen["killed"] = newest.name

    def noroom(self):
        """A full disk, until a job has failed for it."""
        place = self.study.root / "results/smoke/runs/lift/noroom"
        self.tools.wait_for(lambda: "could not write" in self.study.log("noroom"))
        self.seen["noroom"] = [p for p in place.rglob("*") if p.is_file()]
        self.seen["intact"] = [intact(path) for path in place.rglob("state-*.pt")]
        self.seen["room"] = ROOM
        command = ("mount", "-o", "remount,size=64m", place)
        subprocess.run(command, check=True)

    def downed(self):
        """Its node dies with all that runs there, and comes back."""
        tools, slurm = self.tools, self.slurm
        with self.study.held("downed", 3) as (job, _):
            self.jobs["downed"], node = job, tools.node(job)
            # SLURM 22.05 loses count of the devices of a job that it is just putting back.
            tools.wait_for(lambda: not tools.slurm_says("squeue", "-h", "--states=CG"))
            slurm.stop(node, signal.SIGKILL)
            change = ("scontrol", "update", f"NodeName={node}")
            tools.slurm_says(*change, "State=DOWN", "Reason=test")
            for pid in tools.processes_of(node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            tools.wait_for(lambda: tools.state(job) == "PENDING", what="SLURM to put it back")
            slurm.start(node)
            tools.wait_for(lambda: slurm.states()[node] in ("idle", "mix", "alloc"))

    def drains(self):
        """Its node is drained under it."""
        tools = self.tools
        with self.study.held("drains", 3) as (job, _):
            self.jobs["drains"] = job
            change = ("scontrol", "update", f"NodeName={tools.node(job)}")
            tools.slurm_says(*change, "State=DRAIN", "Reason=test")
        try:
            tools.wait_for(lambda: tools.state(job) in ("COMPLETED", "PENDING"))
        finally:
            subprocess.run((*change, "State=RESUME"), check=False)

    def foursome(self):
        """SIGTERM to two processes on each of two nodes."""
        with self.study.held("foursome", 2) as (job, _):
            self.jobs["foursome"] = job
            self.tools.slurm_says("scancel", "--signal=TERM", job)

    def controller(self):
        """slurmctld is restarted while trainings run."""
        with self.study.held("serene", 1) as (job, _):
            self.slurm.stop("slurmctld")
            self.slurm.start("slurmctld")
            self.tools.wait_for(lambda: self.tools.state(job) == "RUNNING")

    def predicted(self):
        """SIGTERM to a prediction."""
        os.kill(self._predicting("serene"), signal.SIGTERM)

    def too_slow(self):
        """The end of a prediction's time."""
        os.kill(pid := self._predicting("warmup"), signal.SIGSTOP)
        job = self.tools.variable(pid, "SLURM_JOB_ID")
        self.tools.slurm_says("scontrol", "update", f"JobId={job}", "EndTime=now")
        self.tools.wait_for(lambda: not self.tools.alive(pid))
        self.jobs["too_slow"] = job

    def _predicting(self, name) -> int:
        """The process of a prediction, once it answers signals: while it starts it is deaf."""
        tools, command = self.tools, f"stages.evaluate results/smoke/predictions/lift/{name}"

        def found():
            pid = tools.process(command)
            return pid if pid and tools.catches(pid, signal.SIGTERM) else 0

        return tools.wait_for(found, what=f"the prediction with {name}")


def intact(state: Path) -> bool:
    """Whether a saved state is as its name says."""
    return state.stem.endswith(hashlib.md5(state.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def storm(struck, tools, slurm, drive, tmp_path_factory):
    """What was seen while all of it happened, once Snakemake has ended."""
    place = struck.root / "results/smoke/runs/lift/noroom"
    place.mkdir(parents=True)
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", place), check=True)
    other = struck.copy.duplicate(tmp_path_factory.mktemp("foursome") / "other")
    faults = Faults(struck, tools, slurm)
    hits = [getattr(faults, name) for name in vars(Faults) if not name.startswith("_")]
    targets = [struck.target(name) for name in SUBMISSIONS]
    targets += [f"results/smoke/predictions/lift/{name}/seed0.h5" for name in ("serene", "warmup")]
    try:
        with ThreadPoolExecutor(len(hits) + 1) as pool:
            driver, log = drive(struck.copy, *targets, "--slurm-keep-successful-logs")
            undisturbed = pool.submit(trained_here, other, struck.target("foursome"))
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


def trained_here(copy, target) -> bytes:
    """A checkpoint of four processes that nothing disturbs, started by torchrun alone."""
    assert copy.snakemake(target, "-n").returncode == 0
    done = copy.run(sys.executable, *FOUR, "-m", "posepaper.stages.train", target)
    assert done.returncode == 0, done.stdout
    return (copy.root / target).read_bytes()


ONE_PROCESS = [name for name in SUBMISSIONS if name not in ("serene", "foursome")]


@pytest.mark.parametrize("name", ONE_PROCESS)
def test_a_training_ends_in_the_undisturbed_one_s_bytes(storm, name):
    assert storm.study.is_finite(name)
    assert storm.study.weights(name) == storm.study.weights("serene")


def test_four_processes_end_in_the_undisturbed_bytes(storm):
    assert storm.study.checkpoint("foursome").read_bytes() == storm.foursome


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


def test_a_prediction_that_is_stopped_is_made_anew(storm, tools):
    for name in ("serene", "warmup"):
        assert len(tools.submissions(storm.shown, name, "predict_lifting")) == 2
    assert tools.state(storm.faults.jobs["too_slow"]) == "TIMEOUT"
    one, other = (
        read_predictions(storm.study.root / f"results/smoke/predictions/lift/{name}/seed0.h5")[0]
        for name in ("serene", "warmup")
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
