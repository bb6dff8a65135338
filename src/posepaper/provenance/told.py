"""What the commands say in a terminal, as lines."""

from collections import Counter
from collections.abc import Iterator

MOST = 12


def impact(found: dict) -> Iterator[str]:
    """Lines for an impact: first causes, jobs by rule, numbers by table."""
    if not found["jobs"]:
        yield f"Nothing would run: {found['study']} agrees with {found['against']}"
        return
    yield f"What changed, against {found['against']}:"
    for cause in _shortened(found["changes"]):
        jobs = cause["jobs"]
        yield f"  {cause['words']}  ({len(jobs)} {_plural('job', jobs)})"
    yield ""
    yield f"{len(found['jobs'])} {_plural('job', found['jobs'])} would run:"
    for rule, count in Counter(job["rule"] for job in found["jobs"].values()).items():
        yield f"  {count:5d}  {rule}"
    fed = {table: numbers for table, numbers in found["numbers"].items() if numbers}
    yield ""
    yield f"{sum(map(len, fed.values()))} numbers of {len(fed)} tables are fed by them:"
    for table, numbers in fed.items():
        rows = list(dict.fromkeys(n.split(":")[2] for n in numbers))
        more = f" and {len(rows) - MOST} more" if len(rows) > MOST else ""
        yield f"  {table}: {len(numbers)} numbers, rows {', '.join(rows[:MOST])}{more}"


def explanation(found: dict) -> Iterator[str]:
    """Lines for an explanation."""
    if found["stale"]:
        yield f"{found['what']} is stale:"
        for target, why in found["causes"].items():
            yield f"  {target}"
            for words in why[:MOST]:
                yield f"    {words}"
            if len(why) > MOST:
                yield f"    and {len(why) - MOST} more changes; all of them: --json"
    else:
        made = found["made"]
        packages = ", ".join(f"{n} {v}" for n, v in made["packages"].items())
        yield f"{found['what']} is up to date: made {made['at']} at commit {made['commit']}"
        yield f"  with the same {made['definitions']} definitions, {packages or 'no package'},"
        yield f"  the same settings, {made['parents']} parents and {made['raw']} raw files"
        yield f"  fingerprint {made['fingerprint']}"
    for waiver in found["waivers"]:
        yield f"  accepted by {waiver['by']} at {waiver['at']}: {waiver['because']}"
        yield f"    {waiver['target']}: {'; '.join(waiver['changes'][:MOST])}"


def _plural(word: str, things) -> str:
    return word if len(things) == 1 else word + "s"


def _shortened(changes: list[dict]) -> list[dict]:
    """Many files that are merely absent are one line."""
    absent = [c for c in changes if c["kind"] == "absent"]
    others = [c for c in changes if c["kind"] != "absent"]
    if len(absent) > MOST:
        jobs = sorted({job for c in absent for job in c["jobs"]})
        absent = [{"words": f"{len(absent)} artefacts are not there", "jobs": jobs}]
    return others + absent
