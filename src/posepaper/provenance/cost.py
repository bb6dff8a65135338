"""What jobs will cost: rates out of measurements, estimates that name their basis, wall time.

Knows numbers only. A *need* says how much a job has to do: {"target", "rule", "like" (the rule it
is measured as), "kind" (network or reader), "device" ("cpu" or "gpu"), "threads", "trained"
(whether a network runs), "steps" (optimiser steps, or outputs of a network), "work" (GMAC, or
items where no network runs; None where nobody knows), "size" (work of one output; all items where
no network runs), "volume" (what its files grow with), "held" (bytes it must hold in memory)}.
A *measurement* is a need with "seconds", "loop" (seconds its network ran, None where it has none),
"memory" and "bytes".
"""

import heapq
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

HERE, REHEARSED, ALIKE = "measured here", "rehearsed", "measured alike"
REFERENCE, ARITHMETIC, ASSUMED = "reference", "arithmetic", "assumed"

# GMAC a second of a GPU nobody has measured: about a third of a 2080 Ti's 6,700 in float32.
ASSUMED_GPU = 2000.0
# How far apart one job's times lie when it runs again on a busy machine.
AGAIN = 1.25
# How far a few steps of a training or batches of a prediction may lie from all of them.
FEW = 1.5
# On top of the scatter of like jobs: another study or machine (the open study lies up to 2.4 from
# mini's rates); another size of network; a mere assumption.
ELSEWHERE, FAR, GUESSED = 2.0, 3.0, 4.0
# Sizes within this factor of the measured ones are called alike.
NEAR = 10.0
# A rule nobody has measured.
UNKNOWN = {"seconds": 10.0, "memory": 1e9, "bytes": 1e6, "factor": 10.0}


def rates(measurements: Iterable[dict]) -> dict:
    """Rates by device, rule and kind: {"cpu": {"train_lifting": {"gsam": rate}}}.

    A job takes ``fixed + (per_step * steps + per_work * work) / threads`` seconds. ``factor`` is
    by how much the worst of the measured jobs misses that.
    """
    groups: dict[tuple, list[dict]] = {}
    for made in measurements:
        groups.setdefault((made["device"], made["rule"], made["kind"]), []).append(made)
    found: dict = {}
    for (device, rule, kind), jobs in sorted(groups.items()):
        found.setdefault(device, {}).setdefault(rule, {})[kind] = _rate(jobs)
    return found


def _rate(jobs: list[dict]) -> dict:
    trained = jobs[0]["trained"]
    known = [j for j in jobs if j["work"] and (j["loop"] or not trained)]
    if trained and known:
        fixed = statistics.median(j["seconds"] - j["loop"] for j in known)
        rows = [(j["steps"], j["work"], j["loop"] * j["threads"]) for j in known]
        per_step, per_work = _line(rows) if _spread(known) else (0.0, _proportion(rows))
    elif known and _spread(known):
        rows = [(1.0, j["work"], j["seconds"]) for j in known]
        (fixed, per_work), per_step = _line(rows), 0.0
    else:
        # One amount of work tells nothing of what is fixed: halfway is at most twice off.
        seconds = statistics.fmean(j["seconds"] for j in jobs)
        work = statistics.fmean(j["work"] for j in known) if known else 0.0
        fixed = seconds / 2 if work else seconds
        per_work, per_step = (seconds / 2 / work if work else 0.0), 0.0
    rate = {"n": len(jobs), "fixed": fixed, "per_step": per_step, "per_work": per_work}
    misses = [_ratio(seconds_of(rate, j), j["seconds"]) for j in jobs]
    return {
        **rate,
        "factor": max(AGAIN, *misses),
        "seconds": statistics.fmean(j["seconds"] for j in jobs),
        "sizes": [min(j["size"] for j in jobs), max(j["size"] for j in jobs)],
        "memory": statistics.fmean(max(0.0, j["memory"] - j["held"]) for j in jobs),
        "bytes": statistics.fmean(j["bytes"] / j["volume"] for j in jobs),
    }


def _spread(jobs: list[dict]) -> bool:
    """Whether the jobs differ enough for two unknowns."""
    shares = [j["work"] / (j["steps"] if j["trained"] else 1) for j in jobs]
    return max(shares) >= 2 * min(shares)


