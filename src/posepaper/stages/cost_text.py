"""Predicted costs as a terminal shows them."""

from posepaper.provenance import cost
from posepaper.stages import work


def lines(found: dict) -> list[str]:
    """The lines of what :func:`posepaper.stages.cost.predict` found."""
    machine = found["machine"]
    slots = f"{machine['slots']} {machine['slot']}{'s' * (machine['slots'] > 1)} at a time"
    gpu = ", networks on a GPU" if machine["gpu_rules"] else ", no GPU"
    shown = [f"study {found['study']}, profile {found['profile']}: {slots}{gpu}", ""]
    heads = ("", "jobs", "CPU cores", "GPUs", "wall", "disk", "memory")
    rows = [heads, *(_row(made) for made in found["sets"])]
    if len(found["sets"]) == 1:
        rows[1:1] = [_row({"name": f"  {name}", **made}) for name, made in _by_rule(found["jobs"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for name, *rest in rows:
        cells = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)]
        shown.append(f"{name:<{widths[0]}}  {'  '.join(cells)}".rstrip())
    basis = found["sets"][-1]["basis"]
    told = ", ".join(f"{n} {name}" for name, n in basis.items()) or "nothing to run"
    shown += ["", f"basis: {told}", *_assumed(found)]
    if found["overhead"]:
        shown.append(_overhead(found["overhead"]))
    for why, n in found["not_counted"].items():
        shown.append(f"needs {why}: {n} trainings not counted (--as-if-there counts them)")
    return shown


def in_words(made: dict) -> str:
    """One line on a set of jobs."""
    hours = ", ".join(
        f"{_interval(made[f'{device}_hours'], _hours)} of {device.upper()}"
        for device in ("cpu", "gpu")
        if made[f"{device}_hours"][2]
    )
    basis = ", ".join(f"{n} {name}" for name, n in made["basis"].items())
    wall = _interval(made["wall_seconds"], _duration)
    return f"about {wall} of wall time, {hours} ({basis}; posepaper cost says more)"


def _assumed(found: dict) -> list[str]:
    """What the figures take for granted."""
    shown = ["likely (from - to); a job starts as soon as its inputs and a slot are free"]
    if found["machine"]["slot"] == "job":
        shown.append("every job of the profile gets its node and GPU at once; queues do not count")
    if any(j["basis"] == cost.ASSUMED and j["device"] == "gpu" for j in found["jobs"]):
        rate = f"{cost.ASSUMED_GPU:,.0f} GMAC a second"
        shown.append(f"no GPU was measured yet: {rate} and GPU are an assumption, within 4 times")
    used = {j["basis"] for j in found["jobs"]}
    if cost.REHEARSED in used:
        shown.append(f"{cost.REHEARSED}: a few steps of the same job, see posepaper rehearsal")
    if used & {cost.REFERENCE, cost.ARITHMETIC}:
        made = work.reference()
        what = f"{made['made_from']['study']} study on {made['machine']['cpu']}"
        shown.append(f"{cost.REFERENCE}: {work.RATES}, measured by the {what}")
    if cost.ARITHMETIC in used:
        shown.append(f"{cost.ARITHMETIC}: the nearest rate, far from the size or kind measured")
    return shown


def _overhead(made: dict) -> str:
    """The workflow's own time beside its jobs', by :func:`posepaper.stages.runs.overhead`."""
    middle, worst = made["beside"]
    queue = f", {made['queue'][0]:.0f} s in the queue" if made["queue"] else ""
    jobs = f"{made['jobs']} jobs ran here on the cluster"
    return f"{jobs}: {middle:.0f} s each (worst {worst:.0f} s) beside their work{queue}"


def _by_rule(jobs: list[dict]) -> list[tuple[str, dict]]:
    rules: dict[str, list[dict]] = {}
    for made in jobs:
        rules.setdefault(made["rule"], []).append(made)
    return [(rule, cost.total(made)) for rule, made in rules.items()]


def _row(made: dict) -> tuple[str, ...]:
    wall = made.get("wall_seconds")
    return (
        made["name"],
        str(made["jobs"]),
        *(_interval(made[f"{device}_hours"], _hours) for device in ("cpu", "gpu")),
        _interval(wall, _duration) if wall else "",
        _interval(made["bytes"], _bytes),
        _bytes(made["peak_memory"]),
    )


def _interval(values: list[float], shown) -> str:
    low, likely, high = values
    return f"{shown(likely)} ({shown(low)} - {shown(high)})" if high else "-"


def _hours(hours: float) -> str:
    return _duration(hours * 3600)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < 360_000 else f"{seconds / 3600:,.0f} h"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
