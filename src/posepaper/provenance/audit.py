"""The chain of one number: table cell, metrics, predictions, checkpoint, keypoints, data, raw."""

import difflib
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import record


def cell(study: str, address: str) -> tuple[str, dict]:
    """The table file and cell an address names.

    Args:
        address: ``paper:table-N:row:column``, for example ``lifting:table-2:p1-ours:avg``.

    Raises:
        InputError: the address names nothing, or its table was not made yet.
    """
    parts = address.split(":")
    if len(parts) != 4:
        raise InputError(
            address, "is not paper:table-N:row:column", "For example lifting:table-2:p1-ours:avg"
        )
    paper, table, row, column = parts
    path = f"results/{study}/tables/{paper}/{table}.json"
    if not Path(path).exists():
        raise InputError(path, "is not there", f"Make it: snakemake {path}")
    rows = {r["id"]: r["cells"] for r in files.read_json(path)["rows"]}
    for name, known in ((row, rows), (column, rows.get(row, {}))):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise InputError(address, f"{table} has no '{name}'", f"Nearest: '{close[0]}'")
    return path, rows[row][column]


def chain(artefact: str, known: dict[str, dict] | None = None) -> dict:
    """What made an artefact, down to the raw files; each link is looked at once.

    Returns:
        {"path", "md5", "size", "record" or None, "verdict", "parents": [...]}; the verdict is
        ``recorded``, ``changed since its record``, ``absent`` or ``no record``.
    """
    known = {} if known is None else known
    if artefact not in known:
        known[artefact] = _link(artefact, known)
    return known[artefact]


def _link(artefact: str, known: dict[str, dict]) -> dict:
    if not Path(artefact).exists():
        return {"path": artefact, "verdict": "absent", "parents": []}
    made = record.read(artefact)
    now = {"path": artefact, "md5": files.md5(artefact), "size": files.size(artefact)}
    if made is None:
        return {**now, "record": None, "verdict": "no record", "parents": []}
    then = {o["path"]: o["md5"] for o in made["outputs"].values()}.get(artefact)
    verdict = "recorded" if then == now["md5"] else "changed since its record"
    known[artefact] = {**now, "verdict": "its own ancestor", "parents": []}
    parents = [chain(path, known) for path in made["inputs"]]
    raw = [_raw(path, used["md5"]) for path, used in made["raw"].items()]
    return {**now, "record": made, "verdict": verdict, "parents": [*parents, *raw]}


def _raw(path: str, md5: str) -> dict:
    if not Path(path).exists():
        return {"path": path, "md5": md5, "verdict": "absent", "parents": []}
    same = files.md5(path) == md5
    verdict = "raw file" if same else "changed since its use"
    return {"path": path, "md5": md5, "size": files.size(path), "verdict": verdict, "parents": []}


def faults(link: dict) -> list[str]:
    """Every link of a chain that does not hold, named."""
    good = ("recorded", "raw file")
    own = [] if link["verdict"] in good else [f"{link['path']}: {link['verdict']}"]
    return own + [f for parent in link["parents"] for f in faults(parent)]
