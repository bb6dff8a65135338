"""Intervals against closed forms, published quantiles and a plain-loop bootstrap."""

import math
import random

import numpy as np
import pytest

from posepaper.reporting import statistics


def metrics(sequences, frames, seed=0, values=None):
    return {"seed": seed, "values": values or {}, "sequences": {**sequences, "frames": frames}}


def study(seed=0, shift=0.0):
    """Two subjects, two actions, two takes, two cameras; lengths differ."""
    scatter = random.Random(seed)
    values, frames = {}, {}
    for subject in ("S9", "S11"):
        for action in ("Walking", "Walking 1", "Sitting", "SittingDown", "SittingDown 2"):
            for camera in ("a", "b"):
                key = f"{subject}/{action}/{camera}"
                values[key] = scatter.uniform(20, 60) + shift
                frames[key] = scatter.randrange(50, 400)
    return values, frames


@pytest.mark.parametrize(
    ("df", "printed"), [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042)]
)
def test_student_quantile_agrees_with_printed_tables(df, printed):
    assert statistics.student_quantile(df) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("df", [1, 2, 3, 6, 11])
def test_student_cdf_agrees_with_integrating_the_density(df):
    x = np.linspace(0, 1.7, 200_001)
    norm = math.gamma((df + 1) / 2) / (math.sqrt(df * math.pi) * math.gamma(df / 2))
    expected = 0.5 + np.trapezoid(norm * (1 + x**2 / df) ** (-(df + 1) / 2), x)
    assert statistics.student_cdf(1.7, df) == pytest.approx(expected, abs=1e-9)
    assert statistics.student_cdf(-1.7, df) == pytest.approx(1 - expected, abs=1e-9)


def test_seeds_are_the_unit_of_replication():
    seeds = [{"seed": k, "values": {"mpjpe/average": v}} for k, v in enumerate([44.0, 45.0, 46.0])]
    got = statistics.summarise(seeds, "mpjpe/average")
    half = 4.302653 * 1.0 / math.sqrt(3)
    assert got["value"] == 45.0 and got["n_seeds"] == 3
    assert got["ci"] == pytest.approx([45 - half, 45 + half], abs=1e-5)


def test_groups_follow_the_protocol():
    values, frames = study()
    one = metrics({"mpjpe": values}, frames)
    groups = statistics.recordings(one, "mpjpe/average")
    assert sorted(groups) == ["Sitting", "SittingDown", "Walking"]
    assert groups["Walking"].shape == (4, 2), "cameras of a recording are one unit"
    sums = groups["Walking"].sum(axis=0)
    keys = [k for k in values if k.split("/")[1].split()[0] == "Walking"]
    pooled = sum(values[k] * frames[k] for k in keys) / sum(frames[k] for k in keys)
    assert sums[0] / sums[1] == pytest.approx(pooled)
    assert list(statistics.recordings(one, "mpjpe/Sitting")) == ["Sitting"]
    assert len(statistics.recordings(one, "mpjpe")[""]) == 10
    assert statistics.recordings(one, "n_mpjpe/average") is None


def test_bootstrap_agrees_with_a_plain_loop():
    values, frames = study()
    one = metrics({"mpjpe": values}, frames, values={"mpjpe/average": 40.0})
    low, high = statistics.summarise([one], "mpjpe/average")["ci"]
    chance, draws = random.Random(1), []
    units = {}
    for key in values:
        subject, action, _ = key.split("/")
        units.setdefault(action.split()[0], {}).setdefault((subject, action), []).append(key)
    for _ in range(4000):
        means = []
        for takes in units.values():
            keys = [k for _ in takes for k in chance.choice(list(takes.values()))]
            means.append(sum(values[k] * frames[k] for k in keys) / sum(frames[k] for k in keys))
        draws.append(sum(means) / len(means))
    expected = np.percentile(draws, [2.5, 97.5])
    assert [low, high] == pytest.approx(list(expected), abs=0.12 * (expected[1] - expected[0]))
    assert statistics.summarise([one], "mpjpe/average")["ci"] == [low, high], "seeded"


def test_one_recording_has_no_interval_and_file_intervals_serve_where_given():
    one = metrics({"mpjpe": {"S1/Walking/a": 4.0}}, {"S1/Walking/a": 9}, values={"mpjpe": 4.0})
    assert statistics.summarise([one], "mpjpe") == {"value": 4.0, "ci": None, "n_seeds": 1}
    ap = {"seed": 0, "values": {"ap": 70.0}, "intervals": {"ap": [69.0, 71.0]}}
    assert statistics.summarise([ap], "ap")["ci"] == [69.0, 71.0]
    assert statistics.summarise([ap], "ar") is None


