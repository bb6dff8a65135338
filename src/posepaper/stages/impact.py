"""What an edit will do before it does it, and why an artefact is stale or not.

``python -m posepaper.stages.impact STUDY ROOTS`` prints the stamps of the project in the working
folder as JSON; so the plan of another commit is made by this one's code, from its source.
"""

import difflib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from posepaper import files
from posepaper.config import read_yaml
from posepaper.errors import InputError
from posepaper.provenance import audit, changes, record, waivers
from posepaper.provenance.fingerprint import Code
from posepaper.stages import cost
from posepaper.stages.plan import HASHES, Plan


def plan_of(study: str = "") -> Plan:
    """The plan of a study, of ``config.yaml``'s where none is named."""
    config = read_yaml("config.yaml")
    return Plan({**config, "study": study or config["study"]})


def impact(plan: Plan, rev: str = "", profile: str = "default") -> dict:
    """What would run, why, which numbers it feeds and what it will cost.

    Args:
        rev: a commit to compare the working tree with, in place of what the results were made
            with.
        profile: whose parallelism the cost is of.

    Returns:
        {"study", "against", "changes": [...], "jobs": {target: {"rule", "why"}}, "numbers":
        {table: [address]}, "cost": see :func:`posepaper.stages.cost.of_jobs`; None of no job}.
    """
    before = stamps_at(rev, plan) if rev else None
    found = changes.stale(plan.stamps, before)
    jobs = {
        target: {"rule": plan.stamps[target]["job"]["rule"], "why": [str(c) for c in why]}
        for target, why in found.items()
    }
    return {
        "study": plan.study.name,
        "against": rev or "results",
        "changes": changes.causes(found),
        "jobs": jobs,
        "numbers": changes.numbers(plan.stamps, found),
        "cost": cost.of_jobs(plan, set(found), profile) if found else None,
    }


def stamps_at(rev: str, plan: Plan, *, own_code: bool = False) -> dict[str, dict]:
    """The stamps the plan would have had at a commit, on today's raw data.

    Args:
        own_code: planned by that commit's code, as its records were, not by today's.

    Raises:
        InputError: there is no such commit, or its settings do not make a plan.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "tree.tar")
        command = ["git", "archive", "--output", str(archive), rev]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            what = "is no commit here (" + " ".join(done.stderr.split()) + ")"
            raise InputError(rev, what, "See git log")
        tree = Path(folder, "tree")
        with tarfile.open(archive) as stream:
            stream.extractall(tree, filter="data")
        if HASHES.exists():
            (tree / HASHES).parent.mkdir()
            shutil.copyfile(HASHES, tree / HASHES)
        roots = json.dumps([str(Path(root).resolve()) for root in plan.roots])
        command = [sys.executable, "-m", "posepaper.stages.impact", plan.study.name, roots]
        environment = {**os.environ, "PYTHONPATH": str(tree / "src")} if own_code else None
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise InputError(rev, " ".join(done.stderr.split()), "Compare with another commit")
        return json.loads(done.stdout)


def explain(plan: Plan, what: str) -> dict:
    """Why an artefact or a number is stale, or why it is not.

    Args:
        what: an artefact's path, or a number's address.

    Returns:
        {"what", "artefacts", "stale", "causes": {target: [words]}, "made": {...} or None,
        "waivers": [...]}; ``made`` says with what the artefact was made where it holds.

    Raises:
        InputError: the study makes no such artefact or number.
    """
    targets = _targets(plan, what)
    found = changes.stale(plan.stamps)
    causes: dict[str, list[str]] = {}
    for target in targets:
        for job, why in changes.roots(target, found, plan.stamps).items():
            causes[job] = [str(change) for change in why]
    if ":" in what:
        causes = {j: why for j, why in causes.items() if _concerns(plan, j, targets)}
    stamps = [plan.stamps[target] for target in targets]
    return {
        "what": what,
        "artefacts": targets,
        "stale": bool(causes),
        "causes": causes,
        "made": None if causes else _made(stamps[0]),
        "waivers": [s["waiver"] for s in _ancestry(plan, targets) if "waiver" in s],
    }


def _targets(plan: Plan, what: str) -> list[str]:
    """The artefact's job; of a number, the metrics it shows, then its table."""
    if ":" not in what:
        made_by = plan.made_by
        path = str(Path(what))
        if path not in made_by:
            close = difflib.get_close_matches(path, made_by, n=1, cutoff=0)[0]
            hint = f"Nearest: '{close}'"
            raise InputError(what, f"study '{plan.study.name}' does not make it", hint)
        return [made_by[path].target]
    table, row, _ = audit.parse(plan.study.name, what)
    stamp = plan.stamps.get(table)
    rows = {r["id"]: r for r in stamp["job"]["settings"]["meaning"]["rows"]} if stamp else {}
    if row not in rows:
        known = ", ".join(list(rows)[:9]) or "no such table"
        raise InputError(what, f"{table} has no row '{row}'", f"It has: {known}")
    name = rows[row].get("experiment")
    metrics = stamp["job"]["inputs"]["metrics"] if name else []
    return [*(m for m in metrics if f"/metrics/{name}/" in m), table]


