"""Every claimed number and every sentence that claims something, with its verdict and why."""

import csv
from collections import Counter
from pathlib import Path

from posepaper.files import atomic
from posepaper.reporting import evidence as asked
from posepaper.reporting.claims import Claim, Claims
from posepaper.reporting.evidence import Absent, Evidence
from posepaper.reporting.layout import Layout
from posepaper.reporting.tables import address
from posepaper.reporting.view import roman, status_text

VERDICTS = (
    *("reproduced", "not-reproduced", "undecidable", "not-comparable", "not-run"),
    "contradicted",
)
CSV_HEAD = (
    *("address", "kind", "where", "text", "claimed", "unit", "value", "low", "high"),
    *("verdict", "why", "direction", "disputed_by"),
)
VERDICT_OF = {
    asked.SUPPORTED: "reproduced",
    asked.REFUTED: "not-reproduced",
    asked.OPEN: "undecidable",
}
DIRECTION_OF = {asked.SUPPORTED: "holds", asked.REFUTED: "reversed", asked.OPEN: "open"}
WHY = {
    "reproduced": "the whole interval is within the tolerance",
    "not-reproduced": "the whole interval is outside the tolerance",
    "undecidable": "the interval is too wide to say, or there is none",
    "not-comparable": "made from other data, source, boxes or protocol than the paper's",
    "contradicted": "the printed number is not what its column says",
}
WORDS = "words only: no number of a study can test it"


def build(
    papers: list[Claims],
    layouts: list[Layout],
    tables: list[dict],
    results: dict[str, list[dict]],
    findings: dict[str, list[dict]],
    rules: dict,
) -> dict:
    """The ledger of both papers.

    Args:
        tables: built tables; those of papers without claims are left out.
        findings: as ``claims.check_claims`` returns them.
        rules: {"tolerance": {unit: number}, "direction", "alpha"}, kept with the verdicts.

    Returns:
        {"rules", "entries": [{"address", "paper", "kind": "number"|"sentence", "where", "text",
        "claimed", "unit", "value", "ci", "verdict", "why", "direction", "disputed_by"}],
        "counts": {paper: {kind: {verdict: n}}}}. One entry for each claimed number of a row that
        is reproduced and each sentence. ``contradicted`` outweighs every other verdict: of a
        number where a check of the papers' own arithmetic speaks against it (``disputed_by``), of
        a sentence where the papers' own numbers or words do. ``direction`` (holds, reversed, open)
        is said of what is measured but not comparable.
    """
    evidence = Evidence(tables, layouts, results)
    entries = []
    for paper in papers:
        found = findings[paper.paper]
        disputes: dict[str, list[str]] = {}
        for finding in (f for papers_ in findings.values() for f in papers_):
            for name in finding["disputed"]:
                disputes.setdefault(name, []).append(finding["id"])
        own = [table for table in tables if table["paper"] == paper.paper]
        entries += [entry for table in own for entry in _numbers(table, disputes)]
        status = {f["id"]: f for f in found if f["check"] == "claim"}
        for claim in paper.claims:
            entries.append(_sentence(paper.paper, claim, status[claim.id], evidence, rules))
    counts = {
        paper.paper: {
            kind: _counts([e for e in entries if (e["paper"], e["kind"]) == (paper.paper, kind)])
            for kind in ("number", "sentence")
        }
        for paper in papers
    }
    return {"rules": rules, "entries": entries, "counts": counts}


def _counts(entries: list[dict]) -> dict[str, int]:
    tally = Counter(entry["verdict"] for entry in entries)
    return {verdict: tally[verdict] for verdict in VERDICTS}


def _numbers(table: dict, disputes: dict[str, list[str]]) -> list[dict]:
    found = []
    columns = {column["id"]: column for column in table["columns"]}
    for row in (r for r in table["rows"] if r["origin"] == "reproduced"):
        for name, cell in row["cells"].items():
            if "claimed" not in cell:
                continue
            where = address(table["paper"], table["table"], row["id"], name)
            against = disputes.get(where, [])
            verdict = "contradicted" if against else cell["verdict"] or "not-run"
            why = WHY.get(verdict) or status_text(cell["status"])
            if against:
                why = f"the papers' own arithmetic speaks against it: {', '.join(against)}"
            found.append(
                {
                    "address": where,
                    "paper": table["paper"],
                    "kind": "number",
                    "where": f"Table {roman(table['table'])}",
                    "text": f"{row['label']}, {columns[name]['label']}",
                    "claimed": cell["claimed"],
                    "unit": columns[name]["unit"],
                    "value": cell["value"],
                    "ci": cell["ci"],
                    "verdict": verdict,
                    "why": why,
                    "direction": None,
                    "disputed_by": against,
                }
            )
    return found


def _sentence(paper: str, claim: Claim, finding: dict, evidence: Evidence, rules: dict) -> dict:
    verdict, why, direction = _judged(claim, evidence, rules)
    if finding["status"] in ("contradicted", "suspicious"):
        measured = "" if verdict == "not-run" else f"; this study: {why}"
        verdict, why = "contradicted", finding["finding"] + measured
    elif claim.claim.kind not in asked.ASKED:
        why = f"{why}; on paper: {finding['finding']}"
    return {
        "address": f"{paper}:claim:{claim.id}",
        "paper": paper,
        "kind": "sentence",
        "where": claim.section,
        "text": claim.text,
        "subject": claim.subject,
        "claimed": None,
        "unit": None,
        "value": None,
        "ci": None,
        "verdict": verdict,
        "why": why,
        "direction": direction,
        "disputed_by": [finding["id"]] if verdict == "contradicted" else [],
    }


def _judged(claim: Claim, evidence: Evidence, rules: dict) -> tuple[str, str, str | None]:
    """Verdict, why, and where the numbers are not comparable the direction."""
    ask = asked.ASKED.get(claim.claim.kind)
    if ask is None:
        return "not-run", WORDS, None
    try:
        comparable = all(evidence.comparable(name) for name in _spoken_of(claim, evidence))
        answer = ask(claim.claim, evidence, rules, not comparable)
    except Absent as absent:
        return "not-run", str(absent), None
    if comparable:
        return VERDICT_OF[answer.says], answer.told, None
    return "not-comparable", answer.told, DIRECTION_OF.get(answer.says)


def _spoken_of(claim: Claim, evidence: Evidence) -> list[str]:
    """The addresses of the measured numbers that a claim's first reading compares."""
    kind = claim.claim
    if kind.kind == "delta":
        names = [kind.a, kind.b]
    elif kind.kind == "each":
        names = [f"{row}:{column}" for row in (kind.a, kind.b) for column in kind.columns]
    elif kind.kind == "agree":
        names = [name for pair in kind.pairs for name in pair]
    else:
        names = list(kind.cells)
    for name in names:
        evidence.cell(name)
    return names


def write_csv(path: str | Path, ledger: dict) -> None:
    """One line per entry, led by its address."""
    with atomic(path) as part, open(part, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, CSV_HEAD, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for entry in ledger["entries"]:
            low, high = entry["ci"] or (None, None)
            told = {"low": low, "high": high, "disputed_by": " ".join(entry["disputed_by"])}
            writer.writerow(entry | told)
