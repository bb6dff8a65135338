"""Every claim has one entry, and a verdict that follows the rules, on measurements made up here."""

import csv
import random
from pathlib import Path

import pytest

from posepaper import quantities
from posepaper.reporting import claims, ledger, tables
from posepaper.reporting.evidence import Evidence
from posepaper.reporting.layout import Layout, read_layout

PAPERS = Path(__file__).parents[2] / "report" / "papers"
LAYOUTS = [read_layout(path) for path in sorted(PAPERS.glob("*/table-*.yaml"))]
WRITTEN = [claims.read_claims(path) for path in sorted(PAPERS.glob("*/claims.yaml"))]
RULES = {
    "tolerance": {"mm": 1.0, "%": 1.0, "mm/frame": 0.1, "M": 0.05, "points": 0.5},
    "direction": "two-sided",
    "alpha": 0.05,
}


@pytest.fixture(scope="module")
def empty():
    """The ledger of both papers before anything ran."""
    published = claims.read_published(PAPERS / "published.yaml")
    found = claims.check_claims(WRITTEN, LAYOUTS, published)
    filled = [tables.build_table(layout, {}, {}, {}, RULES) for layout in LAYOUTS]
    return ledger.build(WRITTEN, LAYOUTS, filled, {}, found, RULES)


def test_every_number_and_every_sentence_has_exactly_one_entry(empty):
    found = [entry["address"] for entry in empty["entries"]]
    assert len(found) == len(set(found))
    numbers = {
        tables.address(o.paper, o.table, row.id, column)
        for o in LAYOUTS
        for row in o.rows
        if row.origin == "reproduced" and o.paper != "supplement"
        for column in row.claimed
    }
    sentences = {f"{p.paper}:claim:{claim.id}" for p in WRITTEN for claim in p.claims}
    assert set(found) == numbers | sentences and len(numbers) > 400 and len(sentences) > 190


def test_counts_are_of_the_entries_and_every_verdict_says_why(empty):
    assert {e["verdict"] for e in empty["entries"]} == {"not-run", "contradicted"}
    assert all(e["why"] for e in empty["entries"])
    total = sum(
        sum(tally.values()) for kinds in empty["counts"].values() for tally in kinds.values()
    )
    assert total == len(empty["entries"])
    for paper, kinds in empty["counts"].items():
        for kind, tally in kinds.items():
            own = [e for e in empty["entries"] if (e["paper"], e["kind"]) == (paper, kind)]
            assert sum(e["verdict"] == "contradicted" for e in own) == tally["contradicted"]


def test_a_number_is_contradicted_only_by_a_finding_that_disputes_it(empty):
    by = {entry["address"]: entry for entry in empty["entries"]}
    assert by["gsam:table-1:p1-ours:avg"]["disputed_by"] == ["mean-table-1-p1-ours"]
    assert by["gsam:table-1:p1-ours:dir"]["verdict"] == "not-run"
    assert by["gsam:claim:p2-best"]["verdict"] == "contradicted"
    assert by["gsam:claim:modules-42.2"]["verdict"] == "not-run"
    words = by["gsam:claim:hardware"]
    assert words["verdict"] == "not-run" and "words only" in words["why"]


def test_the_csv_has_every_entry(empty, tmp_path):
    ledger.write_csv(tmp_path / "ledger.csv", empty)
    with open(tmp_path / "ledger.csv", encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["address"] for line in lines] == [e["address"] for e in empty["entries"]]
    assert {line["verdict"] for line in lines} == {"not-run", "contradicted"}


# -- a world of three experiments ------------------------------------------------------------------

PRINTED = {"base": 50.0, "ours": 48.0, "third": 49.0}
OWN = {"data": "d"}


def world(values, seeds=5, identity=OWN, scatter=0.05):
    """A layout of three rows and the evidence of ``seeds`` seeds around ``values``."""
    columns = [
        {
            "id": "avg",
            "label": "Avg",
            "unit": "mm",
            "better": "lower",
            "value": "mpjpe",
            "quantity": "MPJPE",
        }
    ]
    rows = [
        {"id": k, "label": k, "origin": "reproduced", "experiment": f"e/{k}", "claimed": {"avg": v}}
        for k, v in PRINTED.items()
    ]
    layout = Layout(
        paper="p",
        table=1,
        caption="c",
        requires={"data": "pose3d", "protocol": "human36m"},
        paper_identity=OWN,
        columns=columns,
        rows=rows,
    )
    chance = random.Random(3)
    results = {
        f"e/{name}": [
            {
                "experiment": f"e/{name}",
                "seed": seed,
                "identity": identity,
                "roles": {"data": "pose3d", "protocol": "human36m"},
                "values": {"mpjpe": value + chance.gauss(0, scatter)},
                "quantities": {n: vars(q) for n, q in quantities.of({"kind": "human36m"}).items()},
            }
            for seed in range(seeds)
        ]
        for name, value in values.items()
    }
    built = tables.build_table(layout, results, {}, {}, RULES)
    return layout, built, results


