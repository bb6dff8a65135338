"""Means, 95 % intervals and paired differences of reported numbers.

Seeds are the unit of replication: with two or more, the interval is Student's t over seeds.
One seed says nothing of the training's own scatter; then the interval is a bootstrap over the
test recordings, which says how far the number hangs on the recordings tested. Numbers are read
out of metrics dicts (``values``, and where present ``sequences``, ``intervals`` and ``draws``).
"""

import math

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95


def student_cdf(t: float, df: int) -> float:
    """P(T <= t) of Student's t with integer ``df`` (Abramowitz & Stegun 26.7.3-4)."""
    angle = math.atan2(t, math.sqrt(df))
    cosine, sine = math.cos(angle), math.sin(angle)
    first = 2 if df % 2 == 0 else 3
    term = total = 1.0 if df % 2 == 0 else cosine
    for k in range(first, df, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if df % 2 == 0:
        inside = sine * total
    else:
        inside = 2 / math.pi * (angle + (sine * total if df > 1 else 0.0))
    return 0.5 + inside / 2


def student_quantile(df: int, level: float = LEVEL) -> float:
    """Two-sided quantile: the t with ``level`` of the mass in [-t, t]; by bisection."""
    low, high, mass = 0.0, 1e4, (1 + level) / 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, df) < mass else (low, middle)
    return (low + high) / 2


def seed_interval(values: list[float]) -> list[float] | None:
    """t-interval of the mean over seeds, in the values' unit; None for fewer than two."""
    if len(values) < 2:
        return None
    centre = float(np.mean(values))
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = student_quantile(len(values) - 1) * spread
    return [centre - half, centre + half]


def recordings(metrics: dict, name: str) -> dict[str, np.ndarray] | None:
    """Sums and frame counts per recording, grouped as the protocol groups them.

    A sequence key is ``subject/action/camera``. The cameras of one recording saw the same
    motion, so they are one unit. ``name`` is ``metric/average`` or ``metric/{Action}`` (frames
    pooled inside the action: first word of the action's name) or ``metric`` (all pooled).

    Returns:
        {group: (R, 2) array of [sum over frames, frames]}, recordings in sorted order; None
        when the file holds no values per sequence for this metric.
    """
    metric, _, group = name.partition("/")
    sequences = metrics.get("sequences") or {}
    frames = sequences.get("frames")
    if not frames or metric not in sequences:
        return None
    groups: dict[str, dict[str, list[float]]] = {}
    for key, value in sorted(sequences[metric].items()):
        subject, action, _camera = key.split("/")
        word = action.split(" ")[0]
        if group not in ("", "average", word):
            continue
        unit = groups.setdefault(word if group else "", {}).setdefault(
            f"{subject}/{action}", [0.0, 0.0]
        )
        unit[0] += value * frames[key]
        unit[1] += frames[key]
    return {g: np.array([units[u] for u in sorted(units)]) for g, units in sorted(groups.items())}


def _resampled(groups: dict[str, np.ndarray]) -> np.ndarray | None:
    """(RESAMPLES,) means of group means, recordings drawn with replacement inside each group.

    Inside groups, since the protocol averages over a fixed list of actions. None where a group
    has a single recording, whose scatter cannot be seen. The same draws for the same shapes, so
    two experiments on the same recordings are resampled alike.
    """
    if not groups or min(len(units) for units in groups.values()) < 2:
        return None
    generator = np.random.default_rng(0)
    means = []
    for units in groups.values():
        size = len(units)
        counts = generator.multinomial(size, np.full(size, 1 / size), size=RESAMPLES)
        sums = counts @ units
        means.append(sums[:, 0] / sums[:, 1])
    return np.mean(means, axis=0)


def _percentiles(draws: np.ndarray) -> list[float]:
    tail = 100 * (1 - LEVEL) / 2
    return [float(v) for v in np.percentile(draws, [tail, 100 - tail])]


