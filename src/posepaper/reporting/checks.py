"""The arithmetic behind claims made in prose: each check reads printed numbers and nothing else.

A check returns (whether the claim holds, what was found, the arithmetic as ``printed.step``
gives it). Gains are positive when better.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from posepaper.reporting.printed import NotPrinted, Printed, slack, step

Outcome = tuple[bool, str, list[dict]]


def gain(a: float, b: float, better: str, unit: str) -> float:
    """How much better a is than b, in the printed unit or in percent of b."""
    found = b - a if better == "lower" else a - b
    return 100 * found / b if unit == "percent" else found


def _formula(a: float, b: float, better: str, unit: str) -> str:
    top = f"{b} - {a}" if better == "lower" else f"{a} - {b}"
    return f"100 × ({top}) / {b}" if unit == "percent" else top


def _told(found: float, unit: str) -> str:
    return f"{found:+.2f}{' %' if unit == 'percent' else ''}"


def value(claim, printed: Printed) -> Outcome:
    found = [printed.cell(name) for name in claim.cells]
    pairs = list(zip(claim.cells, found, claim.claimed, strict=True))
    holds = all(abs(a - b) <= claim.tolerance + 1e-9 for _, a, b in pairs)
    told = f"the table prints {', '.join(map(str, found))}"
    for name, a, b in pairs:
        elsewhere = [] if a == b or holds else printed.places_of(b, name)
        told += f"; {b} stands at {', '.join(elsewhere)}" if elsewhere else ""
    steps = [step({n: a}, f"{b} - {a}", b - a, 0) for n, a, b in pairs]
    return holds, told, steps


def delta(claim, printed: Printed) -> Outcome:
    a, b = printed.cell(claim.a), printed.cell(claim.b)
    found = gain(a, b, claim.better, claim.unit)
    holds = abs(found - claim.claimed) <= slack(claim.claimed)
    formula = _formula(a, b, claim.better, claim.unit)
    steps = [step({claim.a: a, claim.b: b}, formula, found, claim.claimed)]
    return holds, f"{a} against {b} is {_told(found, claim.unit)}", steps


def each(claim, printed: Printed) -> Outcome:
    steps, gains = [], []
    low, high = claim.between or (0, None)
    for column in claim.columns:
        names = f"{claim.a}:{column}", f"{claim.b}:{column}"
        a, b = (printed.cell(name) for name in names)
        gains.append(gain(a, b, claim.better, claim.unit))
        wanted = "more than 0" if high is None else f"{low} to {high}"
        formula = _formula(a, b, claim.better, claim.unit)
        steps.append(step(dict(zip(names, (a, b), strict=True)), formula, gains[-1], wanted))
    better = sum(found > 0 for found in gains)
    holds = better == len(gains)
    if high is not None:
        within = [low - slack(low) <= found <= high + slack(high) for found in gains]
        holds = holds and all(within)
    spread = f"{_told(min(gains), claim.unit)} to {_told(max(gains), claim.unit)}"
    return holds, f"better in {better} of {len(gains)}, gains {spread}", steps


def rank(claim, printed: Printed) -> Outcome:
    told, holds, steps = [], True, []
    for name in claim.cells:
        own, sign = printed.cell(name), 1 if claim.better == "lower" else -1
        others = {other: printed.cell(other) for other in claim.among or printed.rivals(name)}
        ahead = sorted(
            (v for v in others.values() if sign * v < sign * own), key=lambda v: sign * v
        )
        holds = holds and len(ahead) + 1 == claim.claimed
        before = f", behind {', '.join(map(str, ahead))}" if ahead else ""
        told.append(f"{own} is number {len(ahead) + 1} of {len(others)}{before}")
        formula = f"1 + how many of {len(others)} are {claim.better} than {own}"
        steps.append(step(others, formula, len(ahead) + 1, claim.claimed))
    return holds, "; ".join(told), steps


def trend(claim, printed: Printed) -> Outcome:
    values = [printed.cell(name) for name in claim.cells]
    changes = [b - a for a, b in pairwise(values)]
    holds = {
        "falling": all(change < 0 for change in changes),
        "rising": all(change > 0 for change in changes),
        "first-step-largest": all(changes[0] > change for change in changes[1:]) and changes[0] > 0,
    }[claim.claimed]
    steps = [
        step(dict((one, two)), f"{two[1]} - {one[1]}", two[1] - one[1], claim.claimed)
        for one, two in pairwise(zip(claim.cells, values, strict=True))
    ]
    return holds, f"the numbers run {', '.join(map(str, values))}", steps


def _compared(pairs, printed: Printed) -> list[dict]:
    steps = []
    for one, two in pairs:
        a, b = printed.under(one), printed.under(two)
        for key in sorted(a.keys() | b.keys()):
            x, y = a.get(key), b.get(key)
            names = {f"{n}:{key}".rstrip(":"): v for n, v in ((one, x), (two, y)) if v is not None}
            result = None if x is None or y is None else x - y
            steps.append(step(names, f"{x} - {y}", result, 0))
    return steps


def agree(claim, printed: Printed) -> Outcome:
    steps = _compared(claim.pairs, printed)
    unlike = [s["formula"].replace(" - ", " and ") for s in steps if s["result"] != 0]
    shown = f": {'; '.join(unlike[:6])}" if unlike else ""
    return not unlike, f"{len(steps) - len(unlike)} of {len(steps)} numbers agree{shown}", steps


def duplicate(claim, printed: Printed) -> Outcome:
    # Two systems share a rounded number now and then, but hardly every third one.
    steps = _compared(claim.pairs, printed)
    equal = sum(s["result"] == 0 for s in steps)
    told = f"{equal} of {len(steps)} numbers that should differ are equal"
    return 3 * equal < len(steps), told, steps


def named(claim, printed: Printed) -> Outcome:
    found = printed.named(claim.system)
    tables = sorted({name.rsplit(":", 1)[0] for name in found})
    lacking = [name for name in claim.claimed if name not in tables]
    stands = f"a row {claim.system} stands in {', '.join(tables) or 'no table'}"
    told = f"{stands}, not in {', '.join(lacking)}" if lacking else stands
    formula = f"rows labelled {claim.system} in {', '.join(claim.claimed)}"
    count = sum(name.rsplit(":", 1)[0] in claim.claimed for name in found)
    return not lacking, told, [step({}, formula, count, "at least 1")]


def listed(claim, printed: Printed) -> Outcome:
    rows = [printed.row(name)[1] for name in claim.rows]
    words = " ".join(text for row in rows for text in (row.label, *row.text.values()))
    absent = [n for n in claim.claimed if not re.search(rf"(?<![\d.]){n:g}(?![\d.])", words)]
    told = f"no row reports {', '.join(map(str, absent))}" if absent else "all are reported"
    formula = f"how many of {', '.join(map(str, claim.claimed))} the rows name"
    count = len(claim.claimed) - len(absent)
    return not absent, told, [step({}, formula, count, len(claim.claimed))]


def reference(claim, printed: Printed) -> Outcome:
    if claim.claimed not in printed.tables:
        raise NotPrinted(f"the paper has no {claim.claimed.split(':')[1].replace('-', ' ')}")
    caption = printed.tables[claim.claimed].caption
    holds = claim.about.lower() in caption.lower()
    return holds, f"its caption reads: {caption.capitalize()}", []


CHECKS: dict[str, Callable[..., Outcome]] = {
    check.__name__: check
    for check in (value, delta, each, rank, trend, agree, duplicate, named, listed, reference)
}
