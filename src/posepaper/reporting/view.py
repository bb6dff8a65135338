"""What a reader sees of a table: numbers as strings, statuses as words. HTML and LaTeX share it."""

import json
from collections import Counter

from posepaper.reporting.tables import address

WIDE = 6
STATUS_MEANING = {
    "ok": "Computed in this study; the number's sources and settings are listed with it.",
    "quoted": "Taken from the paper as printed and never computed here; the row says why.",
    "not-run": "Not computed yet in this study.",
    "failed": "The run ended without a usable number; its log says how.",
    "missing-data": "The data this needs is not on this machine; posepaper doctor says where "
    "to get it.",
    "not-applicable": "This study cannot give this number, for the reason stated.",
}
VERDICT_MEANING = {
    "reproduced": "Made as the paper's own, and its whole 95 % interval is within the tolerance "
    "of the claim.",
    "not-reproduced": "Made as the paper's own, and its whole 95 % interval is outside the "
    "tolerance of the claim.",
    "undecidable": "Made as the paper's own, but the interval is too wide, or absent, to say.",
    "not-comparable": "Made from other data, 2D source, boxes or protocol than the paper's: no "
    "verdict, only the order between rows is compared.",
    "contradicted": "The printed number is not what its column says: it is misprinted.",
}


def status_text(status: str) -> str:
    """A cell's status in a few words."""
    kind, _, why = status.partition(":")
    if kind == "missing-data":
        return f"needs {why}"
    if kind == "not-applicable":
        return f"not applicable: {why}" if why else "not applicable"
    return {"not-run": "not run yet", "quoted": "quoted only"}.get(kind, kind)


def roman(number: int) -> str:
    """Table numbers as the papers print them."""
    parts = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
    text = ""
    for value, letters in parts:
        while number >= value:
            text, number = text + letters, number - value
    return text


def decimals(table: dict, column: str) -> int:
    """Decimals the paper prints in a column: the most that any of its claims has."""
    claims = [row["cells"].get(column, {}).get("claimed") for row in table["rows"]]
    lengths = [len(repr(c).partition(".")[2]) for c in claims if isinstance(c, float)]
    return max(lengths, default=1)


def number(value, places: int, unit: str | None) -> str:
    """A number as printed: whole ones stay whole, millions carry their M."""
    text = str(value) if isinstance(value, int) else f"{value:.{places}f}"
    return text + ("M" if unit == "M" else "")


def flatten(identity: dict | None) -> list[tuple[str, str]]:
    """An identity as (setting, value) lines, protocol fields dotted."""
    lines = []
    for key, value in sorted((identity or {}).items()):
        if isinstance(value, dict):
            lines += [(f"{key}.{inner}", text) for inner, text in flatten(value)]
        elif value is not None:
            lines.append((key, value if isinstance(value, str) else json.dumps(value)))
    return lines


def _cell(table: dict, row: dict, column: dict, head: str, marks: dict) -> dict:
    cell = row["cells"][column["id"]]
    places, unit = decimals(table, column["id"]), column["unit"]
    place = f"{row['id']}:{column['id']}"
    claimed = cell.get("claimed")
    found = {
        "address": address(table["paper"], table["table"], row["id"], column["id"]),
        "column": head,
        "unit": unit or "",
        "text": cell.get("text", ""),
        "claimed": "" if claimed is None else number(claimed, places, unit),
        "value": "" if cell["value"] is None else number(float(cell["value"]), places, unit),
        "ci": "",
        "half": "",
        "difference": "",
        "n_seeds": cell["n_seeds"],
        "status": cell["status"],
        "status_text": status_text(cell["status"]),
        "verdict": cell["verdict"] or "",
        "means": row.get("claimed_means", {}).get(column["id"]) or column.get("claimed_means", ""),
        "mark": marks.get(place, ""),
        "best_claimed": place in table["best"]["claimed"],
        "best_value": place in table["best"]["value"],
        "numeric": unit is not None,
    }
    if claimed is not None and cell["value"] is not None and not found["means"]:
        # Of what is printed, so that a reader who subtracts finds the same.
        found["difference"] = f"{round(float(cell['value']), places) - claimed:+.{places}f}"
    if cell["ci"]:
        low, high = (number(float(v), places, None) for v in cell["ci"])
        found["ci"] = f"[{low}, {high}]"
        found["half"] = number((cell["ci"][1] - cell["ci"][0]) / 2, places, None)
    return found


