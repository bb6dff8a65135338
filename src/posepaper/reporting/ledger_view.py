"""What a reader sees of findings, ledger and comparisons, as strings; HTML and LaTeX share it."""

from collections import Counter

from markupsafe import Markup

from posepaper.reporting.ledger import VERDICTS

CHART_WIDTH, CHART_HEIGHT = 160, 14
LEDGER_MEANING = {
    "reproduced": "made as the paper's own, and the whole 95 % interval agrees with the claim",
    "not-reproduced": "made as the paper's own, and the whole 95 % interval speaks against it",
    "undecidable": "made as the paper's own, but the interval is too wide, or absent, to say",
    "not-comparable": "made from other data, 2D source, boxes or protocol: only directions count",
    "not-run": "nothing was measured that could tell, for the reason given",
    "contradicted": "the papers' own numbers or words speak against it",
}


def findings(paper: str, found: list[dict]) -> list[dict]:
    """Claims and findings of checks with their arithmetic in words."""
    return [
        {
            "address": f"{paper}:claim:{one['id']}",
            **{name: one[name] for name in ("text", "status", "finding", "where", "subject")},
            "addresses": one["addresses"],
            "arithmetic": [_arithmetic(step) for step in one.get("arithmetic", [])],
            "note": one.get("note"),
        }
        for one in found
    ]


def _arithmetic(step: dict) -> str:
    result = step["result"]
    if isinstance(result, float):
        result = f"{result:.2f}" if abs(result) >= 0.01 or result == 0 else f"{result:.4f}"
    printed = "" if step["printed"] is None else f" (printed: {step['printed']})"
    return f"{step['formula']} = {result}{printed}"


def rules(given: dict) -> list[str]:
    """The verdicts' rules as sentences."""
    tolerance = ", ".join(f"{value:g} {unit}" for unit, value in given["tolerance"].items())
    sides = {
        "two-sided": "a better number than claimed does not reproduce the claim",
        "no-worse": "a better number than claimed reproduces the claim",
    }
    return [
        f"A number or a gain is reproduced if its whole 95 % interval lies within the tolerance of "
        f"the claim: {tolerance} (a gain in percent: %); not reproduced if none of it does; else "
        "undecidable. Counts of parameters are exact.",
        f"Direction: {given['direction']}; {sides[given['direction']]}.",
        "An order is said to hold where the paired interval of every difference excludes zero, to "
        f"be reversed where one does the other way and its p, by Holm over all of the sentence, is "
        f"below {given['alpha']:g}.",
        f"Rows compared with a baseline: paired differences; an effect is said where the 95 % "
        f"interval excludes zero and p, by Holm over the family, is below {given['alpha']:g}.",
        "With one seed an interval does not see how another training would scatter: what is said "
        "is of these trainings.",
        "What the papers' own arithmetic speaks against is contradicted, whatever was measured.",
    ]


def ledger(entries: list[dict]) -> dict:
    """{"sentences", "tables"}: sentences as they are, numbers by table with counts."""
    numbers = [e for e in entries if e["kind"] == "number"]
    tables = []
    for where in dict.fromkeys(entry["where"] for entry in numbers):
        own = [entry for entry in numbers if entry["where"] == where]
        tally = Counter(entry["verdict"] for entry in own)
        tables.append(
            {
                "where": where,
                "count": len(own),
                "counts": [tally[verdict] for verdict in VERDICTS],
                "numbers": [_number(entry) for entry in own],
            }
        )
    return {"sentences": [e for e in entries if e["kind"] == "sentence"], "tables": tables}


def _number(entry: dict) -> dict:
    unit = f" {entry['unit']}" if entry["unit"] else ""
    value = "" if entry["value"] is None else f"{entry['value']:.4g}{unit}"
    ends = f" [{entry['ci'][0]:.4g}, {entry['ci'][1]:.4g}]" if entry["ci"] else ""
    return {
        **{name: entry[name] for name in ("address", "text", "verdict", "why")},
        "claimed": f"{entry['claimed']}{unit}",
        "value": value + ends,
    }


def comparisons(found: list[dict]) -> list[dict]:
    """Every compared row with its interval as numbers, words and a small chart."""
    shown = []
    for one in found:
        ends = [
            v for row in one["rows"] for v in (row["ci"] or [row["difference"]]) if v is not None
        ]
        low, high = min([0.0, *ends]), max([0.0, *ends])
        rows = []
        for row in one["rows"]:
            made = row["difference"] is not None
            ci = f"[{row['ci'][0]:+.2f}, {row['ci'][1]:+.2f}]" if row["ci"] else ""
            rows.append(
                {
                    "row": row["row"],
                    "address": row["address"],
                    "claimed": "" if row["claimed"] is None else f"{row['claimed']:+.2f}",
                    "difference": f"{row['difference']:+.2f}" if made else "",
                    "ci": ci,
                    "p": _probability(row["p_holm"]),
                    "said": row["said"],
                    "pairs": f"{row['pairs']} {row['unit']}s" if row["pairs"] else "",
                    "chart": chart(row, low, high),
                }
            )
        shown.append(
            {
                "address": one["address"],
                "label": one["label"],
                "column": one["column"],
                "unit": one["unit"],
                "tests": one["tests"],
                "baseline": one["baseline"],
                "rows": rows,
                "measured": any(row["difference"] for row in rows),
            }
        )
    return shown


def _probability(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def chart(row: dict, low: float, high: float) -> Markup:
    """A difference and its interval as inline SVG between low and high, with a line at zero."""
    if row["difference"] is None or low == high:
        return Markup("")

    def place(value: float) -> str:
        return f"{4 + (CHART_WIDTH - 8) * (value - low) / (high - low):.1f}"

    ends = row["ci"] or [row["difference"]] * 2
    middle = CHART_HEIGHT // 2
    return Markup(
        '<svg class="interval" role="img" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
        'aria-label="{told}"><line class="zero" x1="{zero}" x2="{zero}" y1="0" y2="{h}"/>'
        '<line x1="{a}" x2="{b}" y1="{m}" y2="{m}"/><circle cx="{v}" cy="{m}" r="3"/></svg>'
    ).format(
        w=CHART_WIDTH, h=CHART_HEIGHT, m=middle, zero=place(0.0), a=place(ends[0]),
        b=place(ends[1]), v=place(row["difference"]),
        told=f"{row['difference']:+.2f}, 95 % interval {ends[0]:+.2f} to {ends[1]:+.2f}",
    )  # fmt: skip
