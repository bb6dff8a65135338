"""What is to be seen of a study, as a terminal shows it."""

import sys

from posepaper.provenance import record
from posepaper.stages import watch
from posepaper.stages.runs import duration, where

MOST = 12
LAST_DONE = 3


def lines(found: dict) -> list[str]:
    """One screen of what :func:`posepaper.stages.watch.look` found."""
    jobs: dict[str, list[dict]] = {state: [] for state in watch.STATES}
    for job in found["jobs"]:
        jobs[job["state"]].append(job)
    shown = [_driver(found), _counts(found), ""]
    shown += _running(jobs[watch.RUNNING] + jobs[watch.STARTING], found["at"])
    shown += failures(found)
    shown += _because("in SLURM's queue", jobs[watch.QUEUED], found["at"])
    shown += _because("waiting", jobs[watch.WAITING])
    shown += _because("not to be run", jobs[watch.BLOCKED])
    shown += _stopped(jobs[watch.STOPPED])
    return shown + _lately(jobs[watch.DONE], found["at"])


def failures(found: dict) -> list[str]:
    """Each failed job with its own last words, and the command that goes on."""
    failed = [job for job in found["jobs"] if job["state"] == watch.FAILED]
    shown = []
    for job in failed[:MOST]:
        shown += [f"failed: {job['name']}{_on(job)}", f"  {job['error']}"]
        shown += [f"  | {line}" for line in job["lines"]]
        shown += [f"  log: {job['log']}", ""]
    if failed[MOST:]:
        shown += [f"and {len(failed) - MOST} more failed (posepaper watch --json)", ""]
    resume = (found["driver"] or {}).get("resume")
    if resume and found["driver"]["state"] == "killed":
        shown += [f"To go on, type: {resume}", ""]
    elif resume and failed:
        shown += [f"What is done stays. Correct the cause, then type: {resume}", ""]
    return shown


def tell_failures(plan) -> None:
    """Ends a driver that failed: each failed job's last lines, and what to type."""
    print("\n".join(failures(watch.look(plan))), file=sys.stderr, flush=True)


def how_far(job: dict) -> str:
    """``300/400 steps 75%, epoch 2, loss 0.031``, a job's last line where it counts nothing."""
    progress = job["progress"]
    if not progress:
        return "starting" if job["state"] == watch.STARTING else (job["lines"] or [""])[-1]
    share = 100 * progress["done"] / progress["total"] if progress["total"] else 100
    counted = f"{progress['done']}/{progress['total']} {progress['unit']}s {share:.0f}%"
    return ", ".join([counted, *(f"{k} {_number(v)}" for k, v in progress["facts"].items())])


def _driver(found: dict) -> str:
    driven = found["driver"]
    if driven is None:
        return f"study {found['study']}: no snakemake was started here yet"
    who = f"snakemake (process {driven['pid']} on {driven['host']})"
    since = driven["since"].replace("T", " ")
    ended = {"running": f"{who} runs since {since} UTC", "killed": f"{who} was killed",
             "ended": f"no snakemake runs; the last was started {since} UTC"}  # fmt: skip
    other = f", for study {driven['study']}" * (driven["study"] != found["study"])
    silent = ". SLURM does not answer" if found["slurm"] == "silent" else ""
    return f"study {found['study']}: {ended[driven['state']]}{other}{silent}"


def _counts(found: dict) -> str:
    counts = ", ".join(f"{n} {state}" for state, n in found["counts"].items() if n)
    return f"{len(found['jobs'])} jobs: {counts}"


def _running(jobs: list[dict], at: str) -> list[str]:
    if not jobs:
        return []
    rows = [("running", "where", "since", "left", "how far")]
    for job in jobs[:MOST]:
        left = duration(job["progress"]["left"]) if job["progress"] else ""
        rows.append((job["name"], where(job), _age(job["since"], at), left, how_far(job)))
    return [*_table(rows), *_more(jobs), ""]


def _because(title: str, jobs: list[dict], at: str = "") -> list[str]:
    """Jobs of one rule that wait for the same are one line."""
    if not jobs:
        return []
    groups: dict[tuple, list[dict]] = {}
    for job in jobs:
        groups.setdefault((job["rule"], *(job["for"] or [job["why"]])), []).append(job)
    shown = [f"{title}: {len(jobs)}"]
    for alike in list(groups.values())[:MOST]:
        first, n = alike[0], len(alike)
        place = f" ({where(first)}, {_age(first['since'], at)})" if at and first["since"] else ""
        if n == 1:
            shown.append(f"  {first['name']}{place}: {first['why']}")
        else:
            why = f"for {', '.join(first['for'])}" if first["for"] else first["why"]
            shown.append(f"  {n} {first['rule']}: {why} ({first['name']}{place} ...)")
    return [*shown, *_more(list(groups)), ""]


def _stopped(jobs: list[dict]) -> list[str]:
    shown = [f"  {job['name']}{_on(job)}: {job['error']}" for job in jobs[:MOST]]
    return ["stopped, and goes on from there:", *shown, *_more(jobs), ""] if jobs else []


def _lately(jobs: list[dict], at: str) -> list[str]:
    last = sorted(jobs, key=lambda job: job["ended"], reverse=True)[:LAST_DONE]
    rows = [("done last", "where", "took", "ago")]
    rows += [(j["name"], where(j), duration(j["seconds"]), _age(j["ended"], at)) for j in last]
    return _table(rows) if last else []


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    padded = (zip(row, widths, strict=True) for row in rows)
    return ["  ".join(text.ljust(width) for text, width in row).rstrip() for row in padded]


def _more(things: list) -> list[str]:
    rest = len(things) - MOST
    return [f"  and {rest} more (--json lists all)"] if rest > 0 else []


def _on(job: dict) -> str:
    return f" on {where(job)}" if where(job) else ""


def _age(moment: str | None, at: str) -> str:
    if moment is None:
        return ""
    return duration((record.nanoseconds(at) - record.nanoseconds(moment)) / 1e9)


def _number(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
