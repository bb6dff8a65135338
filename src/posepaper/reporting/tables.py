"""A paper's table: its layout and claims joined with the numbers made here."""

import csv
from pathlib import Path

from posepaper.errors import InputError
from posepaper.files import atomic
from posepaper.reporting import columns, statistics, verdicts
from posepaper.reporting.columns import Misfit
from posepaper.reporting.layout import Column, Layout, Row, read_layout

__all__ = ["Misfit", "address", "build_table", "read_layout", "write_csv"]

CSV_HEAD = (
    *("address", "block", "row", "column", "unit", "claimed", "text", "value", "low", "high"),
    *("n_seeds", "status", "verdict"),
)
CELL = ("value", "ci", "n_seeds", "status", "verdict", "sources", "quantity")


def address(paper: str, table: int, row: str, column: str) -> str:
    """A number's address, as the command line, HTML anchors and PDF links use it."""
    return f"{paper}:table-{table}:{row}:{column}"


def build_table(
    layout: Layout,
    results: dict[str, list[dict]],
    sources: dict[str, list[dict]],
    states: dict[str, str],
    rules: dict,
) -> dict:
    """Fills a layout.

    Args:
        results: experiment -> its metrics dicts, one per seed.
        sources: experiment -> [{"path", "md5"}] of the files those came from.
        states: experiment -> ``not-run``, ``failed``, ``missing-data:<dataset>`` or
            ``not-applicable:<why>``, asked where an experiment has no metrics.
        rules: {"tolerance": {unit: number}, "direction": "two-sided" | "no-worse"}.

    Returns:
        The table contract: columns, blocks, rows with a cell per column; values in the column's
        printed unit. Beside it ``best`` (``row:column`` of the best ``claimed`` and ``value``)
        and ``directions`` (claimed orders that hold); each row carries its ``identity``.

    Raises:
        Misfit: a row's numbers are not of the roles it requires, or a column's not of its kind.
        InputError: the seeds of an experiment differ in identity.
    """
    shown = [_column(c) for c in layout.columns]
    rows = [_row(layout, row, results, sources, states, rules) for row in layout.rows]
    layout_rows = {row.id: row for row in layout.rows}
    by_id = {c.id: c for c in layout.columns}

    def metric_of(row: dict, column: str) -> str:
        return layout.metric(layout_rows[row["id"]], by_id[column])

    _check_settings(layout, rows)
    reproduced = [r for r in rows if r["origin"] == "reproduced"]
    return {
        "paper": layout.paper,
        "table": layout.table,
        "caption": layout.caption,
        "note": layout.note,
        "paper_identity": layout.paper_identity,
        "columns": shown,
        "blocks": [
            {
                "id": b.id,
                "label": b.label,
                "columns": b.columns or [c.id for c in layout.columns],
                "labels": b.labels,
            }
            for b in layout.blocks
        ],
        "rows": rows,
        "best": {key: verdicts.best(rows, shown, key) for key in ("claimed", "value")},
        "directions": verdicts.directions(reproduced, metric_of, shown, results),
    }


def _check_settings(layout: Layout, rows: list[dict]) -> None:
    """Numbers of one protocol in one table were measured with the same settings."""
    seen: dict[str, tuple[str, dict]] = {}
    for row in (r for r in rows if r["identity"]):
        settings = row["identity"].get("settings")
        first, others = seen.setdefault(str(row["identity"].get("protocol")), (row["id"], settings))
        if settings != others:
            where = f"{layout.paper}:table-{layout.table}:{row['id']}"
            what = f"was measured with {settings}, row {first} with {others}"
            raise Misfit(where, what, "Evaluate both with one study's settings")


def _column(column: Column) -> dict:
    found = {k: getattr(column, k) for k in ("id", "label", "unit", "better")}
    if column.claimed_means:
        found["claimed_means"] = column.claimed_means
    return found


