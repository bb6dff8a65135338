"""One LaTeX document for each paper, from the report's context."""

import os
import re
from itertools import groupby
from pathlib import Path

from posepaper.files import atomic
from posepaper.reporting import chains, latex, ledger_view, view
from posepaper.reporting.render import TEMPLATES, example, jinja_environment, tables_of

VERDICT_MARKS = {"reproduced": "=", "not-reproduced": r"$\neq$", "undecidable": "?"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MANY = 12
CHART = 92.0
MEASURED = ("better", "worse")
STEPS = 3


def render_latex(
    context: dict,
    paper: str,
    path: str | Path,
    templates: Path = TEMPLATES,
    *,
    beside: str | Path | None = None,
) -> None:
    """Writes one paper's ``.tex`` from the report's context (see ``render.render_html``).

    Figures are named by path relative to ``beside``, the folder where the file will stand
    (default: where it is written).
    """
    path, content = Path(path), context["papers"][paper]
    tables = tables_of(content)
    for table in tables:
        _set(table)
    figures = [_figure(paper, f, Path(beside or path.parent)) for f in content["figures"]]
    environment = jinja_environment(
        templates,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters |= {
        "tex": latex.escape,
        "label": latex.label,
        "head": latex.head,
        "path": latex.breakable,
        "plain": latex.plain,
        "slug": latex.slug,
        "short": chains.short,
    }
    provenance = chains.entries(context["chains"], paper)
    text = environment.get_template("paper.tex.j2").render(
        study=context["study"],
        mark=context["study"].get("mark", ""),
        commit=context["commit"],
        dirty=context["dirty"],
        paper=content,
        blocks=_grouped(_placed(tables, figures)),
        figures=_grouped([f for f in figures if f["table"] is None and f["kind"] != "effects"]),
        effects=_grouped([f for f in figures if f["table"] is None and f["kind"] == "effects"]),
        claims=_claims(paper, content),
        ledger=ledger_view.ledger(content["ledger"]["entries"]),
        families=_families(content["comparisons"]),
        judged=content["ledger"]["counts"],
        rules=ledger_view.rules(context["rules"]),
        meanings=ledger_view.LEDGER_MEANING,
        chained=context["chains"]["numbers"],
        traced=context["chains"]["figures"],
        provenance=provenance,
        data=_data(content["tables"], provenance),
        made=_made(tables, provenance),
        counts=view.counts(content["tables"]),
        statuses={n: view.STATUS_MEANING[n] for n in _statuses(content["tables"])},
        verdicts=view.VERDICT_MEANING,
        marks=VERDICT_MARKS,
        example=example(tables),
    )
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


# -- tables and figures ----------------------------------------------------------------------------


def _set(table: dict) -> None:
    """Adds what only print needs: column types, each cell's mark, and a legend of the marks."""
    sections = table["sections"]
    table["kind"] = "table"
    kinds = [any(flags) for flags in zip(*(s["numeric"] for s in sections), strict=True)]
    narrow = r"r@{\hspace{3pt}}l"
    table["spec"] = "".join("c" if table["wide"] or not kind else narrow for kind in kinds)
    table["many"] = len(kinds) > MANY
    rows = [r for s in sections for r in s["rows"] if r["origin"] == "reproduced"]
    cells = [c for r in rows for c in r["cells"] if c["numeric"]]
    absent = sorted({_reason(c) for c in cells if not c["value"]})
    letters = dict(zip(absent, LETTERS, strict=False))
    for row in rows:
        for cell in row["cells"]:
            cell["letter"] = "" if cell["value"] else letters.get(_reason(cell), "")
        marks = {cell["letter"] for cell in row["cells"] if cell["numeric"]}
        row["letter"] = marks.pop() if len(marks) == 1 else ""
        row["halves"] = any(c["half"] for c in row["cells"])
    table["legend"] = [(letter, told) for told, letter in letters.items()]
    table["judged"] = [v for v in view.VERDICT_MEANING if any(c["verdict"] == v for c in cells)]
    table["halves"] = any(row["halves"] for row in rows)


def _reason(cell: dict) -> str:
    """Why a cell has no number, in the same words for all the columns of a metric."""
    return re.sub(r"(has no \w+)/\S+$", r"\1 of this column", cell["status_text"])


def _statuses(tables: list[dict]) -> list[str]:
    """The statuses that cells of tables have, in the order they are explained."""
    found = {
        c["status"].partition(":")[0]
        for t in tables
        for r in t["rows"]
        for c in r["cells"].values()
    }
    return [name for name in view.STATUS_MEANING if name in found]


def _figure(paper: str, figure: dict, folder: Path) -> dict:
    pdf = figure["files"].get("pdf")
    return {
        "kind": figure.get("kind", ""),
        "id": f"{paper}:{figure['id']}",
        "caption": figure["caption"],
        "wide": figure.get("wide", False),
        "table": figure.get("table"),
        "pdf": os.path.relpath(pdf, folder).replace(os.sep, "/") if pdf else "",
        "status_text": view.status_text(figure.get("status", "not-run")),
    }


def _placed(tables: list[dict], figures: list[dict]) -> list[dict]:
    """Tables in their order, each followed by the figures drawn from it."""
    found = []
    for table in tables:
        found += [table, *(f for f in figures if f["table"] == table["number"])]
    return found


def _grouped(blocks: list[dict]) -> list[tuple[bool, list[dict]]]:
    """Neighbours of one width: those of one column's width share columns."""
    return [(wide, list(run)) for wide, run in groupby(blocks, key=lambda b: b["wide"])]


# -- comparisons and claims ------------------------------------------------------------------------


def _families(found: list[dict]) -> list[dict]:
    """Comparisons of one label together, each row with the places of its interval in a chart."""
    shown = ledger_view.comparisons(found)
    families = []
    for _, run in groupby(zip(found, shown, strict=True), key=lambda pair: pair[0]["label"]):
        pairs = list(run)
        lines = [
            {**line, "column": one["column"], "address": one["address"], "chart": chart}
            for given, one in pairs
            for line, chart in zip(one["rows"], _charts(given), strict=True)
        ]
        first = pairs[0][1]
        named = {k: first[k] for k in ("label", "baseline", "tests")}
        targets = [one["address"] for _, one in pairs]
        units = ", ".join(dict.fromkeys(one["unit"] for _, one in pairs))
        families.append({**named, "units": units, "rows": lines, "targets": targets})
    return families


def _charts(one: dict) -> list[dict | None]:
    """Of every row compared, where on CHART points zero, interval and difference lie."""
    values = [v for r in one["rows"] for v in (r["ci"] or [r["difference"]]) if v is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    if low == high:
        return [None] * len(one["rows"])

    def place(value: float) -> str:
        return f"{2 + (CHART - 4) * (value - low) / (high - low):.1f}"

    charts = []
    for row in one["rows"]:
        if row["difference"] is None:
            charts.append(None)
            continue
        ends = row["ci"] or [row["difference"]] * 2
        charts.append(
            {
                "zero": place(0.0),
                "low": place(ends[0]),
                "length": f"{float(place(ends[1])) - float(place(ends[0])):.1f}",
                "value": place(row["difference"]),
                "measured": row["said"] in MEASURED,
            }
        )
    return charts


def _claims(paper: str, content: dict) -> list[dict]:
    """Sentences of the ledger and what checks found beside them, with the arithmetic."""
    found = {one["address"]: one for one in ledger_view.findings(paper, content["claims"])}
    lines = []
    for entry in content["ledger"]["entries"]:
        if entry["kind"] != "sentence":
            continue
        told = found.pop(entry["address"], None)
        names = ("address", "where", "text", "subject", "verdict", "why", "direction")
        lines.append({**{name: entry[name] for name in names}, **_arithmetic(told)})
    for one in found.values():
        named = {name: one[name] for name in ("address", "where", "text", "subject")}
        told = {"verdict": one["status"], "why": one["finding"], "direction": None}
        lines.append({**named, **told, **_arithmetic(one)})
    return lines


def _arithmetic(found: dict | None) -> dict:
    """Of what the paper's own numbers speak against: the first steps, and how many more."""
    steps = (
        found["arithmetic"] if found and found["status"] in ("contradicted", "suspicious") else []
    )
    return {"steps": steps[:STEPS], "more": max(0, len(steps) - STEPS)}


# -- provenance ------------------------------------------------------------------------------------


def _data(tables: list[dict], provenance: dict) -> dict:
    """What the numbers were measured on: names of data and hashes of the files."""
    names = {r["identity"].get("data") for t in tables for r in t["rows"] if r["identity"]}
    return {
        "names": sorted(n for n in names if n),
        "files": [link for link in provenance["shared"] if link["kind"] == "data"],
        "raw": sorted({item for link in provenance["shared"] for item in link["raw"]}),
    }


def _made(tables: list[dict], provenance: dict) -> dict[str, list[dict]]:
    """Of every experiment the rows of tables that show its numbers, each by its first cell."""
    places = {
        cell["address"]: (f"Table {table['roman']}, {row['id']}", table["number"])
        for table in tables
        for section in table["sections"]
        for row in section["rows"]
        for cell in row["cells"]
    }
    made = {}
    for entry in provenance["experiments"]:
        firsts: dict[str, str] = {}
        for address in sorted(entry["numbers"], key=lambda a: places[a][1] if a in places else 0):
            if address in places:
                firsts.setdefault(places[address][0], address)
        made[entry["name"]] = [{"told": told, "address": a} for told, a in firsts.items()]
    return made
