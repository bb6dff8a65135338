"""What no job of a study makes any more: orphans of renamed experiments and old run folders."""

import shutil
import time
from pathlib import Path

from posepaper import files
from posepaper.lease import Lease
from posepaper.stages import track
from posepaper.stages.cost import Imagined
from posepaper.stages.dag import Job
from posepaper.stages.job import run_folder
from posepaper.stages.plan import Plan

SIDECARS = (".record.json", ".waiver.json")
# Of a run folder's holder on another machine only its signs of life are seen, every few seconds
# and by another clock.
SILENCE = 3600.0


def orphans(plan: Plan) -> dict[str, list[Path]]:
    """Files and folders of a study that the plan does not know.

    What only waits for its data is none: a data root that is not mounted takes jobs out of the
    plan, not their results out of use. Nor is a run folder that somebody works in.

    Returns:
        {"artefacts": with their records; "runs": run folders of other fingerprints, each the
        cache of a finished training or the state of an unfinished one; "traces": stamps of
        jobs that are gone}.
    """
    base = Path(plan.base)
    jobs = [*plan.jobs, *_waiting(plan)]
    known = {Path(path) for job in jobs for path in job.outputs.values()}
    kept = {Path(j.target).with_suffix("") for j in plan.jobs if j.rule == "prepare_world"}
    artefacts = [
        path
        for name in track.TRACKED
        for path in (files.walk(base / name) if (base / name).is_dir() else [])
        if path not in known and not any(folder in path.parents for folder in kept)
    ]
    sidecars = [Path(f"{p}{suffix}") for p in artefacts for suffix in SIDECARS]
    return {
        "artefacts": [*artefacts, *(p for p in sidecars if p.exists())],
        "runs": _runs(plan, base),
        "traces": _traces(jobs, base),
    }


def _waiting(plan: Plan) -> list[Job]:
    """The jobs that there would be too if all data were there; a rehearsal has other data then."""
    if plan.rehearses:
        return []
    return [j for j in Imagined(plan.study, plan.roots).jobs() if j.target not in plan.made_by]


def _runs(plan: Plan, base: Path) -> list[Path]:
    """Run folders of other fingerprints, where the data are there that a fingerprint covers."""
    trained = [j.target for j in plan.jobs if j.rule.startswith(("train_", "prepare_video"))]
    current = {run_folder(target, plan.fingerprints[target]) for target in trained}
    states = plan.builder.states.items()
    waiting = {base / "runs" / name for name, state in states if state.startswith("missing-data:")}
    return [
        p
        for p in sorted(base.glob("runs/*/*/seed*/*"))
        if p.is_dir() and p not in current and p.parents[1] not in waiting and not _busy(p)
    ]


def _busy(folder: Path) -> bool:
    """Whether a training works in a run folder, as far as can be seen from here."""
    lease = Lease(folder)
    fresh = time.time() - lease.sign() / 1e9 < SILENCE
    return lease.alive() and (lease.here() or fresh)


def _traces(jobs: list[Job], base: Path) -> list[Path]:
    """Stamps of targets that no job makes."""
    known = {Path(f"{job.target}.json").relative_to(base) for job in jobs}
    stamps = base / "stamps"
    found = [p for p in sorted(stamps.rglob("*.json")) if p.parent != stamps]
    return [p for p in found if p.relative_to(stamps) not in known]


def delete(found: dict[str, list[Path]]) -> None:
    """Deletes what :func:`orphans` listed, and the folders that are empty then."""
    for path in (p for paths in found.values() for p in paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder.name == "results" or any(folder.iterdir()):
                break
            folder.rmdir()
