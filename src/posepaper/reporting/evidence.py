"""What a study measured at the addresses a claim speaks of, and what that says of the claim."""

from dataclasses import dataclass
from itertools import pairwise

from posepaper import quantities
from posepaper.reporting import statistics, verdicts
from posepaper.reporting.layout import Layout
from posepaper.reporting.printed import Printed
from posepaper.reporting.tables import address
from posepaper.reporting.view import status_text

SUPPORTED, REFUTED, OPEN = "supported", "refuted", "open"


@dataclass(frozen=True)
class Answer:
    """What the measurements say of a claim: one of the three words above, or nothing; and why."""

    says: str
    told: str


class Absent(LookupError):
    """A number that a claim speaks of was not measured; its message says why."""


class Evidence:
    """Measured numbers and paired differences by address, in the printed units.

    Args:
        tables: built tables.
        layouts: their layouts.
        results: experiment -> its metrics dicts, one per seed.
    """

    def __init__(self, tables: list[dict], layouts: list[Layout], results: dict[str, list[dict]]):
        self.printed, self.results = Printed(layouts), results
        self.cells = {
            address(t["paper"], t["table"], row["id"], column): (row, cell)
            for t in tables
            for row in t["rows"]
            for column, cell in row["cells"].items()
        }

    def cell(self, name: str) -> dict:
        """The cell of a measured number; raises Absent where there is none."""
        if name not in self.cells:
            raise Absent(f"no table prints {name}")
        cell = self.cells[name][1]
        if cell["value"] is None:
            raise Absent(f"{name} is {status_text(cell['status'])}")
        return cell

    def comparable(self, name: str) -> bool:
        """Whether the number at an address was made as the paper made its own."""
        layout, row, _ = self.printed.places[name]
        wanted, identity = layout.merged(row, "paper_identity"), self.cells[name][0]["identity"]
        return bool(wanted) and verdicts.agrees(identity or {}, wanted)

    def gain(self, a: str, b: str, better: str, unit: str = "printed") -> dict:
        """How much better a is than b: {"value", "ci" | None, "p" | None}, paired; raises Absent.

        In percent, b's measured number is taken for exact.
        """
        base = self.cell(b)["value"]
        self.cell(a)
        first, second = (self._metrics(name) for name in (b, a))
        metric = self.printed.metric(a)
        if metric != self.printed.metric(b):
            raise Absent(f"{a} and {b} are different measures")
        gap = statistics.paired_difference(first, second, metric)
        if gap is None:
            raise Absent(f"{a} and {b} share no seed")
        factor = quantities.factor(second[0], metric, self.printed.places[a][2].unit)
        factor *= -1 if better == "lower" else 1
        factor *= 100 / base if unit == "percent" else 1
        ends = gap["ci"] and sorted(factor * v for v in gap["ci"])
        if self.printed.places[a][2].unit in verdicts.EXACT:
            ends = [factor * gap["value"]] * 2
        return {"value": factor * gap["value"], "ci": ends, "p": gap["p"]}

    def _metrics(self, name: str) -> list[dict]:
        return self.results.get(self.printed.places[name][1].experiment or "", [])


def _sign(gap: dict) -> int:
    """1 where an interval lies above zero, -1 where below, else 0."""
    low, high = gap["ci"] or (-1.0, 1.0)
    return (low > 0) - (high < 0)


def _corrected(gaps: list[dict], alpha: float) -> list[int]:
    """The signs of gains asked at once; one below zero only where Holm's corrected p says so."""
    adjusted = statistics.holm([1.0 if gap["p"] is None else gap["p"] for gap in gaps])
    signs = [_sign(gap) for gap in gaps]
    return [0 if s < 0 and p >= alpha else s for s, p in zip(signs, adjusted, strict=True)]


def _shown(gap: dict, unit: str = "") -> str:
    ends = f" [{gap['ci'][0]:+.2f}, {gap['ci'][1]:+.2f}]" if gap["ci"] else " (no interval)"
    return f"{gap['value']:+.2f}{unit}{ends}"


def _within(value: float, gap: dict, tolerance: float) -> str:
    if gap["ci"] is None:
        return OPEN
    low, high = gap["ci"]
    if value - tolerance <= low and high <= value + tolerance:
        return SUPPORTED
    return REFUTED if high < value - tolerance or low > value + tolerance else OPEN


def _all(says: list[str]) -> str:
    if REFUTED in says:
        return REFUTED
    return SUPPORTED if says and set(says) == {SUPPORTED} else OPEN


def _of_sign(sign: int) -> str:
    return {1: SUPPORTED, -1: REFUTED}.get(sign, OPEN)


def value(claim, evidence: Evidence, rules: dict, directions: bool) -> Answer:
    cells = [evidence.cell(name) for name in claim.cells]
    told = "measured " + ", ".join(f"{cell['value']:.4g}" for cell in cells)
    if directions:
        return Answer("", told)
    says = []
    for name, cell, claimed in zip(claim.cells, cells, claim.claimed, strict=True):
        unit = evidence.printed.places[name][2].unit
        ends = [cell["value"]] * 2 if unit in verdicts.EXACT else cell["ci"]
        tolerance = rules["tolerance"].get(unit)
        says.append(OPEN if tolerance is None else _within(claimed, {"ci": ends}, tolerance))
    return Answer(_all(says), told)