def judged(kind, made):
    layout, built, results = made
    given = {"id": "c", "text": "t", "section": "I", "subject": "s", "claim": kind}
    paper = claims.Claims.model_validate({"paper": "p", "claims": [given]})
    found = claims.check_claims([paper], [layout])
    entries = ledger.build([paper], [layout], [built], results, found, RULES)["entries"]
    return next(e for e in entries if e["kind"] == "sentence")


AS_CLAIMED = {"base": 50.0, "ours": 48.0, "third": 49.0}
REVERSED = {"base": 48.0, "ours": 50.0, "third": 49.0}
DELTA = {"kind": "delta", "a": "p:table-1:ours:avg", "b": "p:table-1:base:avg", "better": "lower"}
PERCENT = DELTA | {"claimed": 4.0, "unit": "percent"}
POINTS = DELTA | {"claimed": 2.0, "unit": "printed"}
EACH = {"kind": "each", "a": "p:table-1:ours", "b": "p:table-1:base", "columns": ["avg"]}
EACH |= {"better": "lower"}
RANK = {"kind": "rank", "cells": ["p:table-1:ours:avg"], "better": "lower", "claimed": 1}
TREND = {"kind": "trend", "claimed": "falling"}
TREND |= {"cells": ["p:table-1:base:avg", "p:table-1:third:avg", "p:table-1:ours:avg"]}
VALUE = {"kind": "value", "cells": ["p:table-1:ours:avg"], "claimed": [48.0]}
KINDS = (PERCENT, POINTS, EACH, RANK, TREND, VALUE)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k['kind']} {k.get('unit', '')}")
def test_sentences_are_judged_by_what_was_measured(kind):
    assert judged(kind, world(AS_CLAIMED))["verdict"] == "reproduced"
    assert judged(kind, world(REVERSED))["verdict"] == "not-reproduced"
    wide = judged(kind, world(AS_CLAIMED, seeds=2, scatter=20.0))
    assert wide["verdict"] == "undecidable"
    absent = judged(kind, world({}))
    assert absent["verdict"] == "not-run" and "not run yet" in absent["why"]


@pytest.mark.parametrize("kind", KINDS[:-1], ids=lambda k: f"{k['kind']} {k.get('unit', '')}")
def test_other_data_only_tell_directions(kind):
    other = {"data": "mini"}
    for values, direction in ((AS_CLAIMED, "holds"), (REVERSED, "reversed")):
        made = judged(kind, world(values, identity=other))
        assert (made["verdict"], made["direction"]) == ("not-comparable", direction)
    far = {name: 500 + 40 * value for name, value in AS_CLAIMED.items()}
    assert judged(kind, world(far, identity=other))["direction"] == "holds"
    assert judged(VALUE, world(far, identity=other))["direction"] is None


def test_what_the_paper_s_own_numbers_refute_stays_contradicted():
    wrong = judged(POINTS | {"claimed": 3.0}, world(AS_CLAIMED))
    assert wrong["verdict"] == "contradicted" and wrong["disputed_by"] == ["c"]
    assert "48.0 against 50.0 is +2.00" in wrong["why"] and "this study: gain" in wrong["why"]


def test_a_gain_in_percent_is_of_the_measured_baseline():
    layout, built, results = world(AS_CLAIMED, scatter=0.0)
    evidence = Evidence([built], [layout], results)
    gain = evidence.gain("p:table-1:ours:avg", "p:table-1:base:avg", "lower", "percent")
    assert gain["value"] == pytest.approx(100 * 2 / 50)


def test_numbers_take_their_cell_s_verdict():
    layout, built, results = world(AS_CLAIMED)
    paper = claims.Claims(paper="p", claims=[])
    found = claims.check_claims([paper], [layout])
    made = ledger.build([paper], [layout], [built], results, found, RULES)
    assert [e["verdict"] for e in made["entries"]] == ["reproduced"] * 3
    assert made["counts"]["p"]["number"]["reproduced"] == 3