def test_paired_differences():
    first = [{"seed": k, "values": {"ap": v}} for k, v in enumerate([70.0, 72.0, 74.0])]
    second = [{"seed": k, "values": {"ap": v}} for k, v in enumerate([71.0, 73.1, 74.9])]
    got = statistics.paired_difference(first, second, "ap")
    assert got["value"] == pytest.approx(1.0) and got["pairs"] == 3
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert got["ci"] == pytest.approx([1 - half, 1 + half], abs=1e-5)
    assert statistics.paired_difference(first[:1], second[1:], "ap") is None


def test_paired_difference_of_one_seed_uses_the_same_recordings():
    values, frames = study()
    worse = {k: v + 2.0 for k, v in values.items()}
    a = metrics({"mpjpe": values}, frames, values={"mpjpe/average": 40.0})
    b = metrics({"mpjpe": worse}, frames, values={"mpjpe/average": 42.0})
    got = statistics.paired_difference([a], [b], "mpjpe/average")
    assert got["ci"] == pytest.approx([2.0, 2.0]), "a constant shift has no scatter once paired"
    assert got["unit"] == "recording" and got["pairs"] == 10


def test_p_of_paired_seeds_agrees_with_published_values():
    # Student's (1908) sleep data, extra hours of two drugs; scipy 1.17.1's ttest_rel gives
    # t = 4.0621277, p = 0.0028328902 and the interval 0.70011424 to 2.45988576.
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    first, second = ([{"seed": k, "values": {"m": v}} for k, v in enumerate(d)] for d in (one, two))
    got = statistics.paired_difference(first, second, "m")
    assert got["p"] == pytest.approx(0.0028328902, abs=1e-9) and got["value"] == pytest.approx(1.58)
    assert got["ci"] == pytest.approx([0.70011424, 2.45988576], abs=1e-7)


def test_an_interval_excludes_zero_where_p_is_below_five_percent():
    for shift in (0.02, 0.06, 0.2, 0.8):
        gaps = [shift + d for d in (-0.11, 0.03, 0.07, -0.02, 0.05)]
        low, high = statistics.seed_interval(gaps)
        assert (low <= 0 <= high) == (statistics.student_p(gaps) >= 0.05)


def test_paired_draws_of_images_are_subtracted():
    images = {"count": 40, "resamples": 4, "seed": 0}
    one = {"seed": 0, "values": {"ap": 70.0}, "draws": {"ap": [69.0, 70.0, 71.0, None]}}
    two = {"seed": 0, "values": {"ap": 72.0}, "draws": {"ap": [70.5, 72.0, 73.5, 80.0]}}
    one, two = (m | {"images": images} for m in (one, two))
    got = statistics.paired_difference([one], [two], "ap")
    # Differences 1.5, 2, 2.5; the draw that one could not score is left out.
    assert (got["value"], got["pairs"], got["unit"]) == (2.0, 40, "image")
    assert got["ci"] == pytest.approx([1.525, 2.475])
    # scipy 1.17.1: 2 * stats.t.sf(2 / (0.5 * sqrt(40 / 39)), 39)
    assert got["p"] == pytest.approx(3.18220214e-4, rel=1e-6)
    other = two | {"images": images | {"seed": 1}}
    assert statistics.paired_difference([one], [other], "ap")["ci"] is None


def test_p_of_recordings_agrees_with_the_paired_t_test():
    # One action and recordings of one length: their mean difference is that of a t test.
    for count, shift in ((40, 0.4), (5, 1.2)):
        scatter = random.Random(5)
        gaps = [scatter.gauss(shift, 1.0) for _ in range(count)]
        keys = [f"S9/Walking {k}/a" for k in range(count)]
        frames = dict.fromkeys(keys, 100)
        a = metrics({"mpjpe": dict.fromkeys(keys, 50.0)}, frames, values={"mpjpe/average": 50.0})
        values = {k: 50.0 + g for k, g in zip(keys, gaps, strict=True)}
        mean = 50.0 + sum(gaps) / count
        b = metrics({"mpjpe": values}, frames, values={"mpjpe/average": mean})
        got = statistics.paired_difference([a], [b], "mpjpe/average")
        assert got["p"] == pytest.approx(statistics.student_p(gaps), rel=0.25)
        assert got["pairs"] == count and got["value"] == pytest.approx(mean - 50)
