"""Figures come out the same from the same numbers, and say what they lack."""

from pathlib import Path

import pytest
import yaml

from posepaper.errors import InputError
from posepaper.reporting import figure_specs, figures
from posepaper.reporting.comparisons import read_comparisons
from posepaper.reporting.layout import read_layout

PAPERS = Path(__file__).parents[2] / "report" / "papers"
SPEC = {
    "paper": "lifting",
    "figures": [
        {"id": "loss", "kind": "curves", "caption": "c", "experiments": ["lift/a", "lift/b"]},
        {"id": "bars", "kind": "actions", "caption": "c", "table": 2, "rows": ["ours", "base"]},
    ],
}
HISTORY = {"lift/a": [[{"epoch": e, "loss": 1 / e + s} for e in range(1, 9)] for s in (0, 0.1)]}


def spec(tmp_path, **changes):
    path = tmp_path / "figures.yaml"
    path.write_text(yaml.safe_dump(SPEC | changes), encoding="utf-8")
    return figure_specs.read_figures(path)


def table():
    columns = [{"id": i, "label": i, "unit": "mm", "better": "lower"} for i in ("dir", "avg")]

    def row(name, values, status):
        cells = {
            c["id"]: {"claimed": 40.0, "value": v, "ci": v and [v - 1, v + 2], "status": status}
            for c, v in zip(columns, values, strict=True)
        }
        return {"id": name, "label": name, "cells": cells}

    rows = [row("ours", (41.0, 44.0), "ok"), row("base", (None, None), "not-run")]
    return {"table": 2, "columns": columns, "rows": rows}


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    made = [
        figures.make_figures(spec(tmp_path), [table()], HISTORY, {}, tmp_path / name)
        for name in ("a", "b")
    ]
    for one, two in zip(*made, strict=True):
        assert set(one["files"]) == {"pdf", "png", "svg"} and one["status"] == "ok"
        for suffix in one["files"]:
            first, second = (Path(m["files"][suffix]).read_bytes() for m in (one, two))
            assert first == second and len(first) > 500
    svg = Path(made[0][0]["files"]["svg"]).read_text(encoding="utf-8")
    assert "<dc:date>" not in svg


def test_a_curve_without_a_run_is_named_and_none_at_all_is_no_figure(tmp_path):
    only = spec(tmp_path, figures=SPEC["figures"][:1])
    states = {"lift/a": "missing-data:Human3.6M"}
    assert figures.make_figures(only, [], {}, states, tmp_path) == [
        {"id": "loss", "caption": "c", "wide": False, "files": {}, "status": states["lift/a"]}
    ]
    assert not list(tmp_path.glob("*.pdf"))


def test_bars_show_the_numbers(tmp_path):
    drawn = figures._actions(spec(tmp_path).figures[1], "lifting", [table()], {}, {})[0]
    axes = drawn.axes[0]
    heights = [patch.get_height() for patch in axes.patches]
    assert heights[:4] == [40.0, 40.0, 41.0, 44.0] and heights[4:6] == [40.0, 40.0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["ours, claimed", "ours, this study", "base, claimed", "base: not run yet"]


def test_a_wrong_row_table_or_kind_is_named(tmp_path):
    wrong = [SPEC["figures"][1] | {"rows": ["our"]}]
    with pytest.raises(InputError, match="lifting:bars: table 2 has no row our"):
        figures.make_figures(spec(tmp_path, figures=wrong), [table()], {}, {}, tmp_path)
    with pytest.raises(InputError, match="table 2 has no row ours"):
        figures.make_figures(spec(tmp_path), [], HISTORY, {}, tmp_path)
    with pytest.raises(InputError, match=r"figures\.0.*kind"):
        spec(tmp_path, figures=[SPEC["figures"][0] | {"kind": "pie"}])


@pytest.mark.parametrize("path", sorted(PAPERS.glob("*/figures.yaml")), ids=str)
def test_declared_figures_point_at_what_the_layouts_hold(path):
    layouts = [read_layout(p) for p in path.parent.glob("table-*.yaml")]
    experiments = {row.experiment for layout in layouts for row in layout.rows}
    for figure in figure_specs.read_figures(path).figures:
        if figure.kind == "curves":
            assert set(figure.experiments) <= experiments and set(figure.names) <= experiments
        elif figure.kind == "effects":
            families = read_comparisons(path.with_name("comparisons.yaml")).families
            assert set(figure.families) <= {family.id for family in families}
        elif figure.kind == "actions":
            rows = {
                row.id for layout in layouts for row in layout.rows if layout.table == figure.table
            }
            assert set(figure.rows) <= rows
