"""One Snakemake at a time in a folder, and what to type where another one stands in the way.

Snakemake's own lock comes only after the plan has dated its stamps, and cannot say whether its
owner still lives. This one is the kernel's: it goes with its process, however that ends.
"""

import fcntl
import json
import os
import platform
import re
import shlex
import shutil
import sys
from pathlib import Path

from posepaper import lease
from posepaper.errors import InputError
from posepaper.provenance.record import now
from posepaper.stages import targets

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

# The rule that only shows what there is, and may do so while another Snakemake runs.
SHOWING = "draft"

_held: list[int] = []


def shows(arguments: list[str], plan) -> bool:
    """Whether Snakemake is asked for nothing but a draft."""
    others = "all" in arguments or targets.asked(plan, arguments)
    return SHOWING in arguments and not others


def claim(
    arguments: list[str],
    folder: Path = FOLDER,
    *,
    submits: bool = False,
    study: str = "",
) -> None:
    """Takes the folder for this process until it ends; nothing where Snakemake only reads.

    Where the file system has no such locks it drives all the same, and only what ``driver.json``
    and Snakemake's own lock tell keeps a second one out.

    Args:
        arguments: Snakemake's command line.
        folder: Snakemake's own.
        submits: whether it hands its jobs to a cluster.
        study: what it runs, for who watches it.

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
    if _taken(handle):
        other = _read(handle)
        os.close(handle)
        todo = f"Wait for it, or end it with: kill -INT {other.get('pid', '')}"
        raise InputError(Path.cwd(), f"{_told(other)} runs here", todo)
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
    own = {**lease.me(), "since": now()[:19], "study": study, "submits": submits}
    own["command"] = shlex.join(["snakemake", *arguments])
    os.pwrite(handle, json.dumps(own).encode(), 0)
    _held.append(handle)


def running_since(folder: Path = FOLDER) -> float | None:
    """When the Snakemake that works in the folder now claimed it, by the folder's clock.

    None where none does. A file system without locks has only the driver's own word.
    """
    try:
        with open(folder / "driver.json", "rb") as handle:
            since = os.fstat(handle.fileno()).st_mtime
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return since
    except FileNotFoundError:
        return None
    except OSError:
        driver = known(folder)
        return since if driver and driver["state"] == "running" else None
    return None


def yields(study: str, folder: Path = FOLDER) -> bool:
    """Whether a study's stamps are those of another Snakemake that runs here; says so then.

    Its jobs in a queue read them when they start. Who only looks must not plan anew beside it:
    a job put back after an edit would take the new fingerprint and begin in another run folder.
    """
    driver = None if holds() else known(folder)
    if driver is None or driver["state"] != "running" or driver.get("study") != study:
        return False
    what = "runs here: shown is what it planned. What was edited since: posepaper impact"
    print(f"posepaper: {_told(driver)} {what}", file=sys.stderr, flush=True)
    return True


def release() -> None:
    """Gives the folder back before this process ends."""
    while _held:
        os.close(_held.pop())


def holds() -> bool:
    """Whether this process drives its folder, by a lock or on a file system that has none."""
    return bool(_held)


def known(folder: Path = FOLDER) -> dict | None:
    """The driver that runs here or was the last to; None where there was none.

    Returns:
        {"pid", "host", "since", "command", "study", "submits", "state"}; "running", "killed"
        (its lock is still there) or "ended". One on another machine is taken to run while its
        lock is there.
    """
    try:
        driver = json.loads((folder / "driver.json").read_text(encoding="utf-8"))
        lives = lease.lives(driver)
    except (OSError, ValueError, KeyError):
        return None
    locked = any((folder / "locks").glob("*.lock"))
    if lives or (lives is None and locked):
        return {**driver, "state": "running"}
    return {**driver, "state": "killed" if locked else "ended"}


def _taken(handle: int) -> bool:
    """Whether another process has the lock; takes it otherwise.

    Without locks, whether the one that wrote the file lives on this machine.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        other = _read(handle)
        try:
            return bool(lease.lives(other)) and other["pid"] != os.getpid()
        except KeyError:
            return False
    return False


def _read(handle: int) -> dict:
    try:
        return json.loads(os.pread(handle, 10_000, 0))
    except ValueError:
        return {}


def _told(driver: dict) -> str:
    if not driver:
        return "another snakemake"
    return f"snakemake (process {driver['pid']} on {driver['host']}, since {driver['since']} UTC)"
