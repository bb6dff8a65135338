"""What any table of numbers owes its reader, asked of every row and cell the papers print.

No check here names a row. Each returns findings: an average that is not its row's mean, one
quantity printed with two values, one table printed twice with other numbers, an error that
alignment raises, and parameters that the network as built does not have. ``misplaced`` asks for
numbers under wrong heads and in wrong rows.
"""

from collections import defaultdict
from itertools import combinations

from posepaper.reporting import misplaced
from posepaper.reporting.layout import Layout
from posepaper.reporting.printed import Printed, finding, half_digit, step
from posepaper.reporting.tables import address

# (smaller, larger, what makes it so, whether it is so beyond doubt).
BOUNDS = (
    ("ap75", "ap50", "a stricter threshold finds no more people", True),
    ("ap", "ap50", "the mean over stricter thresholds cannot exceed the loosest", True),
    ("auc", "pck", "the mean over smaller thresholds cannot exceed the largest", True),
    ("p_mpjpe", "mpjpe", "alignment is chosen to lower the error", False),
)


def row_means(layout: Layout, printed: Printed) -> list[dict]:
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
            parts = {
                address(layout.paper, layout.table, row.id, c.id): row.claimed[c.id]
                for c in layout.columns
                if c.id in row.claimed and c is not column and (c.value or "").startswith(stem)
            }
            where = address(layout.paper, layout.table, row.id, column.id)
            average, half = row.claimed[column.id], half_digit(printed.decimals(where))
            if len(parts) < 2:
                continue
            mean = sum(parts.values()) / len(parts)
            if abs(mean - average) <= half + 3 * 2 * half / (12 * len(parts)) ** 0.5:
                continue
            told = f"the mean of the row's {len(parts)} numbers is {mean:.2f}"
            formula = f"({' + '.join(map(str, parts.values()))}) / {len(parts)}"
            found.append(
                finding(
                    printed,
                    "mean",
                    f"table-{layout.table}-{row.id}",
                    [where],
                    text=f"{row.label}: {column.label} {average}",
                    subject="a printed average is the mean of its row",
                    finding=told,
                    arithmetic=[step(parts, formula, mean, average)],
                    disputed=[where],
                    table=layout.table,
                    row=row.id,
                    column=column.id,
                )
            )
    return found


def printed_twice(printed: Printed) -> list[dict]:
    """One training's number printed with different values, within a paper or in both.

    Where one value is printed more often than all others together, only the others are disputed.
    Tables with one caption are left to ``same_tables``.
    """
    groups: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for name, (_, row, _) in printed.places.items():
        if row.experiment:
            groups[row.experiment, printed.metric(name)][name] = printed.cells[name]
    found = []
    for (experiment, metric), cells in sorted(groups.items()):
        for paper in sorted({name.split(":")[0] for name in cells}):
            own = {n: v for n, v in cells.items() if n.startswith(f"{paper}:")}
            others = {n: v for n, v in cells.items() if n not in own}
            captions = {printed.places[name][0].caption for name in own}
            unlike = {
                n: v
                for n, v in others.items()
                if printed.places[n][0].caption not in captions and not _among(printed, n, own)
            }
            asked, first = own | unlike, next(iter(own))
            pairs = [(first, n) for n in asked if not _alike(printed, first, n)]
            if pairs:
                found.append(_twice(printed, f"{experiment}-{metric}", asked, pairs))
    return found


def _alike(printed: Printed, one: str, two: str) -> bool:
    a, b = printed.decimals(one), printed.decimals(two)
    allowed = 1e-9 if a == b else half_digit(min(a, b))
    return abs(printed.cells[one] - printed.cells[two]) <= allowed


def _among(printed: Printed, name: str, others: dict[str, float]) -> bool:
    return any(_alike(printed, name, other) for other in others)


def _twice(printed: Printed, name: str, cells: dict[str, float], pairs: list) -> dict:
    values = list(cells.values())
    usual = next((v for v in values if 2 * values.count(v) > len(values)), None)
    told = "; ".join(f"{printed.shown(n)} at {n}" for n in cells)
    steps = []
    for one, two in pairs:
        numbers = {one: cells[one], two: cells[two]}
        formula = f"{printed.shown(two)} - {printed.shown(one)}"
        steps.append(step(numbers, formula, cells[two] - cells[one], 0))
    return finding(
        printed,
        "twice",
        name.replace("/", "-"),
        list(cells),
        subject="one quantity, printed more than once, has one value",
        finding=f"it is printed as {told}",
        arithmetic=steps,
        disputed=[n for n, v in cells.items() if v != usual],
    )