def _line(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """a, b >= 0 with the least squared relative error of a x + b y = t over rows (x, y, t)."""
    xx, xy, yy, x, y = (
        math.fsum(values)
        for values in zip(
            *((u * u, u * v, v * v, u, v) for u, v in ((r[0] / r[2], r[1] / r[2]) for r in rows)),
            strict=True,
        )
    )
    whole = xx * yy - xy * xy
    a, b = (x * yy - y * xy) / whole, (y * xx - x * xy) / whole
    if a < 0:
        return 0.0, y / yy
    return (x / xx, 0.0) if b < 0 else (a, b)


def _proportion(rows: Sequence[tuple[float, float, float]]) -> float:
    return math.fsum(r[2] for r in rows) / math.fsum(r[1] for r in rows)


def _ratio(one: float, other: float) -> float:
    """By how much two positive numbers differ, at least 1."""
    return max(one / other, other / one)


def seconds_of(rate: Mapping, need: Mapping) -> float:
    """Seconds by a rate; the amount of work must be known or not matter."""
    work = rate["per_step"] * need["steps"] + rate["per_work"] * (need["work"] or 0.0)
    return max(rate["fixed"] + work / need["threads"], 1e-3)


def estimate(
    need: Mapping,
    earlier: Mapping | None,
    alike: dict,
    reference: dict,
    rehearsed: Mapping | None = None,
) -> dict:
    """What one job will cost.

    Args:
        earlier: this target's own measurement, if there is one.
        rehearsed: the measurement of the same job in the study's rehearsal, if there is one.
        alike: :func:`rates` of what was measured in this results folder.
        reference: those that are committed.

    Returns:
        {"target", "rule", "device", "threads", "basis", "seconds", "memory", "bytes"}; the last
        three as [low, likely, high].
    """
    basis, seconds, factor, rate = _seconds(need, earlier, alike, reference, rehearsed)
    memory, size = _space(need, basis, earlier, rate)
    return {
        **{name: need[name] for name in ("target", "rule", "device", "threads")},
        "basis": basis,
        "seconds": [seconds / factor, seconds, seconds * factor],
        "memory": memory,
        "bytes": size,
    }


def _seconds(need, earlier, alike, reference, rehearsed) -> tuple[str, float, float, Mapping]:
    """Basis, seconds, by how much they may be off, and the rate behind them."""
    own, committed = _find(alike, need), _find(reference, need)
    rate = own or committed or _pooled(alike, need) or _pooled(reference, need)
    if earlier and all(earlier[name] == need[name] for name in ("device", "kind")):
        return HERE, _scaled(earlier, need, rate), AGAIN, rate or {}
    if rehearsed and tells(rehearsed, need):
        rate = _rate([rehearsed])
        return REHEARSED, seconds_of(rate, need), FEW, rate
    for basis, known, wider in ((ALIKE, own, 1.0), (REFERENCE, committed, ELSEWHERE)):
        if known and _told(known, need) and _near(known, need):
            return basis, seconds_of(known, need), known["factor"] * wider, known
    if rate and _told(rate, need):
        return ARITHMETIC, seconds_of(rate, need), rate["factor"] * FAR, rate
    if rate:
        return ASSUMED, rate["seconds"], rate["factor"] * GUESSED, rate
    rate = _pooled(reference, {**need, "device": "cpu"})
    if rate and need["device"] == "gpu" and need["work"] is not None:
        rate = {**rate, "per_step": 0.0, "per_work": need["threads"] / ASSUMED_GPU}
        return ASSUMED, seconds_of(rate, need), GUESSED, rate
    return ASSUMED, UNKNOWN["seconds"], UNKNOWN["factor"], {}


def tells(rehearsed: Mapping, need: Mapping) -> bool:
    """Whether a rehearsal's measurement tells what a job will take.

    Of a network it does, on the same kind of device, where its speed was measured. What runs no
    network goes through other amounts of data, and only a like amount tells.
    """
    if any(rehearsed[name] != need[name] for name in ("device", "kind", "trained")):
        return False
    if need["trained"]:
        return bool(rehearsed["loop"] and need["work"]) or need["work"] == 0.0
    return _near({"sizes": [rehearsed["size"]] * 2}, need)


def _told(rate: Mapping, need: Mapping) -> bool:
    """Whether the amount of work is known, where it matters."""
    return need["work"] is not None or not rate["per_work"]


def _scaled(earlier: Mapping, need: Mapping, rate: Mapping | None) -> float:
    """An earlier time of the same job, what is not fixed scaled by its work now."""
    if not (earlier["work"] and need["work"]) or not rate:
        return earlier["seconds"]
    loop = earlier["loop"] or max(0.0, earlier["seconds"] - rate["fixed"])
    ratio = need["work"] / earlier["work"] * earlier["threads"] / need["threads"]
    return earlier["seconds"] + loop * (ratio - 1)


def _find(known: dict, need: Mapping) -> dict | None:
    rules = known.get(need["device"], {})
    return rules.get(need["like"], {}).get(need["kind"])


def _pooled(known: dict, need: Mapping) -> dict | None:
    """The median rate of a rule over all its kinds."""
    kinds = list(known.get(need["device"], {}).get(need["like"], {}).values())
    if not kinds:
        return None
    names = ("fixed", "per_step", "per_work", "factor", "seconds", "memory", "bytes")
    middle = {name: statistics.median(k[name] for k in kinds) for name in names}
    sizes = [min(k["sizes"][0] for k in kinds), max(k["sizes"][1] for k in kinds)]
    return {**middle, "sizes": sizes}


def _near(rate: Mapping, need: Mapping) -> bool:
    low, high = rate["sizes"]
    return low / NEAR <= need["size"] <= high * NEAR


def _space(need: Mapping, basis: str, earlier: Mapping | None, rate: Mapping) -> tuple[list, list]:
    """Peak memory and bytes written; what a network computes on the way may grow with its size."""
    if basis == HERE:
        written = earlier["bytes"] / earlier["volume"] * need["volume"]
        memory = earlier["memory"]
        return [memory / AGAIN, memory, memory * AGAIN], [written / 1.1, written, written * 1.1]
    memory = rate.get("memory", UNKNOWN["memory"]) + need["held"]
    larger = max(1.0, need["size"] / rate["sizes"][1]) if rate else UNKNOWN["factor"]
    written = rate["bytes"] * need["volume"] if rate else UNKNOWN["bytes"]
    far = basis in (ARITHMETIC, ASSUMED) and not need["trained"]
    off = 10.0 if far else 2.0  # other pictures, for one, have other sizes
    return [memory / AGAIN, memory, memory * AGAIN * larger], [
        written / off,
        written,
        written * off,
    ]


def wall(jobs: Sequence[Mapping], slots: int) -> float:
    """Seconds until all is done when a job starts as soon as its parents are done and slots free.

    Args:
        jobs: {"target", "seconds", "slots", "after" (targets among them)}; of those that
            could start, the first of the list does.
        slots: how many there are; a job that wants more gets all of them.
    """
    waiting = {job["target"]: sum(1 for _ in job["after"]) for job in jobs}
    children: dict[str, list[int]] = {}
    for index, job in enumerate(jobs):
        for parent in job["after"]:
            children.setdefault(parent, []).append(index)
    ready = [index for index, job in enumerate(jobs) if not waiting[job["target"]]]
    running: list[tuple[float, int]] = []
    clock, free = 0.0, slots
    while ready or running:
        for index in sorted(ready):
            taken = min(jobs[index]["slots"], slots)
            if taken <= free:
                ready.remove(index)
                free -= taken
                heapq.heappush(running, (clock + jobs[index]["seconds"], index))
        clock, done = heapq.heappop(running)
        free += min(jobs[done]["slots"], slots)
        for child in children.get(jobs[done]["target"], []):
            waiting[jobs[child]["target"]] -= 1
            if not waiting[jobs[child]["target"]]:
                ready.append(child)
    return clock


def total(costs: Sequence[Mapping]) -> dict:
    """Jobs, core-hours, GPU-hours and bytes of many estimates, and how many rest on which basis.

    Intervals are added end to end: what one rate misses, it misses in every job.
    """
    hours = {"cpu": [0.0] * 3, "gpu": [0.0] * 3}
    for cost in costs:
        share = cost["threads"] if cost["device"] == "cpu" else 1
        hours[cost["device"]] = [
            h + share * (s + cost["start"]) / 3600
            for h, s in zip(hours[cost["device"]], cost["seconds"], strict=True)
        ]
    basis: dict[str, int] = {}
    for cost in costs:
        basis[cost["basis"]] = basis.get(cost["basis"], 0) + 1
    return {
        "jobs": len(costs),
        "cpu_hours": hours["cpu"],
        "gpu_hours": hours["gpu"],
        "bytes": [math.fsum(c["bytes"][i] for c in costs) for i in range(3)],
        "peak_memory": max((c["memory"][1] for c in costs), default=0.0),
        "basis": dict(sorted(basis.items())),
    }
