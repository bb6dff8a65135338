"""The record beside every artefact: what made it, from what, where and when."""

import datetime
import functools
import os
import platform
import resource
import shutil
import subprocess
import time
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError

TRACKED_CODE = ("src", "workflow", "report", "config.yaml", "envs", "Snakefile")


def path_of(artefact: str | Path) -> Path:
    """Where an artefact's record stands."""
    return Path(f"{artefact}.record.json")


def read(artefact: str | Path) -> dict | None:
    """An artefact's record, or None where there is none.

    Raises:
        InputError: the record is not JSON.
    """
    path = path_of(artefact)
    return files.read_json(path) if path.exists() else None


def now() -> str:
    """The time, UTC, to the microsecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def utc(moment: float) -> str:
    """Seconds since 1970 as a record's time."""
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="microseconds")


def nanoseconds(time: str) -> int:
    """A record's time as a file's mtime in nanoseconds."""
    moment = datetime.datetime.fromisoformat(time)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (moment - epoch) // datetime.timedelta(microseconds=1) * 1000


def seconds(record: dict) -> float:
    """How long a record's job took."""
    return (nanoseconds(record["end"]) - nanoseconds(record["start"])) / 1e9


def date_as_recorded(artefact: str | Path, record: dict) -> None:
    """Sets an artefact's mtime to its record's end; copying tools such as DVC reset it."""
    end = nanoseconds(record["end"])
    if os.stat(artefact).st_mtime_ns != end:
        os.utime(artefact, ns=(end, end))


def agrees(artefact: str | Path, fingerprint: str) -> dict | None:
    """The record, if the artefact stands there whole and was made with that fingerprint."""
    if not os.path.exists(artefact):
        return None
    try:
        record = read(artefact)
        if record is None or record["fingerprint"] != fingerprint:
            return None
        sizes = {o["path"]: o["size"] for o in record["outputs"].values()}
        return record if sizes[str(artefact)] == files.size(artefact) else None
    except (InputError, KeyError, TypeError):
        return None


def describe(path: str | Path) -> dict:
    """{"path", "md5", "size"}; the md5 is taken from the record where the file is as recorded."""
    record = read(path)
    if record is not None:
        for output in record["outputs"].values():
            same = output["path"] == str(path) and output["size"] == files.size(path)
            if same and os.stat(path).st_mtime_ns == nanoseconds(record["end"]):
                return output
    return {"path": str(path), "md5": files.md5(path), "size": files.size(path)}


def write(outputs: dict[str, Path], facts: dict, start: str) -> None:
    """Writes the record of a finished job beside each of its outputs and dates them alike.

    Its peak memory is this process's own; beside it stands that of the largest of its workers
    (or other children), who share some of it with their parent and with one another.
    """
    # Before git is asked: a child that execs counts what its parent held.
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, workers = (resource.getrusage(process).ru_maxrss * 1024 for process in who)
    record = {
        **facts,
        "outputs": {
            n: {"path": str(p), "md5": files.md5(p), "size": files.size(p)}
            for n, p in outputs.items()
        },
        "git": git_state(),
        "machine": machine(),
        "start": start,
        "end": now(),
        "peak_memory_bytes": own,
        "peak_worker_bytes": workers,
    }
    for path in outputs.values():
        date_as_recorded(path, record)
    for path in outputs.values():
        files.write_json(path_of(path), record)


def git_state() -> dict:
    """Commit, and which of the tracked code is not as committed; None outside git."""
    commit = _run("git", "rev-parse", "HEAD")
    if not commit:
        return {"commit": None, "dirty": None}
    changed = _run("git", "status", "--porcelain", "--", *TRACKED_CODE)
    return {"commit": commit, "dirty": bool(changed)}


def author() -> str:
    """Git's user name here, '' where none is set."""
    return _run("git", "config", "user.name")


@functools.cache
def machine() -> dict:
    """Host, processor, GPUs, those this process may see, and its SLURM job."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    gpus = _run("nvidia-smi", "--query-gpu=name,uuid", "--format=csv,noheader").splitlines()
    lock = Path("envs/lock.txt")
    return {
        "host": platform.node(),
        "cpu": processor,
        "gpus": gpus,
        "visible_gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "process_started": _process_started(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        **_queued(os.environ.get("SLURM_JOB_ID")),
        "python": platform.python_version(),
        "lock": files.md5(lock) if lock.exists() else None,
    }


def _process_started() -> str | None:
    """When this process began, before it had loaded anything; None where there is no /proc."""
    try:
        stat = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    except OSError:
        return None
    age = uptime - int(stat[19]) / os.sysconf("SC_CLK_TCK")
    return utc(time.time() - age)


def _queued(job: str | None) -> dict:
    """When SLURM was given this job and when it started it; nothing outside SLURM."""
    if job is None:
        return {}
    asked = ("squeue", "-h", "-j", job, "-o", "%V %S")
    times = _run("env", "SLURM_TIME_FORMAT=%s", *asked).split()[:2]
    names = ("slurm_submitted", "slurm_started")
    return {n: utc(int(t)) for n, t in zip(names, times, strict=False) if t.isdigit()}


def _run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