def _row(layout: Layout, row: Row, results, sources, states, rules) -> dict:
    seeds = results.get(row.experiment, []) if row.origin == "reproduced" else []
    where = f"{layout.paper}:table-{layout.table}:{row.id}"
    for metrics in seeds:
        made_by = f"{metrics['experiment']} seed {metrics['seed']}"
        columns.check_roles(where, made_by, metrics["roles"], layout.merged(row, "requires"))
        if metrics["identity"] != seeds[0]["identity"]:
            raise InputError(
                where,
                f"the seeds of {row.experiment} differ in identity",
                "Evaluate all its seeds again with one study's settings",
            )
    found = {"id": row.id, "label": row.label, "origin": row.origin, "experiment": row.experiment}
    if row.block:
        found["block"] = row.block
    if row.reason:
        found["reason"] = row.reason
    if row.claimed_means:
        found["claimed_means"] = row.claimed_means
    absent = "quoted" if row.origin == "quoted" else _absent(states.get(row.experiment))
    found["identity"] = {**seeds[0]["identity"], "seeds": len(seeds)} if seeds else None
    found["cells"] = {
        column.id: _cell(layout, row, column, seeds, absent, rules)
        | {"sources": sources.get(row.experiment, []) if seeds and not column.text else []}
        for column in layout.columns
        if layout.stands(row, column)
    }
    return found


def _absent(state: str | None) -> str:
    return "not-run" if state in (None, "ok") else state


def _cell(layout: Layout, row: Row, column: Column, seeds, absent: str, rules) -> dict:
    claimed = row.claimed.get(column.id)
    cell = dict.fromkeys(CELL)
    if claimed is not None:
        cell["claimed"] = claimed
    else:
        cell["text"] = row.text.get(column.id, "")
    if column.text:
        return cell | {"status": "quoted"}
    if not seeds:
        return cell | {"status": absent}
    name = layout.metric(row, column)
    summary = statistics.summarise(seeds, name)
    if summary is None:
        study = seeds[0]["identity"].get("study", "this")
        return cell | {"status": f"not-applicable:the {study} study has no {name}"}
    where = f"{layout.paper}:table-{layout.table}:{row.id}"
    kinds = [columns.number(where, layout, row, column, metrics) for metrics in seeds]
    summary = _scaled(summary, kinds[0].pop("factor"))
    cell |= summary | {"status": "ok", "quantity": kinds[0]}
    if claimed is None:
        return cell
    if (row.claimed_means.get(column.id) or column.claimed_means or column.label) != column.label:
        cell["verdict"] = "contradicted"
    elif kinds[0]["people"] != "all" or not _as_the_paper(layout, row, seeds[0]["identity"]):
        cell["verdict"] = "not-comparable"
    else:
        cell["verdict"] = verdicts.verdict(claimed, summary, column.unit, column.better, rules)
    return cell


def without_numbers(table: dict, why: str) -> dict:
    """A filled table whose numbers made here read ``not-applicable:{why}``; sources stay."""
    hidden = {**dict.fromkeys(CELL), "status": f"not-applicable:{why}"}
    del hidden["sources"]
    rows = [
        {
            **row,
            "cells": {
                column: {**cell, **hidden} if cell["status"] == "ok" else cell
                for column, cell in row["cells"].items()
            },
        }
        for row in table["rows"]
    ]
    return {**table, "rows": rows, "best": {**table["best"], "value": []}, "directions": {}}


def _as_the_paper(layout: Layout, row: Row, identity: dict) -> bool:
    """Whether a number was made as the paper made its own; never where none is stated."""
    wanted = layout.merged(row, "paper_identity")
    return bool(wanted) and verdicts.agrees(identity, wanted)


def _scaled(summary: dict, factor: float) -> dict:
    # Rounded far below what is printed, so that the bytes do not hang on the last float digit.
    ci = summary["ci"] and [round(v * factor, 6) for v in summary["ci"]]
    return summary | {"value": round(summary["value"] * factor, 6), "ci": ci}


def write_csv(path: str | Path, table: dict) -> None:
    """One line per cell, in printed order, led by its address."""
    with atomic(path) as part, open(part, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, CSV_HEAD, lineterminator="\n")
        writer.writeheader()
        for row in table["rows"]:
            for column in (c for c in table["columns"] if c["id"] in row["cells"]):
                cell = row["cells"][column["id"]]
                low, high = cell["ci"] or [None, None]
                line = {
                    "address": address(table["paper"], table["table"], row["id"], column["id"]),
                    "block": row.get("block"),
                    "row": row["label"],
                    "column": column["label"],
                    "unit": column["unit"],
                    "low": low,
                    "high": high,
                }
                writer.writerow(line | {k: cell.get(k) for k in CSV_HEAD if k not in line})
