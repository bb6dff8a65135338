"""What of a study runs where, waits, has failed or is done: ``posepaper watch``.

Only reads: the stamps of the last plan, records, journals and logs of jobs, who drives, SLURM's
queue. No plan is made anew, so an edit since then shows when Snakemake is next started.
"""

import json
import shlex
import time
from pathlib import Path

from posepaper import lease
from posepaper.provenance import record
from posepaper.stages import driver, journal, runs, slurm_queue, targets
from posepaper.stages.cluster import LOCAL_RULES
from posepaper.stages.dag import Job
from posepaper.stages.plan import Plan, stamp_path

RUNNING, STARTING, QUEUED = "running", "starting", "queued"
WAITING, BLOCKED, STOPPED, FAILED, DONE = "waiting", "blocked", "stopped", "failed", "done"
STATES = (RUNNING, STARTING, QUEUED, FAILED, STOPPED, WAITING, BLOCKED, DONE)
LAST_LINES = 8
# A job that began without a word of its own is starting for so long.
SILENCE = 60.0
TAIL = 20_000


def look(plan: Plan) -> dict:
    """Everything there is to see now.

    Returns:
        {"study", "at", "driver" (see :func:`driver.known`, with "resume", the command that goes
        on; None where there was none), "slurm" ("answers", "silent" or None), "counts" by state,
        "jobs": [{"target", "rule", "name", "state", "why", "for" (rules of the jobs it waits
        for), "host", "node", "gpus", "slurm_job", "since", "ended", "seconds", "progress",
        "error", "log", "lines"}]}; times are UTC, ``lines`` the last ones of the log of a job
        that runs or failed.
    """
    driven = driver.known()
    if driven:
        driven["resume"] = _resume(driven)
    queue = slurm_queue.read()
    scope = _Scope(plan, driven, queue or [])
    jobs = [scope.of(job) for job in scope.jobs]
    counts = {s: sum(job["state"] == s for job in jobs) for s in STATES}
    slurm = None if not (driven and driven["submits"]) else "silent"
    return {
        "study": plan.study.name,
        "at": record.now(),
        "driver": driven,
        "slurm": "answers" if queue is not None else slurm,
        "counts": counts,
        "jobs": jobs,
    }


def holds(found: dict) -> bool:
    """Whether nothing failed and no driver was killed."""
    killed = found["driver"] and found["driver"]["state"] == "killed"
    return not (found["counts"][FAILED] or killed)


def name_of(rule: str, wildcards: dict[str, str]) -> str:
    """A job in words: ``train_lifting lift/ours-f81-cpn seed 0``."""
    parts = [f"seed {v}" if k == "seed" else str(v) for k, v in wildcards.items()]
    return " ".join([rule, *parts])


