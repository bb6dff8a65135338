"""The arithmetic behind claims made in prose: each check reads printed numbers and nothing else.

A check returns (whether the claim holds, what was found). Gains are positive when better.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from posepaper.reporting.layout import Layout, Row
from posepaper.reporting.tables import address


class NotPrinted(LookupError):
    """A claim speaks of a number, row or table that the papers do not print."""


class Printed:
    """Every claimed number of both papers, by address."""

    def __init__(self, layouts: list[Layout]):
        self.tables = {f"{found.paper}:table-{found.table}": found for found in layouts}
        self.rows: dict[str, tuple[Layout, Row]] = {}
        self.cells: dict[str, float] = {}
        for name, layout in self.tables.items():
            for row in layout.rows:
                self.rows[f"{name}:{row.id}"] = layout, row
                for column, value in row.claimed.items():
                    self.cells[address(layout.paper, layout.table, row.id, column)] = value

    def cell(self, name: str) -> float:
        """The printed number at an address."""
        if name not in self.cells:
            raise NotPrinted(f"no table prints {name}")
        return self.cells[name]

    def row(self, name: str) -> tuple[Layout, Row]:
        """The row at paper:table:row."""
        if name not in self.rows:
            raise NotPrinted(f"no table has the row {name}")
        return self.rows[name]

    def under(self, name: str | float) -> dict[str, float]:
        """The numbers of a cell, row or table, keyed alike in every table laid out alike."""
        if not isinstance(name, str):
            return {"": name}
        if name in self.cells:
            return {"": self.cells[name]}
        if name in self.rows:
            return dict(self.rows[name][1].claimed)
        if name not in self.tables:
            raise NotPrinted(f"nothing stands at {name}")
        rows = self.tables[name].rows
        return {f"{i} {c}": v for i, row in enumerate(rows) for c, v in row.claimed.items()}

    def rivals(self, name: str) -> list[str]:
        """The addresses in the column and block of a cell, it too; misprinted ones left out."""
        where, column = name.rsplit(":", 1)
        layout, row = self.row(where)
        head = next(c.label for c in layout.columns if c.id == column)
        others = [
            r
            for r in layout.rows
            if r.block == row.block and column in r.claimed
            if r.claimed_means.get(column, head) == head
        ]
        return [address(layout.paper, layout.table, r.id, column) for r in others]


def _gain(a: float, b: float, better: str, unit: str) -> float:
    gain = b - a if better == "lower" else a - b
    return 100 * gain / b if unit == "percent" else gain


def _slack(claimed: float) -> float:
    """Half of the last digit that a claim states: 0.9 stands for .85 to .95."""
    digits = repr(claimed).partition(".")[2] if isinstance(claimed, float) else ""
    return 0.5 * 10 ** -len(digits) + 1e-9


def _told(gain: float, unit: str) -> str:
    return f"{gain:+.2f}{' %' if unit == 'percent' else ''}"


def value(claim, printed: Printed) -> tuple[bool, str]:
    found = [printed.cell(name) for name in claim.cells]
    pairs = zip(found, claim.claimed, strict=True)
    holds = all(abs(a - b) <= claim.tolerance + 1e-9 for a, b in pairs)
    return holds, f"the table prints {', '.join(map(str, found))}"


def delta(claim, printed: Printed) -> tuple[bool, str]:
    a, b = printed.cell(claim.a), printed.cell(claim.b)
    gain = _gain(a, b, claim.better, claim.unit)
    holds = abs(gain - claim.claimed) <= _slack(claim.claimed)
    return holds, f"{a} against {b} is {_told(gain, claim.unit)}"


def each(claim, printed: Printed) -> tuple[bool, str]:
    cells = [
        (printed.cell(f"{claim.a}:{c}"), printed.cell(f"{claim.b}:{c}")) for c in claim.columns
    ]
    gains = [_gain(a, b, claim.better, claim.unit) for a, b in cells]
    better = sum(gain > 0 for gain in gains)
    holds = better == len(gains)
    if claim.between:
        low, high = claim.between
        within = [low - _slack(low) <= gain <= high + _slack(high) for gain in gains]
        holds = holds and all(within)
    spread = f"{_told(min(gains), claim.unit)} to {_told(max(gains), claim.unit)}"
    return holds, f"better in {better} of {len(gains)}, gains {spread}"


def rank(claim, printed: Printed) -> tuple[bool, str]:
    told, holds = [], True
    for name in claim.cells:
        own, sign = printed.cell(name), 1 if claim.better == "lower" else -1
        others = [printed.cell(other) for other in claim.among or printed.rivals(name)]
        ahead = sorted((v for v in others if sign * v < sign * own), key=lambda v: sign * v)
        holds = holds and len(ahead) + 1 == claim.claimed
        before = f", behind {', '.join(map(str, ahead))}" if ahead else ""
        told.append(f"{own} is number {len(ahead) + 1} of {len(others)}{before}")
    return holds, "; ".join(told)


def trend(claim, printed: Printed) -> tuple[bool, str]:
    values = [printed.cell(name) for name in claim.cells]
    steps = [b - a for a, b in pairwise(values)]
    holds = {
        "falling": all(step < 0 for step in steps),
        "rising": all(step > 0 for step in steps),
        "first-step-largest": all(abs(steps[0]) > abs(step) for step in steps[1:]),
    }[claim.claimed]
    return holds, f"the numbers run {', '.join(map(str, values))}"


def _compared(pairs, printed: Printed) -> tuple[int, int, list[str]]:
    """(numbers compared, numbers equal, the unequal ones in words)."""
    total, equal, unlike = 0, 0, []
    for one, two in pairs:
        a, b = printed.under(one), printed.under(two)
        for key in a.keys() | b.keys():
            total += 1
            equal += a.get(key) == b.get(key)
        unlike += [f"{a.get(k)} and {b.get(k)}" for k in sorted(a | b) if a.get(k) != b.get(k)]
    return total, equal, unlike


def agree(claim, printed: Printed) -> tuple[bool, str]:
    total, equal, unlike = _compared(claim.pairs, printed)
    shown = f": {'; '.join(unlike[:6])}" if unlike else ""
    return not unlike, f"{equal} of {total} numbers agree{shown}"


def duplicate(claim, printed: Printed) -> tuple[bool, str]:
    # Two systems share a rounded number now and then, but hardly every third one.
    total, equal, _ = _compared(claim.pairs, printed)
    return 3 * equal < total, f"{equal} of {total} numbers that should differ are equal"


def listed(claim, printed: Printed) -> tuple[bool, str]:
    rows = [printed.row(name)[1] for name in claim.rows]
    words = " ".join(text for row in rows for text in (row.label, *row.text.values()))
    absent = [n for n in claim.claimed if not re.search(rf"(?<![\d.]){n:g}(?![\d.])", words)]
    told = f"no row reports {', '.join(map(str, absent))}" if absent else "all are reported"
    return not absent, told


def reference(claim, printed: Printed) -> tuple[bool, str]:
    if claim.claimed not in printed.tables:
        raise NotPrinted(f"the paper has no {claim.claimed.split(':')[1].replace('-', ' ')}")
    caption = printed.tables[claim.claimed].caption
    return claim.about.lower() in caption.lower(), f"its caption reads: {caption.capitalize()}"


CHECKS: dict[str, Callable] = {
    check.__name__: check
    for check in (value, delta, each, rank, trend, agree, duplicate, listed, reference)
}