def _concerns(plan: Plan, job: str, targets: list[str]) -> bool:
    """Of a table's causes, those of the number's own metrics and of the table itself."""
    *metrics, table = targets
    return job == table or any(job == s["job"]["target"] for s in _ancestry(plan, metrics))


def _ancestry(plan: Plan, targets: list[str]) -> list[dict]:
    seen, queue = {}, list(targets)
    while queue:
        target = queue.pop()
        if target not in seen:
            seen[target] = plan.stamps[target]
            parents = plan.stamps[target]["parts"]["parents"]
            queue += [plan.made_by[path].target for path in parents]
    return list(seen.values())


def _made(stamp: dict) -> dict:
    made = record.read(stamp["job"]["target"])
    covers = stamp["parts"]
    return {
        "at": made["end"],
        "commit": made["git"]["commit"],
        "fingerprint": stamp["fingerprint"],
        "definitions": len(covers["code"]["definitions"]),
        "packages": covers["code"]["packages"],
        "parents": len(covers["parents"]),
        "raw": len(covers["raw"]),
    }


def accept(study: str, path: str, because: str) -> list[dict]:
    """Waivers for what is stale only through a source file, or for one artefact.

    Args:
        path: a file of the package's source, or an artefact of the study.

    Raises:
        InputError: nothing there is stale through it, or an artefact was made from a stale one.
    """
    written: list[dict] = []
    while True:
        plan = plan_of(study)
        found = changes.stale(plan.stamps)
        ready = {t: why for t, why in found.items() if _vouched(plan, t, why, path)}
        if not ready:
            break
        written += [waivers.write(plan.stamps[t], why, because) for t, why in ready.items()]
    if not written:
        what = "nothing of this study is stale through it alone"
        raise InputError(path, what, f"See posepaper explain or impact --study {plan.study.name}")
    plan.refresh()
    return written


def _vouched(plan: Plan, target: str, why: list, path: str) -> bool:
    """Whether every reason is a change that can be vouched for and lies in ``path``."""
    if any(c.kind in ("parent", "absent", "unrecorded", "altered") for c in why):
        return False
    if str(Path(path)) in plan.stamps[target]["job"]["outputs"].values():
        return True
    module = ".".join(Path(path).with_suffix("").parts).removeprefix("src.")
    module = module.removesuffix(".__init__")
    return all(c.kind == "code" and c.name.partition(":")[0] == module for c in why)


if __name__ == "__main__":
    try:
        study, roots = sys.argv[1:]
        there = Code(Path("src/posepaper").resolve())
        print(files.dump_json(Plan({"study": study, "data": json.loads(roots)}, there).stamps))
    except InputError as error:
        sys.exit(str(error))
