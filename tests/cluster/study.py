"""A study that runs on the cluster of these tests: what its trainings do, and how to hit them."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.training.checkpoint import read_checkpoint

EPOCHS = 24
# Each by what is done to it; those of one process have names of one length.
SERENE = "serene"
ALONE = (SERENE, "warmup", "warned", "resent", "cancel", "killed", "noroom", "downed", "drains")
DRIVEN = ("drive1", "drive2", "drive3")
NAMES = (*ALONE, "foursome", *DRIVEN)
DEVICES = {"foursome": "devices: 2, nodes: 2"}
# No fault takes long on an idle machine; this ends a test that would never end.
SECONDS = 900
SAVED = re.compile(r"state-(\d+)-(\d+)-(\w+)\.pt")
SUBMITTED = re.compile(r"has been submitted with SLURM jobid (\d+) \(log: (\S+)\)")
# One fault at a time: some reach more jobs than their own.
ONE = threading.RLock()


def wait_for(found: Callable, seconds: float = SECONDS, what: str = "it"):
    """What ``found`` returns as soon as it is true; an OSError counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, InputError):
            if value := found():
                return value
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def slurm_says(*command: str) -> str:
    """What a command of SLURM's prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()


def state(job: str) -> str:
    """A job's state, as squeue has it."""
    return slurm_says("squeue", "-h", "--states=all", "-j", job, "-o", "%T")


def node(job: str) -> str:
    """Where a job runs."""
    return slurm_says("squeue", "-h", "-j", job, "-o", "%N")


def restarts(job: str) -> int:
    """How often SLURM has put a job back into its queue."""
    return int(re.search(r"Restarts=(\d+)", slurm_says("scontrol", "show", "job", job))[1])


def alive(pid: int) -> bool:
    """Whether a process runs, or is stopped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def variable(pid: int, name: str) -> str:
    """An environment variable of a process, "" where it has none; OSError where it is gone."""
    text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    return dict(line.partition("=")[::2] for line in text.split("\0")).get(name, "")


def process(words: str) -> int:
    """The Python process with these words in its command line, 0 where there is none."""
    for pid, command in _processes():
        if words in command and command.split()[0].endswith("python"):
            return pid
    return 0


def processes_of(name: str) -> list[int]:
    """All that runs in jobs on a virtual node, their slurmstepd first."""
    daemons, found = set(), []
    for pid, _ in _processes():
        with contextlib.suppress(OSError):
            if variable(pid, "SLURMD_NODENAME") == name:
                found.append(pid)
                daemons.add(_parent(pid))
    steps = [pid for pid, command in _processes() if command.startswith("slurmstepd")]
    return [pid for pid in steps if pid in daemons] + found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _processes() -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            found.append((int(folder.name), command))
    return [(pid, command) for pid, command in found if command.strip()]


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal."""
    shown = Path(f"/proc/{pid}/status").read_text()
    mask = re.search(r"^SigCgt:\s*(\w+)$", shown, re.MULTILINE)[1]
    return bool(int(mask, 16) >> (number - 1) & 1)


@contextlib.contextmanager
def stopped(found: Callable, what: str) -> Iterator[int]:
    """A process, stopped as soon as it is found and no other fault is at work, until the end."""
    while True:
        pid = wait_for(found, what=what)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        with ONE:
            # Another fault may have reached it meanwhile.
            if not alive(pid):
                continue
            try:
                yield pid
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            return


class Study:
    """The smoke study of a copy of the project."""

    def __init__(self, copy):
        self.copy, self.root = copy, copy.root

    def target(self, name: str) -> str:
        """A training's checkpoint, as Snakemake is asked for it."""
        return f"results/smoke/checkpoints/lift/{name}/seed0.safetensors"

    def checkpoint(self, name: str) -> Path:
        """Where it stands."""
        return self.root / self.target(name)

    def run_folder(self, name: str) -> Path:
        """Where it keeps its state; OSError while there is none."""
        found = list((self.root / f"results/smoke/runs/lift/{name}/seed0").iterdir())
        return found[0]

    def states(self, name: str) -> list[tuple[int, int]]:
        """(finished epochs, steps since) of every state kept, the oldest first."""
        names = sorted(path.name for path in self.run_folder(name).glob("state-*.pt"))
        return [(int(found[1]), int(found[2])) for found in map(SAVED.fullmatch, names)]

    def trainer(self, name: str) -> int:
        """The process that trains; OSError or 0 while there is none."""
        try:
            holder = json.loads((self.run_folder(name) / "lease.json").read_text())
        except ValueError:
            return 0
        return holder["pid"] if alive(holder["pid"]) else 0

    def job(self, name: str) -> str:
        """The SLURM job of a training that is queued or runs; "" while there is none."""
        shown = slurm_says("squeue", "-h", "-o", "%i %k")
        return next((i for i, c in map(str.split, shown.splitlines()) if f"_{name}_" in c), "")

    @contextlib.contextmanager
    def held(self, name: str, epoch: int) -> Iterator[tuple[str, int]]:
        """(job, process) of a training, stopped after an epoch; goes on at the end."""
        with stopped(lambda: self._at(name, epoch), f"epoch {epoch} of {name}") as pid:
            yield self.job(name), pid

    def stop(self, names: list[str], epoch: int) -> bool:
        """Stops trainings that have reached an epoch; whether all have."""
        there = 0
        for name in names:
            with contextlib.suppress(OSError, InputError):
                if pid := self._at(name, epoch):
                    os.kill(pid, signal.SIGSTOP)
                    there += 1
        return there == len(names)

    def _at(self, name: str, epoch: int) -> int:
        pid, reached = self.trainer(name), (self.states(name) or [(0, 0)])[-1][0]
        # Where it has begun to train, signals only leave a note.
        begun = pid and catches(pid, signal.SIGUSR1)
        return pid if begun and reached >= epoch else 0

    def log(self, name: str) -> str:
        """What all of a training's jobs told SLURM."""
        folder = self.root / f".snakemake/slurm_logs/rule_train_lifting/smoke_lift_{name}_0"
        return "".join(path.read_text() for path in sorted(folder.glob("*.log")))

    def weights(self, name: str) -> bytes:
        """A checkpoint's bytes, but for its experiment's name; all names are of one length."""
        return self.checkpoint(name).read_bytes().replace(f"lift/{name}".encode(), b"lift/......")

    def epochs(self, name: str) -> list[int]:
        """The epochs of a finished training's curve."""
        curve = files.read_json(self.checkpoint(name).with_suffix(".curve.json"))
        return [epoch["epoch"] for epoch in curve["epochs"]]

    def is_finite(self, name: str) -> bool:
        """Whether a checkpoint can be read and holds numbers."""
        return all(w.isfinite().all() for w in read_checkpoint(self.checkpoint(name))[0].values())

    def leftovers(self) -> list[Path]:
        """What no run should leave: parts of files, leases, signs of running jobs."""
        found = [*self.root.glob(".snakemake/locks/*"), *self.root.glob(".snakemake/incomplete/*")]
        for pattern in (".writing-*", "lease.json", ".lease-*"):
            found += (self.root / "results/smoke").rglob(pattern)
        return found


def submissions(shown: str, name: str, rule: str = "train_lifting") -> list[str]:
    """The SLURM jobs that a driver's log says it submitted for a training, or another rule."""
    return [j for j, log in SUBMITTED.findall(shown) if f"rule_{rule}/smoke_lift_{name}_" in log]