class _Scope:
    """The jobs behind what the driver was asked to make, and what each of them is at."""

    def __init__(self, plan: Plan, driven: dict | None, queue: list[slurm_queue.Entry]):
        self.plan, self.driven = plan, driven
        here = driven is not None and driven["study"] == plan.study.name
        self.drives = here and driven["state"] == "running"
        # Of several submissions of a job the last one, whatever order squeue has.
        self.queue = {e.comment: e for e in sorted(queue, key=lambda e: e.submitted or 0)}
        self.by_id = {entry.id: entry for entry in queue}
        self.meanings = {job.target: _planned(job) for job in plan.jobs}
        self.jobs = _behind(plan, shlex.split(driven["command"]) if self.drives else [])
        self.known: dict[str, dict] = {}

    def of(self, job: Job) -> dict:
        """What a job is at."""
        if job.target not in self.known:
            self.known[job.target] = self._look(job)
        return self.known[job.target]

    def _look(self, job: Job) -> dict:
        shown = dict.fromkeys(
            ("why", "host", "node", "gpus", "slurm_job", "since", "ended", "seconds",
             "progress", "error", "log")
        )  # fmt: skip
        shown |= {"target": job.target, "rule": job.rule, "lines": [], "for": []}
        shown["name"] = name_of(job.rule, job.wildcards)
        made = self._done(job)
        if made:
            return {**shown, "state": DONE, **runs.as_recorded(made)}
        log = journal.log_of(_plain(job))
        shown["log"] = str(log)
        told = journal.read(_plain(job))
        if told and told["fingerprint"] == self.meanings[job.target]:
            shown |= {key: told[key] for key in ("host", "node", "gpus", "since", "progress")}
            shown |= {"slurm_job": told["job"], "error": told["error"]}
            shown["ended"] = told.get("ended")
        else:
            told = None
        shown |= self._state(job, told, log)
        if shown["state"] in (RUNNING, STARTING, FAILED, STOPPED):
            shown["lines"] = last_lines(log)
        if shown["since"]:
            end = record.nanoseconds(shown["ended"] or record.now())
            shown["seconds"] = (end - record.nanoseconds(shown["since"])) / 1e9
        return shown

    def _done(self, job: Job) -> dict | None:
        meaning = self.meanings[job.target]
        if meaning is None:
            return None
        found = [record.agrees(path, meaning) for path in job.outputs.values()]
        return found[0] if all(found) else None

    def _state(self, job: Job, told: dict | None, log: Path) -> dict:
        entry = self._queued(job)
        if entry and entry.active:
            running = told and told["state"] == "running" and told["job"] == entry.id
            if running:
                return {"state": RUNNING}
            again = f" (again: {told['error']})" if told and told["error"] else ""
            # Nothing of an earlier attempt's is left but why it ended.
            place = {"slurm_job": entry.id, "node": entry.nodes or None}
            place |= {"host": None, "gpus": [], "ended": None, "progress": None}
            if entry.state == "PENDING":
                since = _moment(entry.submitted)
                return {"state": QUEUED, "why": entry.why + again, **place, "since": since}
            return {"state": STARTING, **place, "since": _moment(entry.started)}
        if told is None:
            return self._without_journal(job, log)
        if told["state"] != "running":
            return {"state": told["state"]}
        lives = lease.lives(told)
        if lives is None:
            # Another machine's: SLURM knows, else its sign of life.
            gone = self.by_id.get(told["job"])
            quiet = time.time() - journal.path_of(_plain(job)).stat().st_mtime
            if gone is None and quiet < SILENCE:
                return {"state": RUNNING}
            ended = gone.state if gone else f"no sign of life for {quiet:.0f} s"
            return {"state": FAILED, "error": f"ended without a word ({ended})"}
        if lives:
            return {"state": RUNNING}
        gone = self.by_id.get(told["job"])
        ended = f" ({gone.state})" if gone else ""
        return {"state": FAILED, "error": f"killed{ended}: no last words, out of memory perhaps"}

    def _without_journal(self, job: Job, log: Path) -> dict:
        stamp = Path(stamp_path(job.target))
        begun = log.exists() and stamp.exists() and log.stat().st_mtime > stamp.stat().st_mtime
        if begun and self.drives and time.time() - log.stat().st_mtime < SILENCE:
            return {"state": STARTING, "since": _moment(log.stat().st_ctime)}
        if begun and log.stat().st_size:
            return {"state": FAILED, "error": "ended before it began its work, see its log",
                    "ended": _moment(log.stat().st_mtime)}  # fmt: skip
        return self._waits(job)

    def _waits(self, job: Job) -> dict:
        makers = dict.fromkeys(self.plan.made_by[path].target for path in job.input_paths())
        above = [self.of(self.plan.made_by[target]) for target in makers]
        missing = [parent for parent in above if parent["state"] != DONE]
        bad = [p for p in missing if p["state"] in (FAILED, BLOCKED)]
        if bad:
            first = bad[0]
            root = first["why"] if first["state"] == BLOCKED else f"for {first['name']}, {FAILED}"
            return {"state": BLOCKED, "why": root}
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            rules = sorted({parent["rule"] for parent in missing})
            return {"state": WAITING, "why": f"for {missing[0]['name']}{more}", "for": rules}
        if not self.drives:
            return {"state": WAITING, "why": "for a snakemake to start it"}
        submits = self.driven["submits"] and job.rule not in LOCAL_RULES
        return {"state": WAITING, "why": "to be submitted" if submits else "for a free core"}

    def _queued(self, job: Job) -> slurm_queue.Entry | None:
        name = slurm_queue.comment_of(job.rule, job.wildcards, self.plan.study.name)
        return self.queue.get(name)


def last_lines(log: Path, most: int = LAST_LINES) -> list[str]:
    """The last lines of a log that say something."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-most:]


def _plain(job: Job) -> dict:
    return {"target": job.target, "rule": job.rule, "wildcards": job.wildcards}


def _planned(job: Job) -> str | None:
    """The fingerprint a job was last planned with."""
    try:
        return json.loads(Path(stamp_path(job.target)).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError):
        return None


def _behind(plan: Plan, words: list[str]) -> list[Job]:
    """The jobs that make what the words of a command ask for, all where they name nothing."""
    waiting = targets.asked(plan, words)
    if not waiting or "all" in words:
        return plan.jobs
    found: set[str] = set()
    while waiting:
        job = plan.made_by[waiting.pop()]
        if job.target not in found:
            found.add(job.target)
            waiting += job.input_paths()
    return [job for job in plan.jobs if job.target in found]


def _moment(seconds: float | None) -> str | None:
    return record.utc(seconds) if seconds else None


def _resume(driven: dict) -> str:
    unlock = "snakemake --unlock; " if driven["state"] == "killed" else ""
    return unlock + driven["command"]
