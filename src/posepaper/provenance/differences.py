"""The numbers that differ between two states of a study's results, and what made them differ."""

from collections.abc import Callable

from posepaper.provenance.changes import CATEGORIES, between

Reader = Callable[[str], dict | None]


def numbers(old: dict[str, dict], new: dict[str, dict]) -> list[dict]:
    """Cells of two sets of tables that differ in value or status.

    Args:
        old, new: tables by their file's path.

    Returns:
        [{"address", "unit", "old", "new", "difference", "half_width", "beyond", "old_status",
        "new_status", "old_sources", "new_sources"}]; ``half_width`` is that of the wider of the
        two 95 % intervals and ``beyond`` whether the difference exceeds it.
    """
    found = []
    for path in sorted(old.keys() | new.keys()):
        before, after = _cells(old.get(path)), _cells(new.get(path))
        for address in [*before, *(a for a in after if a not in before)]:
            pair = before.get(address, {}), after.get(address, {})
            if any(pair[0].get(key) != pair[1].get(key) for key in ("value", "status")):
                found.append(_difference(address, *pair))
    return found


def _cells(table: dict | None) -> dict[str, dict]:
    if table is None:
        return {}
    units = {column["id"]: column["unit"] for column in table["columns"]}
    name = f"{table['paper']}:table-{table['table']}"
    return {
        f"{name}:{row['id']}:{column}": {**cell, "unit": units[column]}
        for row in table["rows"]
        for column, cell in row["cells"].items()
        if row["origin"] == "reproduced" and "text" not in cell
    }


def _difference(address: str, old: dict, new: dict) -> dict:
    values = old.get("value"), new.get("value")
    difference = None if None in values else values[1] - values[0]
    widths = [(high - low) / 2 for low, high in filter(None, (old.get("ci"), new.get("ci")))]
    half = max(widths, default=None)
    beyond = None if difference is None or half is None else abs(difference) > half
    return {
        "address": address,
        "unit": new.get("unit") or old.get("unit"),
        "old": values[0],
        "new": values[1],
        "difference": difference,
        "half_width": half,
        "beyond": beyond,
        "old_status": old.get("status"),
        "new_status": new.get("status"),
        "old_sources": [s["path"] for s in old.get("sources", [])],
        "new_sources": [s["path"] for s in new.get("sources", [])],
    }


def causes(number: dict, table: str, old: Reader, new: Reader) -> dict[str, list[str]]:
    """What made a number differ: words by category, from the records up its chain.

    Categories: ``code``, ``config``, ``data``, ``environment``, ``seed``; ``unknown`` where a
    record is gone. A record is compared with its namesake; what both share explains nothing.

    Args:
        table: the table file that shows the number.
        old, new: a record by its artefact's path, None where there is none.
    """
    found: dict[str, dict[str, None]] = {}
    sources = set(number["old_sources"]), set(number["new_sources"])
    for path in sorted(sources[0] ^ sources[1]):
        verb = "is one of its seeds now" if path in sources[1] else "is no seed of it any more"
        found.setdefault("seed", {})[f"{path} {verb}"] = None
    queue, seen = [table, *sorted(sources[0] & sources[1])], set()
    while queue:
        path = queue.pop(0)
        if path in seen:
            continue
        seen.add(path)
        before, after = old(path), new(path)
        if before is None or after is None:
            found.setdefault("unknown", {})[f"{path} has no record on both sides"] = None
            continue
        for category, words in _own(before, after):
            found.setdefault(category, {})[words] = None
        if path != table:
            shared = before["inputs"].keys() & after["inputs"].keys()
            queue += [p for p in sorted(shared) if before["inputs"][p] != after["inputs"][p]]
    return {category: list(words) for category, words in found.items()}


def _own(before: dict, after: dict) -> list[tuple[str, str]]:
    """What differs between two records of one artefact, not what it was made from."""
    stamp = {
        "parts": after["covers"],
        "job": {"settings": after["settings"], "rule": after["rule"]},
    }
    changes = between(before["covers"], before["settings"], stamp)
    found = [(CATEGORIES[c.kind], str(c)) for c in changes if c.kind in CATEGORIES]
    machines = before["machine"], after["machine"]
    for name in ("cpu", "gpus", "python", "lock"):
        if machines[0][name] != machines[1][name]:
            words = f"{name} is {machines[1][name]}, was {machines[0][name]}"
            found.append(("environment", words))
    return found