def bootstrap_interval(metrics: dict, name: str) -> list[float] | None:
    """Percentile interval of one seed's number over its test recordings, or None."""
    groups = recordings(metrics, name)
    draws = _resampled(groups) if groups else None
    return None if draws is None else _percentiles(draws)


def summarise(seeds: list[dict], name: str) -> dict | None:
    """Mean over seeds and its 95 % interval, in the unit of the metrics file.

    Returns:
        {"value", "ci": [low, high] | None, "n_seeds"}, or None where no seed has the number.
    """
    having = [m for m in seeds if m["values"].get(name) is not None]
    values = [float(m["values"][name]) for m in having]
    if not values:
        return None
    ci = seed_interval(values)
    if len(values) == 1:
        ci = bootstrap_interval(having[0], name) or (having[0].get("intervals") or {}).get(name)
    return {"value": float(np.mean(values)), "ci": ci, "n_seeds": len(values)}


def paired_difference(first: list[dict], second: list[dict], name: str) -> dict | None:
    """``second - first`` of one number, paired by seed, or by what was tested with one seed.

    Returns:
        {"value", "ci": [low, high] | None, "p": two-sided | None, "pairs", "unit":
        "seed"|"recording"|"image"}; None where the two share no seed that has the number. ``p`` is
        Student's: over seeds, else with the bootstrap's standard error and as many degrees of
        freedom as units less groups, for a few recordings say little of their scatter. An
        interval that excludes zero is what lets one say "better".
    """
    one = {m["seed"]: m for m in first if m["values"].get(name) is not None}
    two = {m["seed"]: m for m in second if m["values"].get(name) is not None}
    shared = sorted(one.keys() & two.keys())
    if not shared:
        return None
    gaps = [float(two[s]["values"][name]) - float(one[s]["values"][name]) for s in shared]
    found = {"value": float(np.mean(gaps)), "pairs": len(shared), "unit": "seed"}
    if len(shared) >= 2:
        return found | {"ci": seed_interval(gaps), "p": student_p(gaps)}
    draws, pairs, groups, unit = _paired_draws(one[shared[0]], two[shared[0]], name)
    found |= {"pairs": pairs, "unit": unit}
    if draws is None:
        return found | {"ci": None, "p": None}
    # A bootstrap scatters as its sample does, by n and not n - 1.
    error = float(np.std(draws, ddof=1)) * math.sqrt(pairs / (pairs - groups))
    return found | {"ci": _percentiles(draws), "p": _p(found["value"], error, pairs - groups)}


def student_p(gaps: list[float]) -> float:
    """Two-sided p of two or more differences having mean zero, by the paired t test."""
    error = float(np.std(gaps, ddof=1)) / math.sqrt(len(gaps))
    return _p(float(np.mean(gaps)), error, len(gaps) - 1)


def _p(value: float, error: float, df: int) -> float:
    """Two-sided p of a value with a standard error being zero."""
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return max(0.0, 2 * (1 - student_cdf(abs(value) / error, df)))


def holm(values: list[float]) -> list[float]:
    """Holm's adjusted p of a family of tests (Holm 1979): valid whatever their dependence."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def _paired_draws(first: dict, second: dict, name: str) -> tuple[np.ndarray | None, int, int, str]:
    """Bootstrap draws of a difference, from how many pairs in how many groups, and of what."""
    drawn = [(m.get("draws") or {}).get(name) for m in (first, second)]
    if drawn[0] and drawn[1] and first.get("images") == second.get("images"):
        a, b = (np.array(d, dtype=float) for d in drawn)
        known = ~np.isnan(a) & ~np.isnan(b)
        count = first["images"]["count"]
        return (b - a)[known] if known.sum() > 1 and count > 1 else None, count, 1, "image"
    a, b = recordings(first, name), recordings(second, name)
    if not a or not b or first["sequences"]["frames"] != second["sequences"]["frames"]:
        return None, 0, 0, "recording"
    draws_a, draws_b = _resampled(a), _resampled(b)
    pairs = sum(len(units) for units in a.values())
    return None if draws_a is None else draws_b - draws_a, pairs, len(a), "recording"
