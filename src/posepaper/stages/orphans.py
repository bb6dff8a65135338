"""Trainings that outlived the Snakemake which started them."""

import sys
import time
from pathlib import Path

from posepaper.lease import BEAT, SILENCE, Lease


def wait(base: Path) -> None:
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