def _row(table: dict, row: dict, columns: list[dict], heads: list[str], marks: dict) -> dict:
    pairs = zip(columns, heads, strict=True)
    cells = [_cell(table, row, column, head, marks) for column, head in pairs]
    states = {c["status"] for c in cells if c["numeric"]}
    uniform = states.pop() if len(states) == 1 else None
    return {
        "id": row["id"],
        "label": row["label"],
        "origin": row["origin"],
        "experiment": row.get("experiment") or "",
        "reason": row.get("reason", ""),
        "identity": flatten(row.get("identity")),
        "sources": next((c["sources"] for c in row["cells"].values() if c["sources"]), []),
        "state": status_text(uniform) if uniform not in (None, "ok") else "",
        "cells": cells,
    }


def table_view(table: dict, contradictions: list[dict]) -> dict:
    """Strings and flags for one table; ``contradictions`` are those of ``claims.row_means``."""
    by_id = {c["id"]: c for c in table["columns"]}
    marks = {f"{c['row']}:{c['column']}": c["finding"] for c in contradictions}
    sections = []
    for block in table["blocks"] or [{"id": None, "label": "", "columns": [*by_id], "labels": {}}]:
        columns = [by_id[name] for name in block["columns"]]
        heads = [block["labels"].get(c["id"], c["label"]) for c in columns]
        rows = [r for r in table["rows"] if r.get("block") == block["id"]]
        sections.append(
            {
                "label": block["label"],
                "heads": heads,
                "numeric": [c["unit"] is not None for c in columns],
                "rows": [_row(table, r, columns, heads, marks) for r in rows],
            }
        )
    return {
        "id": f"{table['paper']}:table-{table['table']}",
        "number": table["table"],
        "roman": roman(table["table"]),
        "caption": table["caption"],
        "note": table["note"] or "",
        "wide": max(len(s["heads"]) for s in sections) > WIDE,
        "sections": sections,
        "remarks": _remarks(table, sections, contradictions),
    }


def _remarks(table: dict, sections: list[dict], contradictions: list[dict]) -> list[str]:
    """What stands below a table: its note, its faults, what is quoted, which orders hold."""
    rows = [row for section in sections for row in section["rows"]]
    remarks = [table["note"]] if table["note"] else []
    if contradictions:
        told = "; ".join(f"{c['text']}, but {c['finding']}" for c in contradictions)
        remarks.append(f"‡ The table contradicts itself: {told}.")
    means = {f"{c['column']} is {c['means']}" for r in rows for c in r["cells"] if c["means"]}
    if means:
        remarks.append(f"§ Misprinted heads: in marked cells {', '.join(sorted(means))}.")
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["reason"]:
            reasons.setdefault(row["reason"].rstrip("."), []).append(row["label"])
    for why, labels in reasons.items():
        remarks.append(f"{', '.join(dict.fromkeys(labels))}: {why[0].lower()}{why[1:]}.")
    return remarks + _orders(table)


def _orders(table: dict) -> list[str]:
    """One sentence on the orders claimed between rows, over all columns."""
    tallies = table["directions"].values()
    holds, wrong, unsure = (sum(t[k] for t in tallies) for k in ("holds", "reversed", "open"))
    total = holds + wrong + unsure
    if not total:
        return []
    return [
        f"Order between rows made here, in all columns: of {total} claimed, {holds} hold, "
        f"{wrong} are reversed, {unsure} stay open (the paired 95 % interval includes zero)."
    ]


def counts(tables: list[dict]) -> dict:
    """How many claimed numbers of reproduced rows have which status and verdict."""
    cells = [
        cell
        for table in tables
        for row in table["rows"]
        if row["origin"] == "reproduced"
        for cell in row["cells"].values()
        if "claimed" in cell
    ]
    return {
        "claimed": len(cells),
        "status": dict(sorted(Counter(c["status"].partition(":")[0] for c in cells).items())),
        "verdict": dict(sorted(Counter(c["verdict"] for c in cells if c["verdict"]).items())),
    }
