"""A report's context, as its stage gives it, full of text that means something to HTML and TeX."""

import pytest

from posepaper import quantities
from posepaper.reporting import tables
from posepaper.reporting.layout import Layout

NASTY = "<script>alert(1)</script> 50% & $x_1^2$ #{~}\\ ✓ † ‡ ↓ ↑ × é ⁵⁰ 一 [a] --- ''"
RULES = {"tolerance": {"mm": 1.0, "M": 0.05}, "direction": "two-sided", "alpha": 0.05}
METRICS = "results/mini/metrics/lift/made/seed0.json"
CHECKPOINT = "results/mini/checkpoints/lift/made/seed0.safetensors"
DATA, PICTURE = "results/mini/data/pose3d.h5", "results/mini/figures/lifting/figure-a.pdf"


def column(name, **changes):
    return {"id": name, "label": name.upper(), "unit": "mm", "better": "lower"} | changes


def table(number, columns, nasty=""):
    rows = [
        {
            "id": f"row-{kind}",
            "label": f"{kind} et al. {nasty}",
            "origin": "quoted" if kind == "quoted" else "reproduced",
            "experiment": None if kind == "quoted" else f"lift/{kind}",
            "reason": "no code" if kind == "quoted" else None,
            "claimed": {c["id"]: 40.5 + i for i, c in enumerate(columns) if "value" in c},
            "text": {c["id"]: "✓" for c in columns if "value" not in c},
        }
        for kind in ("made", "quoted", "broken", "absent")
    ]
    layout = Layout.model_validate(
        {
            "paper": "lifting",
            "table": number,
            "caption": f"CAPTION {nasty}",
            "note": nasty or None,
            "requires": {"data": "pose3d", "protocol": "human36m"},
            "columns": columns,
            "rows": rows,
        }
    )
    made = {
        "experiment": "lift/made",
        "seed": 0,
        "identity": {"study": "mini", "protocol": {"name": "human36m", "flip": True}},
        "roles": {"data": "pose3d", "protocol": "human36m"},
        "quantities": {n: vars(q) for n, q in quantities.of({"kind": "human36m"}).items()},
        "values": {"mpjpe": 51.25},
        "intervals": {"mpjpe": [50.0, 52.5]},
    }
    return tables.build_table(
        layout,
        {"lift/made": [made]},
        {"lift/made": [{"path": METRICS, "md5": "ab" * 16}]},
        {"lift/broken": "failed", "lift/absent": "missing-data:Human3.6M"},
        RULES,
    )


def entry(kind):
    number = kind == "number"
    return {
        "address": "lifting:table-1:row-made:avg"
        if number
        else "lifting:claim:mean-table-1-row-made",
        "paper": "lifting",
        "kind": kind,
        "where": "Table I",
        "text": NASTY,
        "subject": "what is claimed",
        "claimed": 40.5 if number else None,
        "unit": "mm" if number else None,
        "value": 51.25 if number else None,
        "ci": [50.0, 52.5] if number else None,
        "verdict": "contradicted" if number else "not-comparable",
        "why": f"because {NASTY}",
        "direction": None if number else "reversed",
        "disputed_by": [],
    }


def comparison():
    row = {"row": "row-broken", "address": "lifting:table-1:row-broken:avg", "claimed": None}
    empty = dict.fromkeys(("difference", "ci", "p", "p_holm", "unit"))
    made = {"difference": -1.5, "ci": [-2.0, -1.0], "p": 0.01, "p_holm": 0.02, "pairs": 4}
    return {
        "id": "modules",
        "address": "lifting:compare:modules:avg",
        "paper": "lifting",
        "table": 1,
        "label": f"modules {NASTY}",
        "column": "AVG",
        "unit": "mm",
        "better": "lower",
        "alpha": 0.05,
        "tests": 2,
        "baseline": {"row": "row-made", "address": "lifting:table-1:row-made:avg"},
        "rows": [
            row | made | {"unit": "seed", "said": "better"},
            row | empty | {"pairs": 0, "said": "not measured"},
        ],
    }


