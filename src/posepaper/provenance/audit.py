"""The chain of one number: table cell, metrics, predictions, checkpoint, keypoints, data, raw."""

import difflib
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import record, waivers


def cell(study: str, address: str) -> tuple[str, dict]:
    """The table file and cell an address names.

    Args:
        address: ``paper:table-N:row:column``, for example ``lifting:table-2:p1-ours:avg``.

    Raises:
        InputError: the address names nothing, or its table was not made yet.
    """
    path, row, column = parse(study, address)
    if not Path(path).exists():
        raise InputError(path, "is not there", f"Make it: snakemake {path}")
    rows = {r["id"]: r["cells"] for r in files.read_json(path)["rows"]}
    for name, known in ((row, rows), (column, rows.get(row, {}))):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise InputError(
                address, f"{Path(path).stem} has no '{name}'", f"Nearest: '{close[0]}'"
            )
    return path, rows[row][column]


def parse(study: str, address: str) -> tuple[str, str, str]:
    """The table file, row and column an address names.

    Raises:
        InputError: it is no address.
    """
    parts = address.split(":")
    if len(parts) != 4:
        raise InputError(
            address, "is not paper:table-N:row:column", "For example lifting:table-2:p1-ours:avg"
        )
    paper, table, row, column = parts
    return f"results/{study}/tables/{paper}/{table}.json", row, column


def behind(table: str, shown: dict) -> dict:
    """The chain of one cell: the table's link, whose parents are the metrics the cell shows."""
    sources, known = {s["path"]: s for s in shown["sources"]}, {}
    return {**_own(table), "parents": _parents(sources, known)}


def chain(artefact: str, known: dict[str, dict] | None = None) -> dict:
    """What made an artefact, down to the raw files; each link is looked at once.

    Returns:
        {"path", "md5", "size", "record" or None, "verdict", "parents": [...], "waiver" where an
        author vouched for a change}; the verdict is
        ``recorded``, ``changed since its record``, ``changed since its use`` (by what was made
        from it), ``absent`` or ``no record``.
    """
    known = {} if known is None else known
    if artefact not in known:
        link = _own(artefact)
        known[artefact] = {**link, "verdict": "its own ancestor", "parents": []}
        made = link.get("record")
        parents = _parents(made["inputs"], known) if made else []
        raw = [_raw(path, used["md5"]) for path, used in made["raw"].items()] if made else []
        known[artefact] = {**link, "parents": [*parents, *raw]}
    return known[artefact]


def _own(artefact: str) -> dict:
    """An artefact against its own record."""
    if not Path(artefact).exists():
        return {"path": artefact, "verdict": "absent"}
    made = record.read(artefact)
    now = {"path": artefact, "md5": files.md5(artefact), "size": files.size(artefact)}
    if made is None:
        return {**now, "record": None, "verdict": "no record"}
    then = {o["path"]: o["md5"] for o in made["outputs"].values()}.get(artefact)
    verdict = "recorded" if then == now["md5"] else "changed since its record"
    return {**now, "record": made, "verdict": verdict, "waiver": waivers.read(artefact)}


def _parents(used: dict[str, dict], known: dict[str, dict]) -> list[dict]:
    """The links of what something was made from; their bytes must still be those it used."""
    links = [(chain(path, known), then["md5"]) for path, then in used.items()]
    return [
        {**link, "verdict": "changed since its use"}
        if link["verdict"] == "recorded" and link["md5"] != md5
        else link
        for link, md5 in links
    ]


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
