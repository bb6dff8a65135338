"""Jobs that outlived the Snakemake which started them."""

import contextlib
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
        InputError: it does, and SLURM does not say what is queued; once it has, it is waited for.
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
    left = _submitted(study)
    if left is None and submits:
        todo = "Wait, or ask who runs the cluster; posepaper doctor --slurm says more"
        raise InputError("squeue", "SLURM does not answer", todo)
    while left:
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
            _cancel([entry.id for entry in queued])
        time.sleep(1.0 if len(queued) == len(left) else POLL)
        left = _submitted_still(study)


def _cancel(ids: list[str]) -> None:
    """Asks SLURM to; where it is silent the jobs stay in the queue and it is asked again."""
    command = ("scancel", "--state=PENDING", *ids)
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, check=False, timeout=60)


def _submitted_still(study: str) -> list[Entry]:
    """As :func:`_submitted`, from a SLURM that has answered before: its silence will end."""
    left = _submitted(study)
    if left is None:
        _tell("SLURM does not answer, waiting for it: jobs of an earlier run may still run")
    while left is None:
        time.sleep(POLL)
        left = _submitted(study)
    return left


def _submitted(study: str) -> list[Entry] | None:
    """A study's jobs, of this folder's Snakemakes only, that SLURM has not ended.

    None where there is no SLURM, or it does not answer.
    """
    entries = slurm_queue.read()
    if entries is None:
        return None
    own = re.compile(rf"{COMMENT}\w+?_wildcards_{re.escape(study)}(_|$)")
    return [entry for entry in entries if entry.active and own.match(entry.comment)]


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
