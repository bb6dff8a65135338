"""Layouts are checked, numbers land in the right cell, and no number gets more than its due."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from posepaper import quantities
from posepaper.errors import InputError
from posepaper.reporting import tables, verdicts
from posepaper.reporting.layout import read_layout

PAPERS = Path(__file__).parents[2] / "report" / "papers"
RULES = {"tolerance": {"mm": 1.0, "M": 0.05}, "direction": "two-sided"}
LAYOUT = {
    "paper": "lifting",
    "table": 2,
    "caption": "A TABLE",
    "paper_identity": {"data": "human3.6m", "protocol": "human36m"},
    "requires": {"data": "pose3d", "source": "cpn", "protocol": "human36m"},
    "columns": [
        {"id": "frames", "label": "Frames", "text": True},
        {"id": "params", "label": "#Param", "unit": "M", "value": "parameters"},
        {
            "id": "avg",
            "label": "Avg.",
            "unit": "mm",
            "better": "lower",
            "value": "{metric}/average",
        },
    ],
    "blocks": [
        {"id": "p1", "label": "Protocol #1", "metric": "mpjpe"},
        {"id": "p2", "label": "Protocol #2", "metric": "p_mpjpe", "columns": ["avg"]},
    ],
    "rows": [
        {
            "id": "p1-base",
            "block": "p1",
            "label": "Base [1]",
            "origin": "reproduced",
            "experiment": "lift/base",
            "claimed": {"params": 12.5, "avg": 44.3},
            "text": {"frames": "81"},
        },
        {
            "id": "p1-ours",
            "block": "p1",
            "label": "Our",
            "origin": "reproduced",
            "experiment": "lift/ours",
            "claimed": {"avg": 43.1},
            "text": {"params": "-"},
        },
        {
            "id": "p2-quoted",
            "block": "p2",
            "label": "Old",
            "origin": "quoted",
            "reason": "no code",
            "claimed": {"avg": 36},
        },
    ],
}


ROLES = {"data": "pose3d", "source": "cpn", "boxes": None, "protocol": "human36m"}
QUANTITIES = quantities.of({"kind": "human36m"})


def layout(tmp_path, **changes):
    path = tmp_path / "table-2.yaml"
    path.write_text(yaml.safe_dump(LAYOUT | changes), encoding="utf-8")
    return read_layout(path)


def metrics(experiment, average, seed=0, **changes):
    return {
        "experiment": experiment,
        "seed": seed,
        "identity": {"study": "paper", "data": "human3.6m", "protocol": {"name": "human36m"}},
        "roles": ROLES,
        "quantities": {name: asdict(quantity) for name, quantity in QUANTITIES.items()},
        "values": {"mpjpe/average": average, "p_mpjpe/average": 30.0, "parameters": 12_540_000},
    } | changes


def build(tmp_path, results, states=None, rules=RULES, **changes):
    sources = {name: [{"path": f"{name}.json", "md5": "0" * 32}] for name in results}
    return tables.build_table(layout(tmp_path, **changes), results, sources, states or {}, rules)


def cells(table, row):
    return next(r for r in table["rows"] if r["id"] == row)["cells"]


def test_cells_hold_claim_and_number_in_the_printed_unit(tmp_path):
    three = [metrics("lift/base", v, k) for k, v in enumerate([44.0, 44.2, 44.4])]
    table = build(tmp_path, {"lift/base": three})
    base = cells(table, "p1-base")
    assert base["params"]["claimed"] == 12.5 and base["params"]["value"] == 12.54
    assert base["params"]["verdict"] == "reproduced"
    assert base["avg"]["value"] == 44.2 and base["avg"]["n_seeds"] == 3
    half = 4.302653 * 0.2 / 3**0.5
    assert base["avg"]["ci"] == pytest.approx([44.2 - half, 44.2 + half], abs=1e-5)
    assert base["avg"]["verdict"] == "reproduced" and base["avg"]["status"] == "ok"
    assert base["avg"]["sources"] == [{"path": "lift/base.json", "md5": "0" * 32}]
    assert base["frames"]["text"] == "81" and base["frames"]["value"] is None
    assert set(base["avg"]) == {"claimed", *tables.CELL}
    assert set(base["frames"]) == {"text", *tables.CELL}
    assert list(cells(table, "p2-quoted")) == ["avg"], "a block shows its own columns only"


def test_absent_numbers_say_why(tmp_path):
    table = build(tmp_path, {}, {"lift/ours": "missing-data:Human3.6M"})
    assert cells(table, "p1-base")["avg"]["status"] == "not-run"
    assert cells(table, "p1-ours")["avg"]["status"] == "missing-data:Human3.6M"
    assert cells(table, "p1-ours")["avg"]["value"] is None
    assert cells(table, "p2-quoted")["avg"]["status"] == "quoted"
    assert cells(table, "p2-quoted")["avg"]["verdict"] is None
    poor = metrics("lift/base", 44.0)
    del poor["values"]["mpjpe/average"]
    table = build(tmp_path, {"lift/base": [poor]})
    assert cells(table, "p1-base")["avg"]["status"].startswith("not-applicable:the paper study")


def test_a_number_of_another_role_is_refused(tmp_path):
    wrong = metrics("lift/base", 30.0, roles=ROLES | {"source": "gt"})
    with pytest.raises(tables.Misfit, match=r"p1-base: .*source cpn.*lift/base.*source gt"):
        build(tmp_path, {"lift/base": [wrong]})
    rows = [LAYOUT["rows"][0] | {"requires": {"source": "gt"}}, *LAYOUT["rows"][1:]]
    build(tmp_path, {"lift/base": [wrong]}, rows=rows)


def test_seeds_of_different_identity_are_refused(tmp_path):
    other = metrics("lift/base", 44.0, 1, identity={"study": "mini", "data": "mini-h36m"})
    with pytest.raises(InputError, match="differ in identity"):
        build(tmp_path, {"lift/base": [metrics("lift/base", 44.0), other]})


def test_only_the_papers_own_identity_gets_a_verdict(tmp_path):
    mini = metrics("lift/base", 44.3, identity={"study": "mini", "data": "mini-h36m"})
    table = build(tmp_path, {"lift/base": [mini]})
    assert cells(table, "p1-base")["avg"]["verdict"] == "not-comparable"
    assert next(r for r in table["rows"] if r["id"] == "p1-base")["identity"]["study"] == "mini"
    nothing = build(tmp_path, {"lift/base": [metrics("lift/base", 44.3)]}, paper_identity={})
    assert cells(nothing, "p1-base")["avg"]["verdict"] == "not-comparable"


@pytest.mark.parametrize(
    ("ci", "direction", "expected"),
    [
        ([43.5, 45.0], "two-sided", "reproduced"),
        ([43.0, 45.0], "two-sided", "undecidable"),
        ([40.0, 43.0], "two-sided", "not-reproduced"),
        ([40.0, 43.0], "no-worse", "reproduced"),
        ([45.4, 47.0], "no-worse", "not-reproduced"),
        (None, "two-sided", "undecidable"),
    ],
)
def test_verdicts(ci, direction, expected):
    rules = RULES | {"direction": direction}
    assert verdicts.verdict(44.3, {"value": 44.3, "ci": ci}, "mm", "lower", rules) == expected


def test_misprinted_claims_are_called_so_and_do_not_compete(tmp_path):
    rows = [dict(row) for row in LAYOUT["rows"]]
    rows[1]["claimed_means"] = {"avg": "P-MPJPE"}
    rows[0]["claimed_means"] = {"avg": "Avg."}
    both = {e: [metrics(e, 44.0)] for e in ("lift/base", "lift/ours")}
    table = build(tmp_path, both, rows=rows)
    assert cells(table, "p1-ours")["avg"]["verdict"] == "contradicted"
    assert cells(table, "p1-base")["avg"]["verdict"] == "undecidable"
    assert table["best"]["claimed"] == [] and len(table["best"]["value"]) == 2
    assert table["directions"] == {}


def test_best_and_directions(tmp_path):
    seeds = [0, 1, 2]
    results = {
        "lift/base": [metrics("lift/base", 44.0 + 0.1 * k, k) for k in seeds],
        "lift/ours": [metrics("lift/ours", 46.0 + 0.1 * k, k) for k in seeds],
    }
    table = build(tmp_path, results)
    assert table["best"] == {"claimed": ["p1-ours:avg"], "value": ["p1-base:avg"]}
    assert table["directions"] == {"avg": {"holds": 0, "reversed": 1, "open": 0}}
    one = {name: made[:1] for name, made in results.items()}
    assert build(tmp_path, one)["directions"]["avg"]["open"] == 1


def test_csv_and_json_keep_their_bytes(tmp_path):
    results = {"lift/base": [metrics("lift/base", 44.0)]}
    for name in ("a.csv", "b.csv"):
        tables.write_csv(tmp_path / name, build(tmp_path, results))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with open(tmp_path / "a.csv", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 7
    got = next(line for line in lines if line["address"] == "lifting:table-2:p1-base:params")
    assert got["claimed"] == "12.5" and got["value"] == "12.54" and got["status"] == "ok"
    json.dumps(build(tmp_path, results), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colums": []}, "unknown key colums. Did you mean columns"),
        ({"rows": [LAYOUT["rows"][0] | {"lable": "x"}]}, "unknown key rows.0.lable.*label"),
        ({"rows": [LAYOUT["rows"][0] | {"claimed": {"avgg": 1}}]}, "avgg.*nearest: avg"),
        ({"rows": [LAYOUT["rows"][0], LAYOUT["rows"][0]]}, "share the id p1-base"),
        ({"rows": [LAYOUT["rows"][0] | {"experiment": None}]}, "names no experiment"),
        ({"rows": [LAYOUT["rows"][2] | {"reason": None}]}, "gives no reason"),
        ({"table": "two"}, "table: Input should be a valid integer"),
        ({"rows": [LAYOUT["rows"][0] | {"block": "p3"}]}, "stands in block p3"),
    ],
)
def test_a_wrong_layout_is_named_with_its_place(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        layout(tmp_path, **change)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_layout_that_is_no_yaml_or_absent(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(InputError, match="not valid YAML"):
        read_layout(tmp_path / "bad.yaml")
    with pytest.raises(InputError, match="is not there"):
        read_layout(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", sorted(PAPERS.glob("*/table-*.yaml")), ids=str)
def test_every_transcribed_table_builds_before_anything_has_run(path):
    found = read_layout(path)
    assert (found.paper, f"table-{found.table}") == (path.parent.name, path.stem)
    table = tables.build_table(found, {}, {}, {}, RULES)
    assert {c["status"] for r in table["rows"] for c in r["cells"].values()} <= {
        "not-run",
        "quoted",
    }