def same_tables(printed: Printed) -> list[dict]:
    """Tables with one caption in two papers whose rows, in order, hold other numbers."""
    found = []
    for (one, a), (two, b) in combinations(sorted(printed.tables.items()), 2):
        if a.paper == b.paper or a.caption != b.caption:
            continue
        cells = {}
        for x, y in zip(a.rows, b.rows, strict=False):
            for column in (c for c in y.claimed if c in x.claimed):
                cells[f"{two}:{y.id}:{column}"] = f"{one}:{x.id}:{column}"
        pairs = {m: n for m, n in cells.items() if printed.cells[m] != printed.cells[n]}
        steps = []
        for mine, theirs in pairs.items():
            x, y = printed.cells[mine], printed.cells[theirs]
            steps.append(step({mine: x, theirs: y}, f"{x} - {y}", x - y, 0))
        if steps:
            found.append(
                finding(
                    printed,
                    "papers",
                    two.replace(":", "-"),
                    [*pairs, *pairs.values()],
                    text=b.caption,
                    subject="a table printed in both papers is one table",
                    finding=f"{len(cells) - len(pairs)} of {len(cells)} numbers agree with {one}; "
                    + _courses(printed, pairs),
                    arithmetic=steps,
                    disputed=[*pairs, *pairs.values()],
                )
            )
    return found


def _courses(printed: Printed, pairs: dict[str, str]) -> str:
    """How the numbers of each column that differ run, in both papers."""
    columns = dict.fromkeys(name.rsplit(":", 1)[1] for name in pairs)
    told = []
    for column in columns:
        own = [name for name in pairs if name.endswith(f":{column}")]
        there, here = (
            ", ".join(map(printed.shown, names)) for names in ([pairs[n] for n in own], own)
        )
        told.append(f"{column} runs {there} there and {here} here")
    return "; ".join(told)


def bounds(printed: Printed) -> list[dict]:
    """Numbers of one system that exceed what they are a part, or a minimum, of."""
    systems: dict[tuple, dict[str, str]] = defaultdict(dict)
    for name, (layout, row, _) in printed.places.items():
        systems[layout.paper, layout.table, row.experiment or row.label, row.label].setdefault(
            printed.metric(name), name
        )
    found = []
    for cells in systems.values():
        for metric, small in cells.items():
            stem, slash, part = metric.partition("/")
            for lower, upper, why, certain in BOUNDS:
                large = cells.get(f"{upper}{slash}{part}")
                if stem != lower or large is None:
                    continue
                a, b = printed.cells[small], printed.cells[large]
                if a <= b:
                    continue
                found.append(
                    finding(
                        printed,
                        "bound",
                        small.split(":", 1)[1].replace(":", "-"),
                        [small, large],
                        status="contradicted" if certain else "suspicious",
                        subject=f"{metric} is at most {upper}{slash}{part}: {why}",
                        finding=f"{a} is more than {b}",
                        arithmetic=[step({small: a, large: b}, f"{a} - {b}", a - b, "at most 0")],
                        disputed=[small, large] if certain else [],
                    )
                )
    return found


def parameters(printed: Printed, counted: dict[str, dict[str, int]]) -> list[dict]:
    """Printed parameter counts that the network, built at full size, does not have.

    Args:
        counted: experiment -> reading of the papers' text -> parameters. One reading: a published
            network. More: a network that only the papers' words describe; a count that fits none
            is suspicious, for the words may mean something else.
    """
    found = []
    for name, (_, row, column) in printed.places.items():
        readings = counted.get(row.experiment or "", {})
        if column.unit != "M" or not readings:
            continue
        claimed, half = printed.cells[name], half_digit(printed.decimals(name))
        if any(abs(claimed - n / 1e6) <= half for n in readings.values()):
            continue
        like = sorted(
            {
                e
                for e, other in counted.items()
                for n in other.values()
                if len(other) == 1 and abs(claimed - n / 1e6) <= half
            }
        )
        told = " or ".join(f"{n:,} ({reading})" for reading, n in readings.items())
        told = f"as built it has {told}"
        told += f"; {printed.shown(name)}M is what {', '.join(like)} has" if like else ""
        steps = [
            step({name: claimed}, f"{n:,} parameters as built / 1,000,000", n / 1e6, claimed)
            for n in readings.values()
        ]
        published = len(readings) == 1
        found.append(
            finding(
                printed,
                "parameters",
                name.split(":", 1)[1].replace(":", "-"),
                [name],
                text=f"{row.label}: {printed.shown(name)}M",
                subject="a printed parameter count is the network's",
                status="contradicted" if published else "suspicious",
                finding=told,
                arithmetic=steps,
                disputed=[name] if published else [],
            )
        )
    return found


def findings(printed: Printed, counted: dict[str, dict[str, int]]) -> list[dict]:
    """What every general check finds in the papers' tables."""
    means = [m for layout in printed.tables.values() for m in row_means(layout, printed)]
    return [
        *means,
        *printed_twice(printed),
        *same_tables(printed),
        *misplaced.shifted(printed),
        *misplaced.copied(printed),
        *bounds(printed),
        *parameters(printed, counted),
    ]
