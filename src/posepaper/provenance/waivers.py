"""Waivers: an author's word that a change does not concern an artefact made before it.

A waiver stands beside its artefact (``<artefact>.waiver.json``), travels with it through DVC, is
shown by every audit, and ends with the next change or the next run of its job.
"""

import getpass
import json
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import record


def path_of(artefact: str | Path) -> Path:
    """Where an artefact's waiver stands."""
    return Path(f"{artefact}.waiver.json")


def read(artefact: str | Path) -> dict | None:
    """An artefact's waiver, or None where there is none or it cannot be read."""
    path = path_of(artefact)
    try:
        return files.read_json(path) if path.exists() else None
    except InputError:
        return None


def parse(data: bytes | None) -> dict | None:
    """A waiver's bytes as :func:`write` leaves them; None where they are none."""
    try:
        waiver = json.loads(data or b"")
        return waiver if {"recorded", "by", "at", "because", "changes"} <= waiver.keys() else None
    except (ValueError, AttributeError):
        return None


def holding(target: str, planned: str) -> dict | None:
    """The waiver by which what was recorded counts as what is planned now."""
    waiver = read(target)
    if waiver is None or waiver.get("accepted") != planned:
        return None
    return waiver if record.agrees(target, waiver["recorded"]) else None


def write(stamp: dict, changes: list, because: str) -> dict:
    """Accepts a stale job's outputs as what its plan would make.

    Args:
        stamp: the job's, as planned.
        changes: what is vouched for.
        because: the author's reason, kept word for word.
    """
    job = stamp["job"]
    waiver = {
        "target": job["target"],
        "recorded": record.read(job["target"])["fingerprint"],
        "accepted": stamp["fingerprint"],
        "because": because,
        "changes": [str(change) for change in changes],
        "by": record.author() or getpass.getuser(),
        "commit": record.git_state()["commit"],
        "at": record.now(),
    }
    for path in job["outputs"].values():
        files.write_json(path_of(path), waiver)
    return waiver


def remove(artefact: str | Path) -> None:
    """Ends a waiver: its artefact was made anew."""
    path_of(artefact).unlink(missing_ok=True)
