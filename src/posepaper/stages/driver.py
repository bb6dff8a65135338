"""One Snakemake at a time in a folder, and what an earlier one that was killed left behind."""

import atexit
import sys
import time
from pathlib import Path

from posepaper.errors import InputError
from posepaper.lease import BEAT, SILENCE, Lease

FOLDER = Path(".posepaper/driver")
LOCKS = Path(".snakemake/locks")
# Snakemake runs nothing with these.
IDLE = {
    *("-n", "--dry-run", "--dryrun", "--unlock", "--lint", "--list", "-l", "--list-rules"),
    *("--list-target-rules", "--lt", "--summary", "-S", "--detailed-summary", "-D", "--dag"),
    *("--rulegraph", "--filegraph", "--d3dag", "--list-input-changes", "--report", "--help", "-h"),
}


def claim(base: str, words: list[str] | None = None) -> None:
    """Claims this folder for this process, and waits for trainings that outlived their driver.

    Args:
        base: ``results/{study}``.
        words: Snakemake's command line.

    Raises:
        InputError: another Snakemake works here, or one was killed and its lock is still there.
    """
    if IDLE & set(sys.argv if words is None else words):
        return
    lease, here = Lease(FOLDER), Path.cwd()
    if lease.holder() and lease.alive():
        raise InputError(here, f"snakemake is at work here ({lease.name()})", "Wait or stop it")
    if LOCKS.is_dir() and any(LOCKS.iterdir()):
        what = "is locked by a snakemake that was killed"
        raise InputError(here, what, "Type snakemake --unlock, then run again")
    if not lease.take():
        raise InputError(here, f"snakemake is at work here ({lease.name()})", "Wait or stop it")
    atexit.register(lease.release)
    wait_for_orphans(Path(base))


def wait_for_orphans(base: Path) -> None:
    """Waits while trainings of an earlier driver still run: what they finish is not run again."""
    leases = [Lease(path.parent) for path in sorted(base.glob("runs/*/*/seed*/*/lease.json"))]
    watched = {lease: lease.sign() for lease in leases if lease.alive()}
    if any(not lease.here() for lease in watched):
        time.sleep(2 * BEAT)
    living = [lease for lease, sign in watched.items() if lease.here() or lease.sign() != sign]
    for lease in living:
        words = f"{lease.path.parent}: {lease.name()} trains on from an earlier run, waiting for it"
        print(words, file=sys.stderr, flush=True)
    for lease in living:
        _wait_for(lease)


def _wait_for(lease: Lease) -> None:
    sign, since = lease.sign(), time.monotonic()
    while lease.holder() and lease.alive() and time.monotonic() - since < SILENCE:
        time.sleep(1)
        if lease.sign() != sign:
            sign, since = lease.sign(), time.monotonic()
