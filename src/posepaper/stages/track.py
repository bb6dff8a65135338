"""Hands a study's results to DVC, one directory pointer a stage; rule ``track_results``.

Raw data too, where it lies in this repository's ``data``: one pointer a dataset's folder.
``python -m posepaper.stages.track mini``. DVC resets the times of what it adds, so every
artefact is dated as its record says afterwards.
"""

import logging
import os
import sys
from pathlib import Path

from posepaper import files
from posepaper.config import read_yaml
from posepaper.provenance import record, states
from posepaper.stages import rehearsal

# The data root that lies in the repository.
RAW = "data"
TRACKED = (
    "data",
    "keypoints",
    "checkpoints",
    "predictions",
    "metrics",
    "tables",
    "figures",
    "report",
    "costs.json",
    "costs.json.record.json",
)


def track(study: str) -> None:
    """Adds every folder and file of results that exists, then writes ``stamps/tracked.json``.

    A rehearsal, which has no results, is noted and not added.
    """
    base = Path("results", study)
    there = [str(base / name) for name in TRACKED if (base / name).exists()]
    there += raw_folders(base)
    if rehearsal.rehearses(base):
        print("track: a rehearsal is not tracked", file=sys.stderr)
        pointers = {}
    elif not Path(".dvc").is_dir():
        print("track: no .dvc folder here, nothing is tracked", file=sys.stderr)
        pointers = {}
    else:
        pointers = _add(there)
    redate(base)
    states.note(base, pointers)
    files.write_json(base / "stamps" / "tracked.json", {"pointers": pointers})


def _add(paths: list[str]) -> dict[str, str]:
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    pointers = {}
    with Repo(".") as repo:
        for path in paths:
            print(f"track: {path}", file=sys.stderr, flush=True)
            (stage,) = repo.add(path)
            pointers[path] = stage.outs[0].hash_info.value
    return pointers


def raw_folders(base: Path) -> list[str]:
    """``data/{dataset}`` of every raw file that something here was made from.

    What lies in another data root, or is a link to one, is known by md5 in the records alone.
    """
    found = set()
    for path in base.rglob("*.record.json"):
        for raw in files.read_json(path)["raw"]:
            parts = Path(os.path.normpath(raw)).parts
            if len(parts) > 2 and parts[0] == RAW:
                found.add(str(Path(*parts[:2])))
    home = Path.cwd().resolve() / RAW
    return sorted(f for f in found if Path(f).is_dir() and Path(f).resolve().parent == home)


def restore_stamp(base: Path, latest: int = 0) -> None:
    """Writes ``stamps/tracked.json`` where DVC's pointers stand for exactly what is there.

    So a fresh clone restored by ``dvc pull`` has nothing left to do. Counts and sizes decide;
    hashes are the audit's. Where the stamp stands already, its state is logged as that of today's
    commit, for who runs first and commits then.

    Args:
        latest: when the last artefact was made, nanoseconds.
    """
    stamp, pointers = base / "stamps" / "tracked.json", {}
    if stamp.exists():
        if stamp.stat().st_mtime_ns >= latest:
            states.confirm(base, files.read_json(stamp)["pointers"])
        return
    for name in TRACKED:
        pointer, path = base / f"{name}.dvc", base / name
        if not pointer.exists():
            if path.exists():
                return
            continue
        out = read_yaml(pointer)["outs"][0]
        found = [p for p in [path, *path.rglob("*")] if p.is_file()]
        size = sum(p.stat().st_size for p in found)
        if (len(found), size) != (out.get("nfiles", 1), out["size"]):
            return
        pointers[str(path)] = out["md5"]
    for folder in raw_folders(base) if pointers else ():
        if Path(f"{folder}.dvc").exists():
            pointers[folder] = read_yaml(f"{folder}.dvc")["outs"][0]["md5"]
    if pointers:
        files.write_json(stamp, {"pointers": pointers})


def redate(base: Path) -> None:
    """Sets every recorded artefact's mtime to its record's end."""
    for path in sorted(base.rglob("*.record.json")):
        artefact = Path(str(path).removesuffix(".record.json"))
        if artefact.exists():
            record.date_as_recorded(artefact, record.read(artefact))


if __name__ == "__main__":
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    track(sys.argv[1])
