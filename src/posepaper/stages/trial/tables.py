"""Tables held against the metrics they claim, and their CSV against them."""

import json
import tempfile
from pathlib import Path

from pydantic import ValidationError

from posepaper.errors import InputError
from posepaper.provenance.verify import Trial
from posepaper.reporting.layout import Layout
from posepaper.reporting.tables import address, build_table, write_csv
from posepaper.stages.trial.today import same_code


def check(trial: Trial, tables: list[str]) -> None:
    """Builds every table again from its metrics, by the rule that made it, and compares."""
    for path in tables:
        table = trial.table(path)
        trial.look(path.replace(".json", ".csv"))
        if trial.links[path].made is None:
            continue
        found = _csv(trial, path, table) if same_code(trial.links[path]) else ""
        if found:
            trial.break_(path.replace(".json", ".csv"), found)
        _built(trial, path, table)


def _built(trial: Trial, path: str, table: dict) -> None:
    made = trial.links[path].made
    metrics = [p for p in made["inputs"] if "/metrics/" in p]
    if any(trial.store.md5(p) != made["inputs"][p] for p in metrics):
        why = "the metrics it was made from are not here as they were: not computed again"
        trial.notes[path].append(why)
        return
    try:
        again = _again(trial, json.loads(made["settings"]), metrics)
    except (InputError, ValidationError, KeyError, ValueError, TypeError) as error:
        trial.break_(path, f"cannot be made from its metrics ({' '.join(str(error).split())})")
        return
    # As JSON gives it back.
    again, odd = json.loads(json.dumps(again)), list(_odd_cells(table, again))
    if again != table and not same_code(trial.links[path]):
        why = "its rule changed since: its numbers cannot be computed again by it"
        trial.notes[path].append(why)
        return
    for name, why in odd:
        trial.break_(path, why, address=name)
    if not odd and again != table:
        other = next(k for k in again if again[k] != table.get(k))
        trial.break_(path, f"its {other} do not follow from the metrics it claims")


def _again(trial: Trial, settings: dict, metrics: list[str]) -> dict:
    results, sources = {}, {}
    for path in sorted(metrics, key=lambda p: (Path(p).parent, int(Path(p).stem[4:]))):
        found = json.loads(trial.store.read(path) or b"")
        results.setdefault(found["experiment"], []).append(found)
        source = {"path": path, "md5": trial.store.md5(path)}
        sources.setdefault(found["experiment"], []).append(source)
    layout = Layout.model_validate(settings["meaning"])
    return build_table(layout, results, sources, settings["states"], settings["verdicts"])


def _odd_cells(table: dict, again: dict):
    """(address, why) of every cell that is not what its metrics give."""
    rows = {row["id"]: row for row in table["rows"]}
    for row in again["rows"]:
        shown = rows.get(row["id"], {"cells": {}})["cells"]
        for column in row["cells"].keys() | shown.keys():
            cell, made = shown.get(column), row["cells"].get(column)
            if cell != made:
                name = address(again["paper"], again["table"], row["id"], column)
                yield name, f"{name} {_told(cell or {}, made or {})}"


def _told(cell: dict, made: dict) -> str:
    for key in ("value", "ci", "claimed", "status", "verdict", "n_seeds", "text", "sources"):
        if cell.get(key) != made.get(key):
            return f"shows {key} {cell.get(key)}, its metrics and layout give {made.get(key)}"
    return "is not what its metrics and layout give"


def _csv(trial: Trial, path: str, table: dict) -> str:
    """Why a table's CSV is not that of its JSON, or ''."""
    data = trial.store.read(path.replace(".json", ".csv"))
    if data is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "table.csv")
        try:
            write_csv(file, table)
        except (KeyError, TypeError, ValueError):
            return f"cannot be held against {path}, which is damaged"
        lines, given = file.read_bytes().splitlines(), data.splitlines()
    if lines == given:
        return ""
    pairs = zip(lines, given, strict=False)
    odd = next((a for a, b in pairs if a != b), b"its end").decode()
    return f"is not the table of {path}, from {odd.partition(',')[0]} on"
