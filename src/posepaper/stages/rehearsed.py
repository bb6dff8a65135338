"""What a rehearsal found: speed and memory of every network, what failed, what would not fit."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from posepaper.config import read_yaml
from posepaper.errors import InputError
from posepaper.provenance import record
from posepaper.stages import dag, driver, rehearsal, work
from posepaper.stages.cost import all_there, rehearsal_of
from posepaper.stages.dag import Job
from posepaper.stages.fit import Fit
from posepaper.stages.plan import Plan

DONE, FAILED, RUNNING = "done", "failed", "running"
OUTDATED, WAITING = "outdated", "not-run"
TOLD = re.compile(r"(posepaper: .+|[\w.]*(Error|Exception|Killed)\b.*)")
SILENT = "ended without an error of its own: killed, or out of memory"


def find(study: str, profile: str = "") -> dict:
    """What the rehearsal of a study found.

    Args:
        study: its name.
        profile: against whose site jobs are held; '' for ``slurm`` where a job of the rehearsal
            ran under SLURM, else ``default``: records do not tell a profile.

    Returns:
        {"study", "profile", "jobs": {state: n}, "networks": [row], "failed": [{"target", "why",
        "log"}], "misfits": [{"target", "what"}], "needs": [{"key", "now", "wanted", "because"}],
        "notes": [text]}. A row is a job that runs a network: "target", "experiment", "rule",
        "network", "state", and where it is done what :class:`posepaper.stages.fit.Fit` says.

    Raises:
        InputError: there is no such study or profile, or it was not rehearsed.
    """
    config, name = read_yaml("config.yaml"), rehearsal.study_of(study)
    plan = Plan({**config, "study": name + rehearsal.SUFFIX})
    since = driver.running_since()
    states = {job.target: state(plan, job, since=since) for job in plan.jobs}
    counts = Counter(how for how, _ in states.values())
    if counts.keys() == {WAITING}:
        todo = f"Type: snakemake all --config study={name} rehearse=true"
        raise InputError(f"study '{name}'", "was not rehearsed", todo)
    records = {t: record.read(t) for t, (how, _) in states.items() if how == DONE}
    profile = profile or _profile(records.values())
    full = all_there(name)
    fit = Fit(full, profile)
    jobs = {rehearsal.counterpart(job): job for job in full.jobs}
    measured = rehearsal_of(full)
    rows = []
    for job in plan.jobs:
        row = _row(job, states[job.target][0])
        place = rehearsal.counterpart(job)
        if row["state"] == DONE and place in jobs:
            # An evaluation of epochs is a prediction of each, whose speed it does not note.
            like = (place[0].replace("evaluate_epochs", "predict_pose2d"), place[1])
            told = measured.get(like, measured[place])
            row |= fit.of(jobs[place], records[job.target], told)
        rows.append(row)
    failed = [
        {"target": job.target, "why": states[job.target][1], "log": str(log_of(plan, job))}
        for job in plan.jobs
        if states[job.target][0] == FAILED
    ]
    return {
        "study": name,
        "profile": profile,
        "jobs": dict(counts),
        "networks": [row for row in rows if row["rule"] in work.NETWORK_RULES],
        "failed": failed,
        "misfits": [
            {"target": row["target"], "what": what}
            for row in rows
            for what in row.get("misfits", [])
        ],
        "needs": fit.corrections(),
        "notes": sorted({note for row in rows for note in row.get("notes", [])}),
    }


def state(plan: Plan, job: Job, *, since: float | None = None) -> tuple[str, str]:
    """How a job of a rehearsal stands, and the words it failed with.

    ``since``: when the Snakemake that still works on it was started; None where none does.
    """
    outputs = job.outputs.values()
    if all(record.agrees(path, plan.fingerprints[job.target]) for path in outputs):
        return DONE, ""
    if all(Path(path).exists() for path in outputs):
        return OUTDATED, ""
    log = log_of(plan, job)
    if not log.exists():
        return WAITING, ""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    told = [line for line in lines if TOLD.fullmatch(line)]
    if told:
        return FAILED, told[-1].removeprefix("posepaper: ")
    begun = since is not None and log.stat().st_mtime >= since
    return (RUNNING, "") if begun else (FAILED, SILENT)


def failed_experiments(plan: Plan) -> set[str]:
    """The experiments that a rehearsal, which no longer runs, failed to train or to measure."""
    jobs = [job for job in plan.jobs if "experiment" in job.wildcards]
    return {j.wildcards["experiment"] for j in jobs if state(plan, j)[0] == FAILED}


def log_of(plan: Plan, job: Job) -> Path:
    """Where a job's rule writes its log."""
    stage = dag.module(job.rule).rpartition(".")[2]
    text = Path(f"workflow/rules/{stage}.smk").read_text(encoding="utf-8")
    _, _, rule = text.partition(f"rule {job.rule}:")
    pattern = re.search(r"log:\s*\"([^\"]+)\"", rule)[1]
    return Path(pattern.format(study=plan.study.name, **job.wildcards))


def _row(job: Job, how: str) -> dict:
    return {
        "target": job.target,
        "experiment": job.settings.get("experiment", ""),
        "rule": job.rule,
        "network": job.settings.get("model", {}).get("name", ""),
        "state": how,
    }


def _profile(records: Iterable[dict]) -> str:
    """``slurm`` where a job of a rehearsal ran under it."""
    return "slurm" if any(made["machine"]["slurm_job"] for made in records) else "default"
