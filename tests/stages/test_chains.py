"""A report's chains: from numbers and figures to the raw files, as the records tell them."""

import json
from pathlib import Path

import pytest

from posepaper import files
from posepaper.provenance import record
from posepaper.reporting import chains as shown
from posepaper.stages.chains import chains

BASE = Path("results/mini")
RAW, DATA = Path("data/poses.npz"), BASE / "data/pose3d.h5"
CHECKPOINT = BASE / "checkpoints/lift/ours/seed0.safetensors"
METRICS, TABLE = BASE / "metrics/lift/ours/seed0.json", BASE / "tables/lifting/table-2.json"
FIGURE = BASE / "figures/lifting/figure-bars.pdf"
ADDRESS = "lifting:table-2:p1-ours:avg"


def make(path, content, inputs=(), raw=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    facts = {
        **{"rule": "make", "target": str(path), "fingerprint": "f" * 64, "seed": 0},
        "inputs": {str(p): record.describe(p) for p in inputs},
        "raw": {str(p): record.describe(p) for p in raw},
    }
    record.write({"it": path}, facts, record.now())


def table():
    source = {"path": str(METRICS), "md5": files.md5(METRICS)}
    cells = {
        "avg": {"status": "ok", "sources": [source]},
        "eat": {"status": "not-applicable:no", "sources": [source]},
        "ticks": {"status": "ok", "sources": []},
    }
    row = {"id": "p1-ours", "experiment": "lift/ours", "cells": cells}
    return {"paper": "lifting", "table": 2, "rows": [row]}


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    RAW.parent.mkdir()
    RAW.write_text("raw")
    make(DATA, "poses", raw=[RAW])
    make(CHECKPOINT, "weights", [DATA])
    make(METRICS, "{}", [DATA, CHECKPOINT])
    make(TABLE, "{}", [METRICS])
    make(FIGURE, "bars", [TABLE])


def test_a_number_s_chain_goes_down_to_the_raw_file():
    told = chains(BASE, [table()], [FIGURE])
    assert told["numbers"] == {
        ADDRESS: {
            "table": str(TABLE),
            "experiment": "lift/ours",
            "sources": [str(METRICS)],
            "verdict": "recorded",
        }
    }
    links = told["links"]
    assert links.keys() == {str(p) for p in (DATA, CHECKPOINT, METRICS, TABLE, FIGURE)}
    assert links[str(METRICS)]["parents"] == [str(CHECKPOINT), str(DATA)]
    assert links[str(DATA)]["raw"] == {str(RAW): files.md5(RAW)}
    assert links[str(CHECKPOINT)]["md5"] == files.md5(CHECKPOINT)
    assert told["figures"]["lifting:figure-bars"]["sources"] == [str(TABLE)]
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    ("spoil", "path", "fault"),
    [
        (lambda: DATA.write_text("poses2"), DATA, "is not as recorded"),
        (lambda: DATA.unlink(), DATA, "is not here; its record is"),
        (lambda: record.path_of(DATA).unlink(), DATA, "has no record that can be read"),
        (lambda: record.path_of(DATA).write_text("{"), DATA, "has no record that can be read"),
        (
            lambda: make(CHECKPOINT, "other", [DATA]),
            CHECKPOINT,
            f"its record is not of what {METRICS} was made from",
        ),
    ],
)
def test_a_link_that_does_not_hold_breaks_the_numbers_above_it(spoil, path, fault):
    spoil()
    told = chains(BASE, [table()], [FIGURE])
    assert told["links"][str(path)]["faults"] == [fault]
    assert told["numbers"][ADDRESS]["verdict"] == "broken"
    assert told["figures"]["lifting:figure-bars"]["verdict"] == "broken"
    (experiment,) = shown.entries(told, "lifting")["experiments"]
    assert experiment["verdict"] == "broken"


def test_entries_are_one_an_experiment_one_a_dataset_one_a_figure():
    told = chains(BASE, [table()], [FIGURE])
    found = shown.entries(told)
    (experiment,), (data,), (figure,) = found["experiments"], found["shared"], found["figures"]
    assert experiment["name"] == "lift/ours" and experiment["numbers"] == [ADDRESS]
    paths = [link["path"] for link in experiment["seeds"][0]["links"]]
    assert paths == [str(METRICS), str(CHECKPOINT)]
    assert data["path"] == str(DATA) and data["raw"] == [(str(RAW), files.md5(RAW))]
    assert figure["sources"] == ["lift/ours"] and not found["broken"]
    assert {p["entry"] for p in experiment["seeds"][0]["links"][0]["parents"]} == {
        "lift/ours",
        str(DATA),
    }
    assert shown.entries(told, "gsam")["experiments"] == []


def test_a_figure_of_no_experiment_names_what_it_was_made_from():
    film = BASE / "predictions/video.h5"
    make(film, "film", [DATA, CHECKPOINT])
    make(FIGURE, "frames", [film])
    found = shown.entries(chains(BASE, [], [FIGURE]))
    assert found["figures"][0]["sources"] == [str(film)]
    assert [link["path"] for link in found["shared"]] == [str(DATA), str(film)]
    assert [entry["name"] for entry in found["experiments"]] == ["lift/ours"]
