"""Packs a study's results, records and code into one file that anyone can check: rule ``bundle``.

``python -m posepaper.stages.bundle mini``. The same inputs give the same bytes: entries are in the
order of their names and carry no times.
"""

import argparse
import hashlib
import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

from posepaper import files
from posepaper.config import read_yaml
from posepaper.errors import InputError
from posepaper.provenance import crate, record, waivers
from posepaper.stages.layouts import RATES
from posepaper.stages.plan import Plan

# What a reader opens, whole; of the other folders only small JSON such as training curves.
WHOLE = ("tables", "figures", "report", "metrics", "costs.json")
SMALL = 1 << 20
CODE = (*record.TRACKED_CODE, "pyproject.toml", "LICENSE", "README.md", str(RATES))
EPOCH = (1980, 1, 1, 0, 0, 0)
RULES = ("make_table", "make_ledger", "make_figure", "make_report", "make_pdf")


def path_of(study: str) -> str:
    """Where a study's bundle stands."""
    return f"results/{study}/bundle/{study}.crate.zip"


def code_files() -> list[str]:
    """The code, settings, templates and lock a bundle carries: what git tracks, as it is now.

    None outside git.
    """
    command = ["git", "ls-files", "-z", "--", *CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [p for p in done.stdout.split("\0") if p and Path(p).is_file()]
    return sorted(p for p in found if not Path(p).is_symlink())


def bundle(plan: Plan) -> Path:
    """Writes a study's bundle.

    Raises:
        InputError: an artefact is absent, has no record, or is not as recorded; git is absent; it
            is a rehearsal.
    """
    # Snakemake imports this module whatever it is asked for.
    from posepaper.provenance import run_crate

    code = code_files()
    if not code:
        raise InputError(Path.cwd(), "is no git repository", "Bundle from a clone of the project")
    if plan.rehearses:
        raise InputError(plan.base, "is a rehearsal", "Bundle a study that ran")
    records = _records(plan)
    kept = {path: _checked(path, made) for path, made in records.items() if _goes_in(plan, path)}
    beside = [p for path in records for p in (record.path_of(path), waivers.path_of(path))]
    others = [*code, *(str(p) for p in beside if p.exists())]
    kept |= {path: Path(path).read_bytes() for path in others}
    jobs = [records[job.target] for job in plan.jobs]
    told = run_crate.metadata(_about(plan), {p: _described(b) for p, b in kept.items()}, jobs)
    content = {crate.METADATA: files.dump_json(told).encode(), **dict(sorted(kept.items()))}
    target = Path(path_of(plan.study.name))
    with files.atomic(target) as part:
        _pack(content, part)
    return target


def _records(plan: Plan) -> dict[str, dict]:
    records = {}
    for path in plan.targets():
        made = record.read(path) if Path(path).exists() else None
        if made is None:
            what = "is not there" if not Path(path).exists() else "has no record"
            raise InputError(path, what, f"Make it: snakemake all --config study={plan.study.name}")
        records[path] = made
    return records


def _goes_in(plan: Plan, path: str) -> bool:
    folder = Path(path).relative_to(plan.base).parts[0]
    small = path.endswith(".json") and files.size(path) <= SMALL
    return folder in WHOLE or small


def _checked(path: str, made: dict) -> bytes:
    content = Path(path).read_bytes()
    then = {out["path"]: out["md5"] for out in made["outputs"].values()}.get(path)
    if then != _described(content)["md5"]:
        raise InputError(path, "changed since its record", "Restore it or make it again")
    return content


def _described(content: bytes) -> dict:
    return {
        "size": len(content),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _about(plan: Plan) -> dict:
    study = plan.study
    return {
        "name": study.name,
        "title": study.title,
        "note": study.note,
        "configs": ["config.yaml", f"workflow/studies/{study.name}.yaml"],
        "results": plan.targets(*RULES),
        "snakemake": importlib.metadata.version("snakemake"),
        "author": record.author(),
        **record.git_state(),
    }


def _pack(content: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, data, compresslevel=6)


def main() -> None:
    """Bundles the study given on the command line."""
    parser = argparse.ArgumentParser(description="Pack a study's results into one checked file.")
    parser.add_argument("study")
    parser.add_argument("--data", nargs="+", help="folders of the datasets, as the run had them")
    given = parser.parse_args()
    config = {**read_yaml("config.yaml"), "study": given.study}
    try:
        made = bundle(Plan({**config, "data": given.data or config["data"]}))
    except InputError as error:
        sys.exit(f"posepaper: {error}")
    print(f"bundle: {made}, {made.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
