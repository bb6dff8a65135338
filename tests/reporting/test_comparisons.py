"""Differences of ablations: Holm against its definition, words against intervals."""

import random
from pathlib import Path

import pytest

from posepaper.errors import InputError
from posepaper.reporting import comparisons, figure_specs, figures, ledger_view, statistics
from posepaper.reporting.layout import Layout, read_layout

PAPERS = Path(__file__).parents[2] / "report" / "papers"
SHOWN = {"mpjpe": {"shown": {"mm": 1.0}}}
FAMILY = {"id": "f", "table": 1, "label": "l", "baseline": "base", "columns": ["avg"]}


def layout(names, better="lower", unit="mm"):
    columns = [{"id": "avg", "label": "Avg", "unit": unit, "better": better, "value": "mpjpe"}]
    rows = [
        {"id": k, "label": k, "origin": "reproduced", "experiment": f"e/{k}", "claimed": {"avg": 4}}
        for k in names
    ]
    return Layout(paper="lifting", table=1, caption="c", columns=columns, rows=rows)


def compared(values, rows, better="lower", seeds=6, scatter=0.1):
    chance = random.Random(1)
    results = {
        f"e/{name}": [
            {"seed": s, "quantities": SHOWN, "values": {"mpjpe": value + chance.gauss(0, scatter)}}
            for s in range(seeds)
        ]
        for name, value in values.items()
    }
    given = comparisons.Comparisons(paper="lifting", families=[FAMILY | {"rows": rows}])
    [one] = comparisons.compare(given, [layout(["base", *rows], better)], results)
    return {row["row"]: row for row in one["rows"]}


@pytest.mark.parametrize(
    ("better", "said"), [("lower", ("better", "worse")), ("higher", ("worse", "better"))]
)
def test_an_effect_is_said_in_the_column_s_direction(better, said):
    rows = compared({"base": 50, "low": 45, "high": 55}, ["low", "high"], better)
    assert (rows["low"]["said"], rows["high"]["said"]) == said
    assert rows["low"]["difference"] == pytest.approx(-5, abs=0.3)


def test_no_effect_no_number_and_no_interval_are_told_apart():
    rows = compared({"base": 50, "same": 50, "one": 50}, ["same", "absent"])
    assert rows["same"]["said"] == "no measurable effect"
    low, high = rows["same"]["ci"]
    assert low < 0 < high
    assert rows["absent"]["said"] == "not measured" and rows["absent"]["p"] is None
    assert compared({"base": 50, "same": 51}, ["same"], seeds=1)["same"]["said"] == "no interval"


def test_holm_against_a_worked_example():
    # In order: 5 x .005, 4 x .01, 3 x .03, then 2 x .04 raised to the .09 before it, 1 x .5.
    got = statistics.holm([0.01, 0.04, 0.03, 0.005, 0.5])
    assert got == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])
    assert statistics.holm([]) == [] and statistics.holm([0.6, 0.7]) == [1.0, 1.0]


def test_many_tests_at_once_lose_what_one_alone_would_win():
    alone = compared({"base": 50.0, "a": 49.84}, ["a"])["a"]
    assert alone["said"] == "better" and alone["p"] == alone["p_holm"] > 0.01
    others = {f"n{k}": 50.0 for k in range(9)}
    among = compared({"base": 50.0, "a": 49.84, **others}, ["a", *others])["a"]
    assert among["p"] == alone["p"] and among["p_holm"] == pytest.approx(10 * alone["p"], abs=1e-5)
    assert among["said"] == "not after correction"


def test_under_no_effect_a_family_rarely_says_one():
    wrong = 0
    for trial in range(200):
        chance = random.Random(trial)
        base = [chance.gauss(0, 1) for _ in range(5)]
        ps = []
        for _ in range(4):
            ps.append(statistics.student_p([b - chance.gauss(0, 1) for b in base]))
        wrong += min(statistics.holm(ps)) < 0.05
    assert wrong <= 18, "5 % of 200 is 10; 18 or more comes about once in 100"


def test_wrong_names_are_told():
    given = comparisons.Comparisons(paper="lifting", families=[FAMILY | {"rows": ["nobody"]}])
    with pytest.raises(InputError, match="table 1 has no row or column nobody"):
        comparisons.compare(given, [layout(["base"])], {})


@pytest.mark.parametrize("paper", ["gsam", "lifting"])
def test_the_papers_families_name_what_their_tables_hold(paper):
    layouts = [read_layout(path) for path in sorted(PAPERS.glob("*/table-*.yaml"))]
    given = comparisons.read_comparisons(PAPERS / paper / "comparisons.yaml")
    made = comparisons.compare(given, layouts, {})
    assert len(made) == sum(len(family.columns) for family in given.families)
    assert {row["said"] for one in made for row in one["rows"]} == {"not measured"}


def effects(tmp_path, made):
    spec = {"id": "e", "kind": "effects", "caption": "c", "families": ["f"], "unit": "mm"}
    given = figure_specs.Figures(paper="lifting", figures=[spec])
    return figures.make_figures(given, [], {}, {}, tmp_path, made)[0]["files"]


def test_charts_show_the_interval_and_keep_their_bytes(tmp_path):
    row = {"row": "a", "address": "x", "claimed": -1.0, "difference": -2.0, "ci": [-3.0, -1.0]}
    row |= {"p": 0.01, "p_holm": 0.01, "pairs": 3, "unit": "seed", "said": "better"}
    made = [
        {"paper": "lifting", "id": "f", "unit": "mm", "column": "P1", "baseline": {"row": "base"}}
    ]
    made[0]["rows"] = [row, row | dict.fromkeys(("difference", "ci", "claimed"))]
    one, two = effects(tmp_path / "1", made), effects(tmp_path / "2", made)
    for kind in ("pdf", "svg"):
        assert Path(one[kind]).read_bytes() == Path(two[kind]).read_bytes()
    chart = ledger_view.chart(row, -3.0, 1.0)
    # From 4 to 156 over -3 to 1: zero at 4 + 152 * 3 / 4.
    assert 'x1="118.0" x2="118.0"' in chart and 'cx="42.0"' in chart
    assert 'x1="4.0" x2="80.0"' in chart and ledger_view.chart(made[0]["rows"][1], 0, 1) == ""
