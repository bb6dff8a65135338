"""Numbers that stand under a wrong head, or in a row that is not theirs."""

from collections import defaultdict
from itertools import combinations, permutations
from statistics import median

from posepaper.reporting.printed import Printed, finding, step

# A number this many median absolute deviations from its column's median is astray (Iglewicz and
# Hoaglin's modified z of 3.5).
ASTRAY = 3.5 / 0.6745
MOST_MOVED = 4


def shifted(printed: Printed) -> list[dict]:
    """Rows whose numbers fit other heads than those printed above them.

    A number is astray where it is far from what other rows print under the same head. A row is
    reported if a number is astray and exchanging at most four numbers of the row leaves none of
    them astray. Numbers of one measure, as the actions are, overlap and are never exchanged.
    """
    heads: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for name in printed.places:
        heads[_headed(printed, name)].append((name.rsplit(":", 1)[0], printed.cells[name]))
    found = []
    for where, (_, row) in printed.rows.items():
        own = {_headed(printed, f"{where}:{c}"): f"{where}:{c}" for c in row.claimed}
        ranges = {head: _range(heads[head], where) for head in own}
        astray = [h for h in own if not _fits(printed.cells[own[h]], ranges[h])]
        if (
            not astray
            or len({_measure(h) for h in own}) < 2
            or len(own) != len(row.claimed)
            or None in ranges.values()
        ):
            continue
        moved = _moved(own, ranges, astray, printed)
        if moved:
            found.append(_shift(printed, where, own, ranges, moved))
    return found


def _shift(printed: Printed, where: str, own: dict, ranges: dict, moved: dict) -> dict:
    told, steps = [], []
    for head, fitting in moved.items():
        value, shown = printed.cells[own[head]], printed.shown(own[head])
        told.append(f"{shown} under {_metric(head)} is {_metric(fitting)}")
        for under, whose in ((head, "its head"), (fitting, "the head it fits")):
            middle, reach = ranges[under]
            formula = f"|{shown} - {middle:g}| / {reach:.2f}, {_metric(under)}: {whose}"
            steps.append(step({own[head]: value}, formula, _off(value, ranges[under]), "at most 1"))
    cells = [own[head] for head in moved]
    return finding(
        printed,
        "shifted",
        where.split(":", 1)[1].replace(":", "-"),
        cells,
        subject="a number belongs under its head",
        finding=", ".join(told),
        arithmetic=steps,
        disputed=cells,
    )


def _headed(printed: Printed, name: str) -> str:
    """What the printed head above a number stands for: its metric and the data it is of."""
    layout, row, _ = printed.places[name]
    label = printed.head(name)
    column = next((c for c in layout.columns if c.label == label and c.value), None)
    metric = layout.metric(row, column) if column else label
    return f"{layout.merged(row, 'paper_identity').get('data')} {metric}"


def _metric(head: str) -> str:
    return head.split(" ", 1)[1]


def _measure(head: str) -> str:
    return head.partition("/")[0]


def _range(numbers: list[tuple[str, float]], own: str) -> tuple[float, float] | None:
    others = [value for row, value in numbers if row != own]
    if len(others) < 4:
        return None
    middle = median(others)
    return middle, max(ASTRAY * median(abs(v - middle) for v in others), 0.05)


def _fits(value: float, range_: tuple[float, float] | None) -> bool:
    return range_ is None or abs(value - range_[0]) <= range_[1]


def _moved(own, ranges, astray, printed: Printed) -> dict[str, str] | None:
    """The heads to exchange, each with the head its number fits; None where no exchange fits.

    Of all exchanges the one whose numbers lie nearest to their new heads' medians, in reaches.
    """
    best, least = None, float("inf")
    values = {head: printed.cells[name] for head, name in own.items()}
    for size in range(max(2, len(astray)), min(MOST_MOVED, len(own)) + 1):
        rest = [head for head in own if head not in astray]
        for others in combinations(rest, size - len(astray)):
            chosen = [*astray, *others]
            for order in permutations(chosen):
                pairs = dict(zip(chosen, order, strict=True))
                if not all(_may_move(a, b, values, ranges) for a, b in pairs.items()):
                    continue
                off = sum(_off(v, ranges[pairs.get(head, head)]) for head, v in values.items())
                if off < least:
                    best, least = pairs, off
    return best


def _may_move(head: str, other: str, values: dict[str, float], ranges: dict) -> bool:
    return _measure(head) != _measure(other) and _fits(values[head], ranges[other])


def _off(value: float, range_: tuple[float, float]) -> float:
    return abs(value - range_[0]) / range_[1]


def copied(printed: Printed) -> list[dict]:
    """Rows of different systems, or of one under other conditions, that share numbers.

    Two systems share a rounded number now and then, but hardly three and every third one.
    """
    found = []
    rows = {}
    for where, (layout, row) in printed.rows.items():
        metrics = {printed.metric(f"{where}:{c}"): f"{where}:{c}" for c in row.claimed}
        rows[where] = layout.paper, row, metrics
    for (one, (paper, a, first)), (two, (other, b, second)) in combinations(rows.items(), 2):
        shared = [m for m in first if m in second]
        same = a.experiment is not None and a.experiment == b.experiment
        if paper != other or same or len(shared) < 5:
            continue
        pairs = [(first[m], second[m]) for m in shared]
        equal = [(x, y) for x, y in pairs if printed.cells[x] == printed.cells[y]]
        if len(equal) < 3 or 3 * len(equal) < len(pairs):
            continue
        steps = []
        for x, y in pairs:
            p, q = printed.cells[x], printed.cells[y]
            steps.append(step({x: p, y: q}, f"{p} - {q}", p - q, "not 0 in every third"))
        found.append(
            finding(
                printed,
                "copied",
                f"{two.split(':', 1)[1]}-{one.split(':', 1)[1]}".replace(":", "-"),
                [*(y for _, y in equal), *(x for x, _ in equal)],
                text=f"{b.label} and {a.label}",
                status="suspicious",
                subject="two rows that are not one training share no run of numbers",
                finding=f"{len(equal)} of {len(pairs)} numbers of {two} are those of {one}",
                arithmetic=steps,
            )
        )
    return found