@pytest.fixture
def context(tmp_path):
    (tmp_path / "f.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    narrow = [
        {"id": "tick", "label": "Tick^2", "text": True},
        column("avg", value="mpjpe", label="MPJPE ↓"),
    ]
    wide = [column(f"c{i}", value="mpjpe", quantity="MPJPE") for i in range(16)]
    claim = {
        "id": "mean-table-1-row-made",
        "text": NASTY,
        "where": "Table I",
        "subject": "a mean",
        "addresses": ["lifting:table-1:row-made:avg"],
        "status": "contradicted",
        "finding": "the mean is 12.00",
        "arithmetic": [{"numbers": [], "formula": "(1 + 2) / 2", "result": 1.5, "printed": 43.1}],
        "note": {"text": f"noted {NASTY}", "sources": ["a source"]},
        "table": 1,
        "row": "row-made",
        "column": "avg",
    }
    figures = [
        {"id": "figure-a", "caption": NASTY, "files": {"svg": str(tmp_path / "f.svg")}},
        {"id": "figure-b", "caption": "none", "files": {}, "status": "missing-data:Human3.6M"},
    ]
    paper = {
        "title": f"Title {NASTY}",
        "tables": [table(1, narrow, NASTY), table(2, wide)],
        "figures": figures,
        "claims": [claim],
        "ledger": {
            "entries": [entry("number"), entry("sentence")],
            "counts": {"number": {"contradicted": 1}, "sentence": {"contradicted": 0}},
        },
        "comparisons": [comparison()],
    }
    return {
        "rules": RULES,
        "study": {"name": "mini", "title": "a small world", "note": f"Note {NASTY}"},
        "commit": "abc",
        "dirty": True,
        "costs": [
            {"rule": "train_lifting", "jobs": 3, "predicted": 60.0, "measured": 48.0, "ratio": 1.25}
        ],
        "overhead": [
            {
                "rule": "train_lifting",
                "jobs": 3,
                "seconds": 48.0,
                "queue": [2.0, 4.0],
                "before": [5.0, 6.0],
                "load": [3.0, 3.5],
                "after": None,
                "seen": None,
                "beside": [5.0, 6.0],
            }
        ],
        "details": details(),
        "runs": [run("failed", NASTY), run("done", "")],
        "papers": {"lifting": paper},
        "chains": chains_of(paper["tables"]),
    }


def run(state, told):
    texts = {
        "where": "n1 GPU 0 job 7",
        "since": "2026-01-01 00:00:00",
        "queue": "2 s",
        "took": "8 s",
    }
    return {"name": f"{state} {told}", "state": state, **texts, "told": told, "lines": [told, told]}


def details():
    """What stages/details.py gathers of one run."""
    bars = {"name": "MPJPE", "unit": "mm", "better": "lower", "values": {NASTY: 51.2, "Eating": 40}}
    told = {"name": "MPJPE", "unit": "mm", "group": 0, "values": [51.2, 40.1]}
    curve = {"seed": 0, "epochs": [1, 2], "loss": [0.5, 0.25]}
    run = {"curves": [curve], "bars": [bars], "sequences": told}
    return {"runs": {"lift/made": run}, "groups": [[NASTY, "S9/Eating"]], "player": None}


def chains_of(filled):
    """What stages/chains.py tells of the tables' numbers and one figure."""
    made = {
        **{"md5": "ab" * 16, "size": 12345, "rule": "r", "seed": 0, "fingerprint": "f" * 64},
        **{"commit": "c" * 40, "dirty": True, "end": "2026-11-21T17:16:19.919081+00:00"},
        **{"machine": {"host": NASTY, "cpu": "cpu", "gpus": ["GPU-1"], "slurm_job": "7"}},
        **{"raw": {f"raw {NASTY}": "cd" * 16}, "faults": [], "seconds": 3.0},
        **{"settings": {"training.lr": 0.002, "identity": NASTY}},
    }
    links = {
        METRICS: {**made, "kind": "metrics", "parents": [CHECKPOINT, DATA]},
        CHECKPOINT: {**made, "kind": "checkpoints", "parents": [DATA], "md5": "ef" * 16},
        DATA: {**made, "kind": "data", "parents": [], "faults": [f"changed {NASTY}"]},
        PICTURE: {**made, "kind": "figures", "parents": [METRICS]},
    }
    numbers = {
        tables.address("lifting", t["table"], "row-made", name): {
            **{"table": "t.json", "experiment": "lift/made", "sources": [METRICS]},
            "verdict": "broken",
        }
        for t in filled
        for name, cell in next(r for r in t["rows"] if r["id"] == "row-made")["cells"].items()
        if cell["status"] == "ok"
    }
    figure = {"files": [PICTURE], "sources": [METRICS], "verdict": "broken"}
    return {"numbers": numbers, "figures": {"lifting:figure-a": figure}, "links": links}
