"""Claims the papers make in prose, and averages they print: tested on their own tables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from posepaper.reporting.checks import CHECKS, NotPrinted, Printed
from posepaper.reporting.layout import Layout, Number, Part, load
from posepaper.reporting.view import roman

Better = Literal["lower", "higher"]
Pairs = list[tuple[str | Number, str | Number]]


class Value(Part):
    kind: Literal["value"]
    cells: list[str]
    claimed: list[Number]
    tolerance: Number = 0


class Delta(Part):
    kind: Literal["delta"]
    a: str
    b: str
    claimed: Number
    unit: Literal["percent", "printed"]
    better: Better


class Each(Part):
    kind: Literal["each"]
    a: str
    b: str
    columns: list[str]
    better: Better
    between: tuple[Number, Number] | None = None
    unit: Literal["percent", "printed"] = "printed"


class Rank(Part):
    kind: Literal["rank"]
    cells: list[str]
    claimed: int
    better: Better
    among: list[str] = Field(default_factory=list)


class Trend(Part):
    kind: Literal["trend"]
    cells: list[str]
    claimed: Literal["falling", "rising", "first-step-largest"]


class Compared(Part):
    kind: Literal["agree", "duplicate"]
    pairs: Pairs


class Listed(Part):
    kind: Literal["listed"]
    claimed: list[Number]
    rows: list[str]


class Reference(Part):
    kind: Literal["reference"]
    claimed: str
    about: str


class Statement(Part):
    kind: Literal["statement"]
    topic: str
    says: str


Kind = Annotated[
    Value | Delta | Each | Rank | Trend | Compared | Listed | Reference | Statement,
    Field(discriminator="kind"),
]


class Claim(Part):
    """One claim: the paper's words, and each reading of them that arithmetic can test."""

    id: str
    text: str
    section: str
    subject: str
    addresses: list[str] = Field(default_factory=list)
    claim: Kind
    other_readings: list[Kind] = Field(default_factory=list)


class Claims(Part):
    paper: str
    claims: list[Claim]


def read_claims(path: str | Path) -> Claims:
    """A paper's ``claims.yaml``; raises InputError naming file, place and fault."""
    return load(path, Claims)


def check_claims(papers: list[Claims], layouts: list[Layout]) -> dict[str, list[dict]]:
    """Tests the claims of all papers on all transcribed tables.

    Returns:
        paper -> [{"id", "text", "where", "subject", "addresses", "status", "finding"}], status
        ``holds``, ``contradicted``, ``suspicious`` for numbers that look copied, or ``stated``
        where nothing printed can test it. Averages that are not the mean of their row follow,
        with "table", "row" and "column".
    """
    printed = Printed(layouts)
    topics: dict[str, list[tuple[str, str]]] = {}
    for paper in papers:
        for claim in paper.claims:
            if claim.claim.kind == "statement":
                where = f"{paper.paper} {claim.section}"
                topics.setdefault(claim.claim.topic, []).append((claim.claim.says, where))
    found = {}
    for paper in papers:
        own = [layout for layout in layouts if layout.paper == paper.paper]
        means = [mean for layout in own for mean in row_means(layout)]
        found[paper.paper] = [_checked(claim, printed, topics) for claim in paper.claims] + means
    return found


def _checked(claim: Claim, printed: Printed, topics: dict) -> dict:
    if claim.claim.kind == "statement":
        status, finding = _stated(claim.claim, topics[claim.claim.topic])
    else:
        readings = [_tested(reading, printed) for reading in [claim.claim, *claim.other_readings]]
        fault = "suspicious" if claim.claim.kind == "duplicate" else "contradicted"
        status = "holds" if any(holds for holds, _ in readings) else fault
        finding = " Or: ".join(told for _, told in readings)
    return {
        "id": claim.id,
        "text": claim.text,
        "where": claim.section,
        "subject": claim.subject,
        "addresses": claim.addresses,
        "status": status,
        "finding": finding,
    }


def _tested(reading: Kind, printed: Printed) -> tuple[bool, str]:
    try:
        return CHECKS[reading.kind](reading, printed)
    except NotPrinted as error:
        return False, str(error)


def _stated(statement: Statement, said: list[tuple[str, str]]) -> tuple[str, str]:
    others = [f"{says} ({where})" for says, where in said if says != statement.says]
    if others:
        return "contradicted", f"says {statement.says}; elsewhere: {', '.join(sorted(others))}"
    return "stated" if len(said) == 1 else "holds", f"says {statement.says}"


def row_means(layout: Layout) -> list[dict]:
    """Printed averages that are not the mean of the numbers beside them.

    Every number is rounded: the average by up to half its last digit, the mean of n rounded
    numbers by a standard deviation of digit / sqrt(12 n), of which three are allowed.
    """
    found = []
    for row in layout.rows:
        for column in layout.columns:
            if column.text or not column.value.endswith("/average") or column.id not in row.claimed:
                continue
            stem = column.value.removesuffix("average")
            parts = [
                row.claimed[c.id]
                for c in layout.columns
                if c.id in row.claimed and c is not column and (c.value or "").startswith(stem)
            ]
            average = row.claimed[column.id]
            if len(parts) < 2:
                continue
            mean = sum(parts) / len(parts)
            if abs(mean - average) > 0.05 + 3 * 0.1 / (12 * len(parts)) ** 0.5:
                found.append(_mean_claim(layout, row, column, mean, average, len(parts)))
    return found


def _mean_claim(layout: Layout, row, column, mean: float, average: float, parts: int) -> dict:
    return {
        "id": f"mean-table-{layout.table}-{row.id}",
        "text": f"{row.label}: {column.label} {average}",
        "where": f"Table {roman(layout.table)}",
        "subject": "a printed average is the mean of its row",
        "addresses": [f"{layout.paper}:table-{layout.table}:{row.id}:{column.id}"],
        "status": "contradicted",
        "finding": f"the mean of the row's {parts} numbers is {mean:.2f}",
        "table": layout.table,
        "row": row.id,
        "column": column.id,
    }
