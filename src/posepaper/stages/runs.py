"""What ran where and when, by its records, and what a cluster was taken for beside the work."""

import statistics
from collections.abc import Iterable
from pathlib import Path

from posepaper import files
from posepaper.provenance import record
from posepaper.stages import diary

# From submission to SLURM's start; from there to that of the job's own program; until that has
# loaded its libraries; after the work's end to SLURM's; from there until the driver saw it.
PARTS = ("queue", "before", "load", "after", "seen")


def ran(base: str | Path) -> list[dict]:
    """Every job of a study that has a record, in the order in which they ended.

    Returns:
        [{"target", "rule", "host", "gpus", "slurm_job", "since", "ended", "seconds", and of those
        that SLURM ran the seconds of :data:`PARTS`, None where nobody knows}].
    """
    seen, ended = diary.read(base)
    made = (files.read_json(path) for path in sorted(Path(base).rglob("*.record.json")))
    # A job of several outputs has as many records, all alike.
    jobs = {one["target"]: one for one in made}
    found = [
        {"target": target, "rule": one["rule"], **as_recorded(one)}
        | _parts(one, seen.get(target), ended.get(one["machine"]["slurm_job"]))
        for target, one in jobs.items()
    ]
    return sorted(found, key=lambda job: job["ended"])


def as_recorded(made: dict) -> dict:
    """Where and when a record's job ran: {"host", "gpus", "slurm_job", "since", "ended",
    "seconds"}."""
    machine = made["machine"]
    seen = machine.get("visible_gpus")
    return {
        "host": machine["host"],
        "gpus": seen.split(",") if seen else [],
        "slurm_job": machine["slurm_job"],
        "since": made["start"],
        "ended": made["end"],
        "seconds": record.seconds(made),
    }


def overhead(jobs: Iterable[dict]) -> list[dict]:
    """Median and worst of each part by rule, of the jobs of :func:`ran` that SLURM ran.

    Returns:
        [{"rule", "jobs", "seconds": median of the work, and of each part and "beside" (before and
        after) [median, worst], None where unknown}]; the last of all.
    """
    submitted = [job for job in jobs if job["slurm_job"] and job["before"] is not None]
    rules: dict[str, list[dict]] = {}
    for job in submitted:
        rules.setdefault(job["rule"], []).append(job)
    rows = [_row(rule, alike) for rule, alike in rules.items()]
    return [*rows, _row("all", submitted)] if submitted else []


def where(job: dict) -> str:
    """Node or host, GPUs, SLURM job."""
    place = [job.get("node") or job["host"] or ""]
    if job["gpus"]:
        place.append(f"GPU {','.join(job['gpus'])}")
    if job["slurm_job"]:
        place.append(f"job {job['slurm_job']}")
    return " ".join(filter(None, place))


def duration(seconds: float | None) -> str:
    """``8 s``, ``3:05 min`` or ``27:10 h``; '' for None."""
    if seconds is None:
        return ""
    seconds = int(seconds + 0.5)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d} h"


def page(jobs: Iterable[dict]) -> list[dict]:
    """Jobs as the report's section "What ran where" shows them, those of :func:`ran` or of
    :func:`posepaper.stages.watch.look`: {"name", "state", "where", "since", "queue", "took",
    "told", "lines"}, all text."""
    return [
        {
            "name": job.get("name") or "/".join(job["target"].split("/")[2:]),
            "state": job.get("state", "done"),
            "where": where(job),
            "since": (job["since"] or "")[:19].replace("T", " "),
            "queue": duration(job.get("queue")),
            "took": duration(job["seconds"]),
            "told": job.get("error") or job.get("why") or "",
            "lines": job.get("lines", []),
        }
        for job in jobs
    ]


def _row(rule: str, jobs: list[dict]) -> dict:
    beside = [job["before"] + (job["after"] or 0.0) for job in jobs]
    parts = {part: [job[part] for job in jobs if job[part] is not None] for part in PARTS}
    spread = {
        name: [statistics.median(values), max(values)] if values else None
        for name, values in {**parts, "beside": beside}.items()
    }
    work = statistics.median(job["seconds"] for job in jobs)
    return {"rule": rule, "jobs": len(jobs), "seconds": work, **spread}


def _parts(made: dict, seen: float | None, ended: float | None) -> dict:
    """SLURM's times are whole seconds: what follows at once may seem to come before."""
    machine = made["machine"]
    submitted, started = (machine.get(f"slurm_{what}") for what in ("submitted", "started"))
    if started is None:
        return dict.fromkeys(PARTS)
    begun, done = _seconds(made["start"]), _seconds(made["end"])
    launched = _seconds(machine.get("process_started")) or begun
    started, submitted = _seconds(started), _seconds(submitted)
    # A diary may tell of an earlier run of the same job.
    seen = seen if seen and seen > done else None
    return {
        "queue": started - submitted if submitted else None,
        "before": max(0.0, launched - started),
        "load": max(0.0, begun - launched),
        "after": max(0.0, ended - done) if ended else None,
        "seen": max(0.0, seen - ended) if ended and seen else None,
    }


def _seconds(time: str | None) -> float | None:
    return record.nanoseconds(time) / 1e9 if time else None
