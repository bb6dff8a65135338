"""One Snakemake at a time in a folder, and what to type where another one stands in the way.

Snakemake's own lock comes only after the plan has dated its stamps, and cannot say whether its
owner still lives. This one is the kernel's: it goes with its process, however that ends.
"""

import fcntl
import json
import os
import platform
import re
import shutil
from pathlib import Path

from posepaper.errors import InputError
from posepaper.provenance.record import now

FOLDER = Path(".snakemake")
# Options with which Snakemake computes nothing, and so takes no lock either.
READING = (
    *("--dry-run", "--dryrun", "--unlock", "--lint", "--summary", "--detailed-summary", "--report"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag", "--list-rules", "--list-target-rules"),
    *("--list", "--archive", "--version", "--help", "--print-compilation", "--list-changes"),
    *("-l", "-S", "-D", "-h", "-v"),
)
# -n among others, but no number of cores or jobs (-call).
SHORT = re.compile(r"-(?![cj])[a-zA-Z]*n[a-zA-Z]*")

_held: list[int] = []


def claim(arguments: list[str], folder: Path = FOLDER, *, submits: bool = False) -> None:
    """Takes the folder for this process until it ends; nothing where Snakemake only reads.

    Args:
        arguments: Snakemake's command line.
        folder: Snakemake's own.
        submits: whether it hands its jobs to a cluster.

    Raises:
        InputError: another Snakemake runs here, or was killed and left its lock; or there is no
            cluster to submit to.
    """
    if any(a.partition("=")[0] in READING or SHORT.fullmatch(a) for a in arguments):
        return
    if submits and shutil.which("sbatch") is None:
        what, todo = "there is no sbatch on this machine", "Start it on a login node"
        raise InputError("the profile", what, f"{todo}; posepaper doctor --slurm says more")
    folder.mkdir(exist_ok=True)
    handle = os.open(folder / "driver.json", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = _read(handle)
        os.close(handle)
        todo = f"Wait for it, or end it with: kill -INT {other.get('pid', '')}"
        raise InputError(Path.cwd(), f"{_told(other)} runs here", todo) from None
    except OSError:
        os.close(handle)  # a file system without such locks: Snakemake's own has to do
        return
    if any((folder / "locks").glob("*.lock")):
        other = _read(handle)
        os.close(handle)
        if other.get("host", platform.node()) != platform.node():
            what = f"{_told(other)} runs here or was killed"
            todo = f"Look on {other['host']}; where it no longer runs, type: snakemake --unlock"
        else:
            what, todo = f"{_told(other)} was killed", "Type: snakemake --unlock; then start again"
        raise InputError(Path.cwd(), what, todo)
    os.ftruncate(handle, 0)
    own = {"pid": os.getpid(), "host": platform.node(), "since": now()[:19]}
    os.pwrite(handle, json.dumps(own).encode(), 0)
    _held.append(handle)


def release() -> None:
    """Gives the folder back before this process ends."""
    while _held:
        os.close(_held.pop())


def holds() -> bool:
    """Whether this process has claimed its folder."""
    return bool(_held)


def _read(handle: int) -> dict:
    try:
        return json.loads(os.pread(handle, 10_000, 0))
    except ValueError:
        return {}


def _told(driver: dict) -> str:
    if not driver:
        return "another snakemake"
    return f"snakemake (process {driver['pid']} on {driver['host']}, since {driver['since']} UTC)"
