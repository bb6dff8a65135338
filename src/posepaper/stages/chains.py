"""The chains behind a report's numbers and figures, as its artefacts' records tell them.

Records alone are read, no artefact is hashed: a report of hundreds of gigabytes takes a second.
"""

from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import record
from posepaper.provenance.changes import flat
from posepaper.reporting.tables import address


def chains(base: Path, filled: list[dict], drawn: list[Path]) -> dict:
    """What made every number of tables and every figure, from the records below ``base``.

    Args:
        base: ``results/{study}``.
        filled: tables as JSON.
        drawn: the figures' files.

    Returns:
        {"numbers": {address: {"table": path, "experiment", "sources": [metrics], "verdict"}},
        "figures": {paper:figure: {"files": [path], "sources": [path], "verdict"}}, "links": {path:
        {"kind", "md5", "size", "rule", "seed", "commit", "dirty", "end", "machine", "fingerprint",
        "seconds", "settings": {dotted name: value}, "parents": [path], "raw": {path: md5},
        "faults": [words]}}}. The verdict is ``recorded`` where every link's record agrees with the
        record of what it was made from, else ``broken``.
    """
    links: dict[str, dict] = {}
    numbers = {
        address(table["paper"], table["table"], row["id"], column): {
            "table": str(base / "tables" / table["paper"] / f"table-{table['table']}.json"),
            "experiment": row["experiment"],
            "sources": [source["path"] for source in cell["sources"]],
        }
        for table in filled
        for row in table["rows"]
        for column, cell in row["cells"].items()
        if cell["status"] == "ok" and cell["sources"]
    }
    figures: dict[str, dict] = {}
    for path in sorted(drawn):
        known = figures.setdefault(f"{path.parent.name}:{path.stem}", {"files": [], "sources": []})
        known["files"].append(str(path))
    for number in numbers.values():
        _follow([number["table"], *number["sources"]], links)
        number["verdict"] = _verdict(number["sources"], links)
    for figure in figures.values():
        _follow(figure["files"], links)
        figure["sources"] = links[figure["files"][0]]["parents"]
        figure["verdict"] = _verdict(figure["files"], links)
    return {"numbers": numbers, "figures": figures, "links": links}


def _follow(paths: list[str], links: dict[str, dict]) -> None:
    """Adds artefacts and all they were made from; faults are said of the link they concern."""
    for path in paths:
        if path in links:
            continue
        links[path], used = _link(path)
        _follow(links[path]["parents"], links)
        for parent, then in used.items():
            if links[parent]["md5"] not in (None, then):
                fault = f"its record is not of what {path} was made from"
                links[parent]["faults"].append(fault)


def _link(path: str) -> tuple[dict, dict[str, str]]:
    """One link, and the md5 of what it was made from by path."""
    kind = Path(path).parts[2]
    try:
        made = record.read(path)
        own = {out["path"]: out for out in made["outputs"].values()}[path] if made else None
        used = {name: known["md5"] for name, known in made["inputs"].items()} if made else {}
    except (InputError, KeyError, TypeError):
        made, own, used = None, None, {}
    if made is None:
        fault = "has no record that can be read"
        return {**_UNKNOWN, "kind": kind, "parents": [], "raw": {}, "faults": [fault]}, {}
    there = Path(path).exists()
    faults = [] if there and files.size(path) == own["size"] else ["is not as recorded"]
    link = {
        "kind": kind,
        **{key: own[key] for key in ("md5", "size")},
        **{key: made[key] for key in ("rule", "seed", "end", "machine", "fingerprint")},
        **made["git"],
        "seconds": record.seconds(made),
        "settings": {} if kind in NO_SETTINGS else _telling(made.get("settings", {})),
        "parents": list(used),
        "raw": {name: known["md5"] for name, known in made["raw"].items()},
        "faults": faults if there else ["is not here; its record is"],
    }
    return link, used


_KEYS = ("md5", "size", "rule", "seed", "end", "machine", "fingerprint", "commit", "dirty")
_UNKNOWN = {**dict.fromkeys((*_KEYS, "seconds")), "settings": {}}
# Theirs are whole layouts of papers, which the tables show.
NO_SETTINGS = ("tables", "figures")


def _telling(settings: dict) -> dict:
    """Settings that say something, by dotted name."""
    return {name: value for name, value in flat(settings).items() if value not in (None, {}, [])}


def _verdict(paths: list[str], links: dict[str, dict]) -> str:
    seen, queue = set(), list(paths)
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue += links[path]["parents"]
    return "broken" if any(links[path]["faults"] for path in seen) else "recorded"
