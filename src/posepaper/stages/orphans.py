"""Jobs that outlived the Snakemake which started them."""

import re
import subprocess
import sys
import time
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.lease import BEAT, SILENCE, Lease
from posepaper.stages import slurm_queue
from posepaper.stages.requeue import COMMENT
from posepaper.stages.slurm_queue import Entry

POLL = 5.0


def wait(base: Path, *, submits: bool = False) -> None:
    """Waits while jobs of an earlier driver still run: what they finish is not run again.

    Its SLURM jobs that only wait are cancelled, for they would be submitted a second time. What
    killed ones left half written is then removed.

    Args:
        base: ``results/{study}``.
        submits: whether this driver submits to SLURM.

    Raises:
        InputError: it does, and SLURM does not say what is queued.
    """
    _wait_for_slurm(base.name, submits)
    leases = [Lease(path.parent) for path in sorted(base.glob("runs/*/*/seed*/*/lease.json"))]
    watched = {lease: lease.sign() for lease in leases if lease.alive()}
    if any(not lease.here() for lease in watched):
        time.sleep(2 * BEAT)
    living = [lease for lease, sign in watched.items() if lease.here() or lease.sign() != sign]
    for lease in living:
        _tell(f"{lease.path.parent}: {lease.name()} trains on from an earlier run, waiting for it")
    for lease in living:
        _wait_for(lease)
    files.sweep(base)


def _wait_for(lease: Lease) -> None:
    sign, since = lease.sign(), time.monotonic()
    while lease.holder() and lease.alive() and time.monotonic() - since < SILENCE:
        time.sleep(1)
        if lease.sign() != sign:
            sign, since = lease.sign(), time.monotonic()


def _wait_for_slurm(study: str, submits: bool) -> None:
    told: set[tuple[str, str]] = set()
    while left := _submitted(study, submits):
        queued = [entry for entry in left if entry.state == "PENDING"]
        for entry in left:
            name = entry.comment.removeprefix(COMMENT).replace("_wildcards_", " of ")
            what = f"SLURM job {entry.id} of an earlier run ({name})"
            does = "is still queued, cancelling it" if entry in queued else "runs, waiting for it"
            if (entry.id, does) not in told:
                _tell(f"{what} {does}")
            told.add((entry.id, does))
        if queued:
            # By state: one that has just begun shall end.
            ids = [entry.id for entry in queued]
            command = ("scancel", "--state=PENDING", *ids)
            subprocess.run(command, capture_output=True, check=False, timeout=60)
        time.sleep(1.0 if len(queued) == len(left) else POLL)


def _submitted(study: str, submits: bool) -> list[Entry]:
    """A study's jobs, of this folder's Snakemakes only, that SLURM has not ended."""
    entries = slurm_queue.read()
    if entries is None and submits:
        todo = "Wait, or ask who runs the cluster; posepaper doctor --slurm says more"
        raise InputError("squeue", "SLURM does not answer", todo)
    own = re.compile(rf"{COMMENT}\w+?_wildcards_{re.escape(study)}(_|$)")
    return [entry for entry in entries or () if entry.active and own.match(entry.comment)]


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
