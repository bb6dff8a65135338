"""The report's one self-contained HTML page; typeset.py writes the papers in LaTeX."""

import base64
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from posepaper.errors import InputError
from posepaper.files import atomic
from posepaper.reporting import chains, ledger_view, page, view

TEMPLATES = Path(__file__).parents[3] / "report"
IMAGE_TYPES = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}


def jinja_environment(templates: Path, **options) -> jinja2.Environment:
    """Jinja over a folder; an unknown name in a template is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        **options,
    )


def data_uri(path: str | Path) -> str:
    """An image file as a data URI.

    Raises:
        InputError: the file is absent or of a kind a browser does not show.
    """
    path = Path(path)
    kind = IMAGE_TYPES.get(path.suffix.lstrip("."))
    if kind is None or not path.is_file():
        raise InputError(path, "is not a picture to embed", "Build the figures again")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def html_label(text: str) -> Markup:
    """A row's label as printed: the papers set "et al." in italics."""
    return Markup("<i>et al.</i>").join(Markup.escape(part) for part in text.split("et al."))


def html_head(text: str) -> Markup:
    """A column's head as printed; a transcribed ^ raises what follows it."""
    return Markup(re.sub(r"\^(\w+)", r"<sup>\1</sup>", str(Markup.escape(text))))


def tables_of(paper: dict) -> list[dict]:
    """A paper's tables as a reader sees them."""
    return [
        view.table_view(table, [c for c in paper["claims"] if c.get("table") == table["table"]])
        for table in paper["tables"]
    ]


def render_html(context: dict, path: str | Path, templates: Path = TEMPLATES) -> None:
    """Writes ``index.html`` from the report's context; works from file:// with nothing beside it.

    Args:
        context: {"study": {"name", "title", "note"}, "commit", "dirty", "costs": [{"rule",
            "jobs", "predicted", "measured" (seconds), "ratio"}], "overhead": [{"rule", "jobs",
            "seconds", and "queue", "before", "load", "after", "seen", "beside": [median, worst]
            in seconds or None}], "runs": [{"name", "state", "where", "since", "queue", "took",
            "told", "lines"}], "papers": {paper: {"title", "tables": [table], "figures": [{"id",
            "caption", "files": {suffix: path}, "status"}], "claims": [claim or finding],
            "ledger": {"entries", "counts"}, "comparisons"}}, "rules": the verdicts', "chains": see
            stages/chains.py, "details": see stages/details.py}.
    """
    papers = []
    for name, paper in context["papers"].items():
        figures = [
            {
                "address": f"{name}:{figure['id']}",
                "caption": figure["caption"],
                "wide": figure.get("wide", False),
                "image": next(
                    (data_uri(figure["files"][k]) for k in IMAGE_TYPES if k in figure["files"]), ""
                ),
                "status_text": view.status_text(figure.get("status", "not-run")),
            }
            for figure in paper["figures"]
        ]
        papers.append(
            {
                "name": name,
                "title": paper["title"],
                "tables": tables_of(paper),
                "figures": figures,
                "claims": ledger_view.findings(name, paper["claims"]),
                "ledger": ledger_view.ledger(paper["ledger"]["entries"]),
                "comparisons": ledger_view.comparisons(paper["comparisons"]),
                "counts": view.counts(paper["tables"]),
                "verdicts": paper["ledger"]["counts"],
            }
        )
    environment = jinja_environment(
        templates, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"label": html_label, "head": html_head, "compact": page.compact}
    details = {**context["details"]}
    shown = details.pop("player")
    text = environment.get_template("index.html.j2").render(
        study=context["study"],
        commit=context["commit"],
        dirty=context["dirty"],
        papers=papers,
        costs=context["costs"],
        overhead=context["overhead"],
        runs=context["runs"],
        chained=context["chains"]["numbers"],
        traced=context["chains"]["figures"],
        provenance=chains.entries(context["chains"]),
        book=page.book(context["chains"]),
        details=details,
        trained=page.trainings(details),
        shown=shown,
        told=page.told(papers),
        rules=ledger_view.rules(context["rules"]),
        meanings=ledger_view.LEDGER_MEANING,
        statuses=view.STATUS_MEANING,
        verdicts=view.VERDICT_MEANING,
        marks={"reproduced": "=", "not-reproduced": "≠", "undecidable": "?"},
        example=example([table for paper in papers for table in paper["tables"]]),
    )
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def example(tables: list[dict]) -> str:
    """The address of a number made here, or of any."""
    cells = [c for t in tables for s in t["sections"] for r in s["rows"] for c in r["cells"]]
    numbers = [c["address"] for c in cells if c["value"]] or [c["address"] for c in cells]
    return numbers[0] if numbers else ""
