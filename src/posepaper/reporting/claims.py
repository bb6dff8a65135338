"""Claims the papers make in prose, and the numbers they print: tested on their own tables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from posepaper.reporting import consistency
from posepaper.reporting.checks import CHECKS
from posepaper.reporting.layout import Layout, Number, Part, load
from posepaper.reporting.printed import NotPrinted, Printed

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


class Named(Part):
    kind: Literal["named"]
    system: str
    claimed: list[str]


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
    Value | Delta | Each | Rank | Trend | Compared | Named | Listed | Reference | Statement,
    Field(discriminator="kind"),
]


class Note(Part):
    """What another source says of a claim, and where it stands."""

    text: str
    sources: list[str]


class Claim(Part):
    """One claim: the paper's words, and each reading of them that arithmetic can test."""

    id: str
    text: str
    section: str
    subject: str
    addresses: list[str] = Field(default_factory=list)
    claim: Kind
    other_readings: list[Kind] = Field(default_factory=list)
    note: Note | None = None


class Claims(Part):
    """A paper's sentences, and ``checks`` of ours on what it prints without claiming it."""

    paper: str
    claims: list[Claim]
    checks: list[Claim] = Field(default_factory=list)


class Source(Part):
    """Numbers of another publication, as printed there."""

    source: str
    numbers: dict[str, Number]


class Published(Part):
    systems: dict[str, Source]


def read_published(path: str | Path) -> dict[str, float]:
    """``published.yaml`` by address ``published:SYSTEM:METRIC``; InputError as ``load``."""
    systems = load(path, Published).systems
    return {
        f"published:{name}:{metric}": value
        for name, system in systems.items()
        for metric, value in system.numbers.items()
    }


def read_claims(path: str | Path) -> Claims:
    """A paper's ``claims.yaml``; raises InputError naming file, place and fault."""
    return load(path, Claims)


def check_claims(
    papers: list[Claims],
    layouts: list[Layout],
    published: dict[str, float] | None = None,
    counted: dict[str, dict[str, int]] | None = None,
) -> dict[str, list[dict]]:
    """Tests the claims of all papers, and every number they print, on all transcribed tables.

    Args:
        published: other publications' numbers, as ``read_published`` gives them.
        counted: parameters of the networks as built, as ``consistency.parameters`` takes them.

    Returns:
        paper -> [{"id", "check", "text", "where", "subject", "addresses", "status", "finding",
        "arithmetic", "disputed", "note"}], status ``holds``, ``contradicted``, ``suspicious`` for
        what looks wrong and cannot be proven so, or ``stated`` where nothing printed can test it.
        ``check`` is ``claim`` for a sentence; findings of general checks follow, an average that
        is not its row's mean with "table", "row" and "column".
    """
    printed = Printed(layouts, published)
    topics: dict[str, list[tuple[str, str]]] = {}
    for paper in papers:
        for claim in paper.claims:
            if claim.claim.kind == "statement":
                where = f"{paper.paper} {claim.section}"
                topics.setdefault(claim.claim.topic, []).append((claim.claim.says, where))
    general = consistency.findings(printed, counted or {})
    found = {}
    for paper in papers:
        tested = [_checked(claim, printed, topics, "claim") for claim in paper.claims]
        tested += [_checked(claim, printed, topics, "check") for claim in paper.checks]
        own = [{"note": None} | f for f in general if f["paper"] == paper.paper]
        found[paper.paper] = tested + [{k: v for k, v in f.items() if k != "paper"} for f in own]
    return found


def _checked(claim: Claim, printed: Printed, topics: dict, check: str) -> dict:
    steps: list[dict] = []
    if claim.claim.kind == "statement":
        status, finding = _stated(claim.claim, topics[claim.claim.topic])
    else:
        readings = [_tested(reading, printed) for reading in [claim.claim, *claim.other_readings]]
        fault = "suspicious" if claim.claim.kind == "duplicate" else "contradicted"
        status = "holds" if any(holds for holds, _, _ in readings) else fault
        finding = " Or: ".join(told for _, told, _ in readings)
        steps = [step for _, _, steps in readings for step in steps]
    return {
        "id": claim.id,
        "check": check,
        "text": claim.text,
        "where": claim.section,
        "subject": claim.subject,
        "addresses": claim.addresses,
        "status": status,
        "finding": finding,
        "arithmetic": steps,
        "disputed": [],
        "note": claim.note and claim.note.model_dump(),
    }


def _tested(reading: Kind, printed: Printed) -> tuple[bool, str, list[dict]]:
    try:
        return CHECKS[reading.kind](reading, printed)
    except NotPrinted as error:
        return False, str(error), []


def _stated(statement: Statement, said: list[tuple[str, str]]) -> tuple[str, str]:
    others = [f"{says} ({where})" for says, where in said if says != statement.says]
    if others:
        return "contradicted", f"says {statement.says}; elsewhere: {', '.join(sorted(others))}"
    return "stated" if len(said) == 1 else "holds", f"says {statement.says}"
