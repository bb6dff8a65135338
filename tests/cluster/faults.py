"""What the fault matrix does to trainings and predictions, one method a fault."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
from pathlib import Path

KILLS = 2
# About 150 MB of weights, four times that with gradients and Adam's moments.
LARGE = """
  lift/large: {recipe: martinez, source: cpn, model: {name: martinez, channels: 3072}}
"""
ROOM = 700_000  # two states, but not a third beside them


class Faults:
    """One method a fault, named as the training that it hits."""

    def __init__(self, study, tools, slurm, spare, on_slurm):
        self.study, self.tools, self.slurm = study, tools, slurm
        self.spare, self.on_slurm = spare, on_slurm
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
        self._hurried("warned")
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
        job = ""
        for n, epoch in enumerate(moments, 1):
            job = self._hurried("killed", job)
            with self.study.held("killed", epoch) as (job, pid):
                if n == KILLS:
                    newest = sorted(self.study.run_folder("killed").glob("state-*.pt"))[-1]
                    newest.write_bytes(newest.read_bytes()[:-1] + b"?")
                os.kill(pid, signal.SIGKILL)
                # Where its node died meanwhile, SLURM would put it back as no failure of its own.
                self._ended(job)
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
            # One that just failed, unknown to SLURM, would be put back as no failure of its own.
            tools.wait_for(lambda: self._is_elsewhere("noroom", node))
            # SLURM 22.05 loses count of the devices of a job that it is just putting back.
            tools.wait_for(lambda: not tools.slurm_says("squeue", "-h", "--states=CG"))
            slurm.stop(node, signal.SIGKILL)
            change = ("scontrol", "update", f"NodeName={node}")
            tools.slurm_says(*change, "State=DOWN", "Reason=test")
            killed = tools.processes_of(node)
            for pid in killed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            # On a busy machine they take a moment to die, in which another fault would find them.
            tools.wait_for(lambda: not any(map(tools.alive, killed)), what="them to die")
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
        with self._predicting("serene") as (job, pid):
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
            self._ended(job)
        self._hurried("serene", job)

    def too_slow(self):
        """The end of a prediction's time."""
        with self._predicting("drains") as (job, _):
            self.jobs["too_slow"] = job
            self.tools.slurm_says("scontrol", "update", f"JobId={job}", "EndTime=now")
            self._ended(job)
        self._hurried("drains", job)

    def outgrown(self):
        """A training asks for less memory than it takes."""
        file = self.spare.root / "workflow/experiments/lifting.yaml"
        file.write_text(file.read_text(encoding="utf-8") + LARGE, encoding="utf-8")
        needs = "needs: {martinez: {memory: 1000}}\n\nonly:\n  - lift/large"
        self.spare.edit("workflow/studies/smoke.yaml", "only:", needs)
        site = "workflow/profiles/slurm/site.yaml"
        self.spare.edit(site, "growth: 2", "growth: 4")
        # Its two jobs, one after the other, shall not wait for all others.
        self.spare.edit(site, "extra: null", "extra: --nice=-1000")
        self.seen["outgrown"] = self.on_slurm(self.spare, self.study.target("large"))

    def _ended(self, job):
        """Waits until SLURM knows that a job has ended."""
        going_on = ("RUNNING", "COMPLETING")
        self.tools.wait_for(lambda: self.tools.state(job) not in going_on, what=f"{job} to end")

    def _is_elsewhere(self, name, node):
        """Whether no job of a training is on a node."""
        job = self.study.job(name)
        return not job or self.tools.node(job) != node

    def _hurried(self, name, earlier=""):
        """The next job of a training or its prediction, put before all that wait."""

        def found():
            job = self.study.job(name)
            return job if job != earlier else ""

        job = self.tools.wait_for(found, what=f"a job of {name}")
        # Of one that runs already SLURM refuses it.
        command = ("scontrol", "update", f"JobId={job}", "Nice=-1000")
        subprocess.run(command, check=False, capture_output=True)
        return job

    @contextlib.contextmanager
    def _predicting(self, name):
        """(job, process) of a prediction, stopped once it answers signals: a start is deaf."""
        tools, command = self.tools, f"stages.evaluate results/smoke/predictions/lift/{name}"

        def found():
            pid = tools.process(command)
            return pid if pid and tools.catches(pid, signal.SIGTERM) else 0

        # First its training's job, then its own.
        self._hurried(name, self._hurried(name))
        with tools.stopped(found, f"the prediction with {name}") as pid:
            yield tools.variable(pid, "SLURM_JOB_ID"), pid


def intact(state: Path) -> bool:
    """Whether a saved state is as its name says."""
    return state.stem.endswith(hashlib.md5(state.read_bytes()).hexdigest())