def delta(claim, evidence: Evidence, rules: dict, directions: bool) -> Answer:
    gap = evidence.gain(claim.a, claim.b, claim.better, claim.unit)
    told = f"gain {_shown(gap, ' %' if claim.unit == 'percent' else '')}"
    if directions:
        return Answer(_of_sign(_sign(gap)), told)
    unit = evidence.printed.places[claim.a][2].unit
    kind = "%" if claim.unit == "percent" else unit
    tolerance = rules["tolerance"].get(kind)
    return Answer(OPEN if tolerance is None else _within(claim.claimed, gap, tolerance), told)


def each(claim, evidence: Evidence, rules: dict, directions: bool) -> Answer:
    gaps = [
        evidence.gain(f"{claim.a}:{c}", f"{claim.b}:{c}", claim.better, claim.unit)
        for c in claim.columns
    ]
    signs = _corrected(gaps, rules["alpha"])
    says = [_of_sign(sign) for sign in signs]
    if claim.between and not directions:
        (low, high) = claim.between
        middle, half = (low + high) / 2, (high - low) / 2
        says = [_within(middle, gap, half) for gap in gaps]
    told = f"better in {signs.count(1)} of {len(signs)}, worse in {signs.count(-1)}; gains "
    told += ", ".join(_shown(gap) for gap in gaps[:3]) + (", ..." if len(gaps) > 3 else "")
    return Answer(_all(says), told)


def rank(claim, evidence: Evidence, rules: dict, directions: bool) -> Answer:
    """Rivals that stay quoted count only where numbers are comparable, as exact."""
    says, told = [], []
    for name in claim.cells:
        others = [o for o in claim.among or evidence.printed.rivals(name) if o != name]
        signs = _against(name, others, claim.better, evidence, rules["alpha"], directions)
        if not signs:
            raise Absent(f"no rival of {name} was measured")
        low = signs.count(-1) + 1
        high = low + signs.count(0)
        fits = low <= claim.claimed <= high
        says.append((SUPPORTED if low == high else OPEN) if fits else REFUTED)
        place = str(low) if low == high else f"{low} to {high}"
        own = evidence.cell(name)["value"]
        told.append(f"{own:.4g} is number {place} of {len(signs) + 1}")
    return Answer(_all(says), "; ".join(told))


def _against(
    name: str, others: list[str], better: str, evidence: Evidence, alpha: float, directions: bool
) -> list[int]:
    """The signs of a number's gains over its rivals, those that can be compared."""
    own, experiment = evidence.cell(name), evidence.printed.places[name][1].experiment
    gaps, quoted = [], []
    for other in others:
        row = evidence.printed.places[other][1]
        if row.origin == "reproduced" and row.experiment != experiment:
            gaps.append(evidence.gain(name, other, better))
        elif row.origin == "quoted" and not directions:
            sign, claimed = -1 if better == "lower" else 1, evidence.printed.cells[other]
            ends = own["ci"] and sorted(sign * (v - claimed) for v in own["ci"])
            quoted.append(_sign({"ci": ends}))
    return _corrected(gaps, alpha) + quoted


def trend(claim, evidence: Evidence, rules: dict, directions: bool) -> Answer:
    rising = "lower" if claim.claimed == "falling" else "higher"
    gaps = [evidence.gain(b, a, rising) for a, b in pairwise(claim.cells)]
    told = "steps " + ", ".join(_shown(gap) for gap in gaps)
    if claim.claimed != "first-step-largest":
        signs = _corrected(gaps, rules["alpha"])
        return Answer(_all([_of_sign(sign) for sign in signs]), told)
    first, later = gaps[0], gaps[1:]
    if not all(gap["ci"] for gap in gaps):
        return Answer(OPEN, told)
    # The steps' intervals are compared as if independent: where they overlap nothing is said.
    if all(first["ci"][0] > gap["ci"][1] for gap in later) and first["ci"][0] > 0:
        return Answer(SUPPORTED, told)
    beaten = any(first["ci"][1] < gap["ci"][0] for gap in later) or first["ci"][1] < 0
    return Answer(REFUTED if beaten else OPEN, told)


def agree(claim, evidence: Evidence, rules: dict, directions: bool) -> Answer:
    says, told = [], []
    for a, b in claim.pairs:
        gap = evidence.gain(a, b, "higher")
        tolerance = rules["tolerance"].get(evidence.printed.places[a][2].unit)
        says.append(OPEN if tolerance is None else _within(0.0, gap, tolerance))
        told.append(f"difference {_shown(gap)}")
    return Answer(_all(says), "; ".join(told))


ASKED = {ask.__name__: ask for ask in (value, delta, each, rank, trend, agree)}
