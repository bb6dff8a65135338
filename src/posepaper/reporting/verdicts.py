"""What may be said of a claimed number beside a reproduced one, and what may not."""

from itertools import combinations

from posepaper.reporting import statistics

EXACT = ("M",)


def agrees(identity, wanted) -> bool:
    """Whether a number's identity holds every key that ``wanted`` names, at any depth.

    A protocol is recorded with all its fields and asked for by its name.
    """
    if isinstance(wanted, dict):
        have = identity if isinstance(identity, dict) else {}
        return all(agrees(have.get(key), value) for key, value in wanted.items())
    if isinstance(identity, dict):
        identity = identity.get("name")
    return identity == wanted


def verdict(claimed: float, summary: dict, unit: str, better: str | None, rules: dict) -> str:
    """Judges one comparable number.

    ``reproduced`` only if the whole 95 % interval lies within ``rules["tolerance"][unit]`` of
    the claim, ``not-reproduced`` only if none of it does, else ``undecidable``: too wide to say,
    or no interval at all. Counts (unit M) are exact and need none. With ``rules["direction"]``
    ``no-worse`` a number better than claimed is as good as equal; ``two-sided`` asks equality.
    """
    tolerance = rules["tolerance"].get(unit)
    value = summary["value"]
    interval = [value, value] if unit in EXACT else summary["ci"]
    if tolerance is None or interval is None:
        return "undecidable"
    open_side = better if rules["direction"] == "no-worse" else None
    low = float("-inf") if open_side == "lower" else claimed - tolerance
    high = float("inf") if open_side == "higher" else claimed + tolerance
    if low <= interval[0] and interval[1] <= high:
        return "reproduced"
    if interval[1] < low or high < interval[0]:
        return "not-reproduced"
    return "undecidable"


def misprinted(row: dict, column: dict) -> bool:
    """Whether the claim at a row and column is of something else than the column's number."""
    means = row.get("claimed_means", {}).get(column["id"]) or column.get("claimed_means")
    return means not in (None, column["label"])


def best(rows: list[dict], columns: list[dict], key: str) -> list[str]:
    """``row:column`` of the best ``claimed`` or ``value`` of each column inside each block.

    Only where two or more numbers compete; ties all count. A misprinted cell does not compete.
    """
    found = []
    for column in (c for c in columns if c["better"]):
        blocks: dict[str | None, list[tuple[float, str]]] = {}
        for row in rows:
            number = row["cells"].get(column["id"], {}).get(key)
            if number is not None and not (key == "claimed" and misprinted(row, column)):
                blocks.setdefault(row.get("block"), []).append((number, row["id"]))
        pick = min if column["better"] == "lower" else max
        for numbers in blocks.values():
            top = pick(n for n, _ in numbers)
            if len(numbers) > 1:
                found += [f"{row}:{column['id']}" for n, row in numbers if n == top]
    return sorted(found)


def directions(rows: list[dict], metric_of, columns: list[dict], results: dict) -> dict:
    """Whether the order the paper claims between its rows holds among the numbers made here.

    Every pair of reproduced rows of a block whose claims differ is asked; an order holds or is
    reversed only where the paired interval excludes zero, else it stays open. ``metric_of(row,
    column)`` names the metric.

    Returns:
        {column id: {"holds", "reversed", "open"}}, columns with no such pair left out.
    """
    found: dict[str, dict[str, int]] = {}
    for one, two in combinations(rows, 2):
        first, second = results.get(one.get("experiment")), results.get(two.get("experiment"))
        same = one["experiment"] == two["experiment"] or one.get("block") != two.get("block")
        if same or not first or not second:
            continue
        for column in (c for c in columns if c["better"]):
            name = column["id"]
            a, b = (row["cells"].get(name, {}).get("claimed") for row in (one, two))
            astray = misprinted(one, column) or misprinted(two, column)
            if a is None or b is None or a == b or astray:
                continue
            gap = statistics.paired_difference(first, second, metric_of(one, name))
            if gap is None:
                continue
            tally = found.setdefault(name, {"holds": 0, "reversed": 0, "open": 0})
            low, high = gap["ci"] or [0.0, 0.0]
            if low <= 0 <= high:
                tally["open"] += 1
            else:
                tally["holds" if (gap["value"] > 0) == (b > a) else "reversed"] += 1
    return found
