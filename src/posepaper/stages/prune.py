"""What no job of a study makes any more: orphans of renamed experiments and old run folders."""

import shutil
from pathlib import Path

from posepaper import files
from posepaper.stages import track
from posepaper.stages.job import run_folder
from posepaper.stages.plan import Plan

SIDECARS = (".record.json", ".waiver.json")


def orphans(plan: Plan) -> dict[str, list[Path]]:
    """Files and folders of a study that the plan does not know.

    Returns:
        {"artefacts": with their records; "runs": run folders of other fingerprints, each the
        cache of a finished training or the state of an unfinished one; "traces": stamps of
        jobs that are gone}.
    """
    base = Path(plan.base)
    known = {Path(path) for path in plan.made_by}
    kept = {Path(j.target).with_suffix("") for j in plan.jobs if j.rule == "prepare_world"}
    artefacts = [
        path
        for name in track.TRACKED
        for path in (files.walk(base / name) if (base / name).is_dir() else [])
        if path not in known and not any(folder in path.parents for folder in kept)
    ]
    sidecars = [Path(f"{p}{suffix}") for p in artefacts for suffix in SIDECARS]
    trained = [j.target for j in plan.jobs if j.rule.startswith(("train_", "prepare_video"))]
    current = {run_folder(target, plan.fingerprints[target]) for target in trained}
    runs = [p for p in sorted(base.glob("runs/*/*/seed*/*")) if p.is_dir() and p not in current]
    return {
        "artefacts": [*artefacts, *(p for p in sidecars if p.exists())],
        "runs": runs,
        "traces": _traces(plan, base),
    }


def _traces(plan: Plan, base: Path) -> list[Path]:
    """Stamps of targets that no job makes."""
    known = {Path(f"{job.target}.json").relative_to(base) for job in plan.jobs}
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
