"""What the HTML page embeds for its script and lists of runs: plain data, each thing once."""

import json

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from posepaper.reporting.chains import where

KEPT = ("kind", "md5", "size", "rule", "commit", "dirty", "seconds", "faults")


def compact(data) -> Markup:
    """JSON for a script element; no text in it can end the element."""
    return htmlsafe_json_dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def book(chains: dict) -> dict:
    """The chains as the panel reads them.

    Args:
        chains: as stages/chains.py tells them.

    Returns:
        {"links": [{"path", "kind", "md5", "size", "rule", "commit", "dirty", "seconds", "made",
        "where", "settings": place among "settings" or None, "parents": [place among "links"],
        "raw": [[path, md5]], "faults"}], "settings": [{name: value}], "experiments": {name:
        {"sources": [place], "verdict"}}, "figures": {address: {"files": [place], "verdict"}}}.
    """
    places = {path: place for place, path in enumerate(sorted(chains["links"]))}
    settings: dict[str, int] = {}
    links = []
    for path in places:
        link = chains["links"][path]
        own = link.get("settings") or {}
        text = json.dumps(own, sort_keys=True)
        links.append(
            {key: link.get(key) for key in KEPT}
            | {
                "path": path,
                "made": (link["end"] or "")[:19].replace("T", " "),
                "where": where(link["machine"] or {}),
                "settings": settings.setdefault(text, len(settings)) if own else None,
                "parents": [places[parent] for parent in link["parents"]],
                "raw": sorted(map(list, link["raw"].items())),
            }
        )
    experiments: dict[str, dict] = {}
    for number in chains["numbers"].values():
        sources = [places[path] for path in number["sources"]]
        experiments[number["experiment"]] = {"sources": sources, "verdict": number["verdict"]}
    figures = {
        address: {"files": [places[p] for p in figure["files"]], "verdict": figure["verdict"]}
        for address, figure in chains["figures"].items()
    }
    return {
        "links": links,
        "settings": [json.loads(text) for text in settings],
        "experiments": experiments,
        "figures": figures,
    }


def told(papers: list[dict]) -> list[str]:
    """Every verdict or status that a number, sentence or finding has: what readers filter by."""
    found: set[str] = set()
    for paper in papers:
        rows = (row for t in paper["tables"] for part in t["sections"] for row in part["rows"])
        cells = (cell for row in rows for cell in row["cells"] if cell["numeric"])
        found |= {cell["verdict"] or cell["status"].partition(":")[0] for cell in cells}
        ledger = [entry for table in paper["ledger"]["tables"] for entry in table["numbers"]]
        found |= {entry["verdict"] for entry in [*ledger, *paper["ledger"]["sentences"]]}
        found |= {claim["status"] for claim in paper["claims"]}
    return sorted(found)


def trainings(details: dict) -> list[dict]:
    """A line for every run, as text: its training, its first metric, its best and worst."""
    return [
        _training(name, run, details["groups"]) for name, run in sorted(details["runs"].items())
    ]


def _training(name: str, run: dict, groups: list[list[str]]) -> dict:
    curves = [curve for curve in run["curves"] if curve["loss"]]
    line = dict.fromkeys(("measured", "value", "best", "worst", "worst_sequence"), "")
    line |= {
        "name": name,
        "seeds": max(len(run["curves"]), 1),
        "epochs": curves[0]["epochs"][-1] if curves else "published weights",
        "first": f"{_mean(c['loss'][0] for c in curves):.4g}" if curves else "",
        "last": f"{_mean(c['loss'][-1] for c in curves):.4g}" if curves else "",
    }
    if run["bars"]:
        chart = run["bars"][0]
        ranked = sorted(chart["values"].items(), key=lambda pair: (pair[1], pair[0]))
        if chart["name"]:
            line["measured"] = f"{chart['name']}, mean over actions, {chart['unit']}"
            line["value"] = f"{_mean(chart['values'].values()):.1f}"
            ends = ranked if chart["better"] == "lower" else ranked[::-1]
            line["best"], line["worst"] = (f"{a} {v:.1f}" for a, v in (ends[0], ends[-1]))
        else:
            first, value = next(iter(chart["values"].items()))
            line["measured"], line["value"] = f"{first}, {chart['unit']}", f"{value:.1f}"
    if run["sequences"]:
        names = groups[run["sequences"]["group"]]
        worst = max(zip(run["sequences"]["values"], names, strict=True))
        line["worst_sequence"] = f"{worst[1]} {worst[0]:.1f}"
    return line


def _mean(values) -> float:
    found = list(values)
    return sum(found) / len(found)
