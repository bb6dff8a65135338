"""Rows against a baseline row: paired differences, corrected for how many are compared at once."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from posepaper import quantities
from posepaper.errors import InputError
from posepaper.reporting import statistics
from posepaper.reporting.layout import Layout, Part, Row, load
from posepaper.reporting.tables import address

SAID = {
    "better": "better",
    "worse": "worse",
    "none": "no measurable effect",
    "lost": "not after correction",
    "unknown": "no interval",
    "absent": "not measured",
}


class Family(Part):
    """An ablation: the rows of a table that are compared with one baseline row of it."""

    id: str
    table: int
    label: str
    baseline: str
    rows: list[str] = Field(min_length=1)
    columns: list[str] = Field(min_length=1)


class Comparisons(Part):
    """A paper's ``comparisons.yaml``."""

    paper: Literal["gsam", "lifting", "supplement"]
    families: list[Family]


def read_comparisons(path: str | Path) -> Comparisons:
    """A paper's families of comparisons; raises InputError naming file, place and fault."""
    return load(path, Comparisons)


def compare(
    comparisons: Comparisons,
    layouts: list[Layout],
    results: dict[str, list[dict]],
    alpha: float = 0.05,
) -> list[dict]:
    """The differences of every family, one entry a column, in the columns' printed units.

    Args:
        results: experiment -> its metrics dicts, one per seed.
        alpha: the chance of any false effect in a family, all its rows and columns together, that
            Holm's correction keeps.

    Returns:
        [{"id", "address", "paper", "table", "label", "column", "unit", "better", "baseline",
        "alpha", "tests", "rows": [{"row", "address", "claimed", "difference", "ci", "p", "p_holm",
        "pairs", "unit", "said"}]}]; differences are row minus baseline, ``tests`` how many the
        family makes. ``said`` is one of SAID: better and worse only where the 95 % interval
        excludes zero and the corrected p is below alpha.

    Raises:
        InputError: a family names a table, row or column that is not there.
    """
    found = []
    for family in comparisons.families:
        layout = _layout(comparisons.paper, family, layouts)
        columns = [_column(family, layout, name, results, alpha) for name in family.columns]
        tested = [row for c in columns for row in c["rows"] if row["p"] is not None]
        for row, p in zip(tested, statistics.holm([row["p"] for row in tested]), strict=True):
            row["p_holm"] = round(p, 6)
        for column in columns:
            column["tests"] = len(tested)
            for row in column["rows"]:
                row["said"] = SAID[_said(row, column["better"], alpha)]
        found += columns
    return found


def _layout(paper: str, family: Family, layouts: list[Layout]) -> Layout:
    where = f"{paper}:{family.id}"
    layout = next((o for o in layouts if (o.paper, o.table) == (paper, family.table)), None)
    if layout is None:
        raise InputError(where, f"there is no table {family.table}", "Correct comparisons.yaml")
    known = {row.id for row in layout.rows} | {column.id for column in layout.columns}
    for name in (family.baseline, *family.rows, *family.columns):
        if name not in known:
            what = f"table {family.table} has no row or column {name}"
            raise InputError(where, what, "Correct comparisons.yaml")
    return layout


def _column(family: Family, layout: Layout, name: str, results: dict, alpha: float) -> dict:
    column = next(c for c in layout.columns if c.id == name)
    rows = {row.id: row for row in layout.rows}
    base = rows[family.baseline]
    made = [_row(layout, base, rows[r], column, results) for r in family.rows]
    return {
        "id": family.id,
        "address": f"{layout.paper}:compare:{family.id}:{name}",
        "paper": layout.paper,
        "table": layout.table,
        "label": family.label,
        "column": column.label,
        "unit": column.unit,
        "better": column.better,
        "baseline": {
            "row": base.id,
            "address": address(layout.paper, layout.table, base.id, name),
        },
        "alpha": alpha,
        "rows": made,
    }


def _row(layout: Layout, base: Row, row: Row, column, results: dict) -> dict:
    metric = layout.metric(row, column)
    first, second = (results.get(r.experiment, []) for r in (base, row))
    gap = statistics.paired_difference(first, second, metric) if first and second else None
    factor = quantities.factor(second[0], metric, column.unit) if gap else 1.0
    a, b = base.claimed.get(column.id), row.claimed.get(column.id)
    return {
        "row": row.id,
        "address": address(layout.paper, layout.table, row.id, column.id),
        "claimed": None if a is None or b is None else round(b - a, 6),
        "difference": gap and round(gap["value"] * factor, 6),
        "ci": gap and gap["ci"] and [round(v * factor, 6) for v in gap["ci"]],
        "p": gap and gap["p"] if not gap or gap["p"] is None else round(gap["p"], 6),
        "p_holm": None,
        "pairs": gap["pairs"] if gap else 0,
        "unit": gap and gap["unit"],
    }


def _said(row: dict, better: str | None, alpha: float) -> str:
    if row["difference"] is None:
        return "absent"
    if row["ci"] is None:
        return "unknown"
    low, high = row["ci"]
    if low <= 0 <= high:
        return "none"
    if row["p_holm"] >= alpha:
        return "lost"
    return "better" if (row["difference"] > 0) == (better == "higher") else "worse"
