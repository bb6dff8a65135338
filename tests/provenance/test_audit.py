"""The chain of a number, and what the command says of it."""

import json
from pathlib import Path

import pytest

from posepaper import cli, files
from posepaper.errors import InputError
from posepaper.provenance import audit, record

ADDRESS = "lifting:table-2:ours:avg"
TABLE = Path("results/mini/tables/lifting/table-2.json")
RAW, DATA, METRICS = Path("raw.npz"), Path("results/mini/data.h5"), Path("results/mini/m.json")


def make(path, content, inputs=(), raw=()):
    """An artefact with a record that names what it was made from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    facts = {
        "rule": "make", "target": str(path), "fingerprint": "f", "seed": 0, "settings": {},
        "inputs": {str(p): record.describe(p) for p in inputs},
        "raw": {str(p): record.describe(p) for p in raw},
    }  # fmt: skip
    record.write({"it": path}, facts, record.now())


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """A number, its metrics, the data behind it and the raw file behind that."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("study: mini\n")
    RAW.write_text("poses")
    make(DATA, "prepared", raw=[RAW])
    make(METRICS, "{}", inputs=[DATA])
    sources = [record.describe(METRICS)]
    ok = {"value": 40.1, "claimed": 40.0, "status": "ok", "sources": sources}
    absent = {"value": None, "claimed": 44.3, "status": "not-run", "sources": []}
    rows = [{"id": "ours", "cells": {"avg": ok, "dir": absent}}]
    make(TABLE, files.dump_json({"rows": rows}), inputs=[METRICS])


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["posepaper", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


def test_an_address_finds_its_cell():
    path, cell = audit.cell("mini", ADDRESS)
    assert path == str(TABLE) and cell["value"] == 40.1


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("lifting:table-2", "is not paper:table-N:row:column"),
        ("lifting:table-3:ours:avg", "table-3.json: is not there. Make it: snakemake"),
        ("lifting:table-2:our:avg", "table-2 has no 'our'. Nearest: 'ours'"),
        ("lifting:table-2:ours:avgg", "table-2 has no 'avgg'. Nearest: 'avg'"),
        ("lifting:table-2::", "table-2 has no ''"),
    ],
)
def test_a_wrong_address_is_one_line_and_exit_code_2(monkeypatch, capsys, address, what):
    with pytest.raises(InputError):
        audit.cell("mini", address)
    code, out, err = run(monkeypatch, capsys, "audit", address)
    assert code == 2 and not out and what in err and err.count("\n") == 1


def test_the_chain_goes_down_to_the_raw_file():
    link, names = audit.chain(str(METRICS)), []
    while True:
        names.append((link["path"], link["verdict"]))
        if not link["parents"]:
            break
        (link,) = link["parents"]
    assert names == [
        (str(METRICS), "recorded"), (str(DATA), "recorded"), (str(RAW), "raw file"),
    ]  # fmt: skip


def test_a_chain_that_holds_ends_in_exit_code_0(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "audit", ADDRESS)
    assert code == 0 and "40.1" in out
    assert all(str(path) in out for path in (METRICS, DATA, RAW)) and files.md5(RAW) in out


def test_the_chain_as_json(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "audit", ADDRESS, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["holds"] and answer["cell"]["value"] == 40.1
    assert answer["chain"]["path"] == str(TABLE)
    (metrics,) = answer["chain"]["parents"]
    assert metrics["parents"][0]["parents"][0]["path"] == str(RAW)


def retouch():
    TABLE.write_text(TABLE.read_text().replace("40.1", "40.0"))


def damage(path):
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


BROKEN = {
    "metrics changed": (lambda: damage(METRICS), f"{METRICS}: changed since its record"),
    "data changed": (lambda: damage(DATA), f"{DATA}: changed since its record"),
    "raw file changed": (lambda: damage(RAW), f"{RAW}: changed since its use"),
    "data absent": (DATA.unlink, f"{DATA}: absent"),
    "raw file absent": (RAW.unlink, f"{RAW}: absent"),
    "metrics absent": (METRICS.unlink, f"{METRICS}: absent"),
    "number retouched": (retouch, f"{TABLE}: changed since its record"),
    "no record": (record.path_of(DATA).unlink, f"{DATA}: no record"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_link_is_named_with_exit_code_1(monkeypatch, capsys, case):
    spoil, fault = BROKEN[case]
    spoil()
    code, out, _ = run(monkeypatch, capsys, "audit", ADDRESS)
    assert code == 1 and f"broken: {fault}" in out
    code, out, _ = run(monkeypatch, capsys, "audit", ADDRESS, "--json")
    assert code == 1 and fault in json.loads(out)["faults"]


def test_a_parent_made_anew_since_breaks_the_chain(monkeypatch, capsys):
    """Every file agrees with its own record, yet the number was made from another file."""
    make(DATA, "prepared otherwise", raw=[RAW])
    code, out, _ = run(monkeypatch, capsys, "audit", ADDRESS)
    assert code == 1 and f"{DATA}: changed since" in out


def test_metrics_made_anew_since_the_table_break_the_chain(monkeypatch, capsys):
    make(METRICS, '{"other": 1}', inputs=[DATA])
    code, out, _ = run(monkeypatch, capsys, "audit", ADDRESS)
    assert code == 1 and f"{METRICS}: changed since" in out


def test_a_number_without_a_run_does_not_hold(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "audit", "lifting:table-2:ours:dir")
    assert code == 1 and "not-run" in out


def test_wrong_use_of_the_command_is_exit_code_2(monkeypatch, capsys):
    for words in (["audit"], ["audit", ADDRESS, "--jsn"], ["adit"]):
        assert run(monkeypatch, capsys, *words)[0] == 2


def test_networks_are_listed_with_their_sizes(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["posepaper", "models", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    rows = {r["name"]: r["parameters"] for r in json.loads(capsys.readouterr().out)}
    assert ended.value.code == 0 and 28e6 < rows["hrnet_w32"] < 29e6
