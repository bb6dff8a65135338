"""Numbers on trial with nothing but a store, records and JSON."""

import datetime
import json
from pathlib import Path

import pytest

from posepaper import cli, files
from posepaper.errors import InputError
from posepaper.provenance import record, tree, verify
from posepaper.provenance.fingerprint import digest
from posepaper.provenance.stores import Here

ADDRESS = "lifting:table-2:ours:avg"
TABLE = Path("results/mini/tables/lifting/table-2.json")
RAW = Path("raw.npz")
DATA, METRICS = Path("results/mini/data/pose3d.h5"), Path("results/mini/metrics/ours/seed0.json")


class Counted(Here):
    """The working tree, every read and hash counted."""

    def __init__(self):
        super().__init__()
        self.hashed, self.readings = [], []

    def md5(self, path):
        if path not in self._known:
            self.hashed.append(path)
        return super().md5(path)

    def read(self, path):
        self.readings.append(path)
        return super().read(path)


def make(path, content, inputs=(), raw=(), settings=None, outputs=()):
    """An artefact with a record that names what it was made from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for output in (path, *outputs):
        output.write_text(content, encoding="utf-8")
    settings = settings or {"seed": 0}
    covers = {
        "code": {"definitions": {"m:f": "1"}, "packages": {}},
        "rule": "",
        "settings": digest(settings),
        "parents": {str(p): record.read(p)["fingerprint"] for p in inputs},
        "raw": {p.name: files.md5(p) for p in raw},
    }
    facts = {
        "rule": "make", "target": str(path), "fingerprint": digest(covers), "seed": 0,
        "settings": settings, "covers": covers,
        "inputs": {str(p): record.describe(p) for p in inputs},
        "raw": {str(p): record.describe(p) for p in raw},
    }  # fmt: skip
    named = {f"it{n}": p for n, p in enumerate((path, *outputs))}
    record.write(named, facts, record.now())


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    """A number, its metrics, the data behind it and the raw file behind that."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("study: mini\n")
    RAW.write_text("poses")
    make(DATA, "prepared", raw=[RAW])
    make(METRICS, "{}", inputs=[DATA])
    make(TABLE, table(METRICS), inputs=[METRICS])


def table(*metrics) -> str:
    sources = [{k: record.describe(p)[k] for k in ("path", "md5")} for p in metrics]
    ok = {"value": 40.1, "claimed": 40.0, "status": "ok", "sources": sources}
    absent = {"value": None, "claimed": 44.3, "status": "not-run", "sources": []}
    rows = [{"id": "ours", "cells": {"avg": ok, "dir": absent}}]
    return files.dump_json({"rows": rows, "paper": "lifting", "table": 2})


def ask(address=ADDRESS) -> dict:
    return verify.verify(Here(), "mini", [address]).answer(address)


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["posepaper", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("lifting:table-2", "is not paper:table-N:row:column"),
        ("lifting:table-3:ours:avg", "table-3.json: is not there. Make it: snakemake"),
        ("lifting:table-2:our:avg", "table-2 has no 'our'. Nearest: 'ours'"),
        ("lifting:table-2:ours:avgg", "table-2 has no 'avgg'. Nearest: 'avg'"),
        ("lifting:table-2::", "table-2 has no ''"),
        ("results/mini/data/none.h5", "is not there. Name an artefact"),
    ],
)
def test_a_wrong_address_is_one_line(address, what):
    with pytest.raises(InputError) as told:
        ask(address)
    assert what in str(told.value)


def test_a_number_that_holds_is_proven_down_to_its_raw_file():
    answer = ask()
    chain = [str(p) for p in (TABLE, METRICS, DATA, RAW)]
    assert answer["verdict"] == "proven" and answer["why"] == []
    assert sorted(link["path"] for link in answer["links"]) == sorted(chain)
    parents = {link["path"]: link["parents"] for link in answer["links"]}
    assert [parents[p] for p in chain] == [[p] for p in chain[1:]] + [[]]
    assert answer["cell"]["value"] == 40.1


def test_the_chain_as_a_tree():
    lines = list(tree.tree(ask()))
    assert lines[0] == f"{ADDRESS}  value 40.1  claimed 40.0  proven"
    places = [
        n for path in (TABLE, METRICS, DATA, RAW) for n, s in enumerate(lines) if f"─ {path}" in s
    ]
    assert places == sorted(places) and len(places) == 4
    assert any(files.md5(RAW) in line and "5 bytes" in line for line in lines)


def retouch():
    TABLE.write_text(TABLE.read_text().replace("40.1", "40.0"))


def damage(path):
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


FAULTS = {
    "metrics changed": (lambda: damage(METRICS), METRICS, "broken", "not its record's"),
    "data changed": (lambda: damage(DATA), DATA, "broken", "not its record's"),
    "number retouched": (retouch, TABLE, "broken", "not its record's"),
    "raw file changed": (lambda: damage(RAW), RAW, "stale", "changed since its use"),
    "raw file absent": (RAW.unlink, RAW, "unverifiable", "is not here"),
    "data absent": (DATA.unlink, DATA, "unverifiable", "verified record, not recomputed"),
    "metrics absent": (METRICS.unlink, METRICS, "unverifiable", "not recomputed"),
    "no record": (record.path_of(DATA).unlink, DATA, "broken", "has no record"),
    "neither": (
        lambda: (DATA.unlink(), record.path_of(DATA).unlink()),
        DATA,
        "broken",
        "is missing, and so is its record",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_verdict_and_its_link(fault):
    spoil, link, verdict, why = FAULTS[fault]
    spoil()
    answer = ask()
    assert answer["verdict"] == verdict, answer["why"]
    assert [(x["path"], x["verdict"]) for x in answer["links"] if x["why"]] == [
        (str(link), verdict)
    ]
    assert len(answer["why"]) == 1 and why in answer["why"][0]
    assert any(line.startswith(f"{verdict}: {link}") for line in tree.tree(answer))


def test_the_worst_of_several_verdicts_counts():
    damage(RAW)
    damage(METRICS)
    assert ask()["verdict"] == "broken"


def test_a_parent_made_anew_since_is_stale_not_broken():
    make(DATA, "prepared otherwise", raw=[RAW])
    answer = ask()
    assert answer["verdict"] == "stale" and "was made anew since its use" in answer["why"][0]


def test_a_parent_made_anew_by_other_code_to_the_same_bytes_is_behind():
    make(DATA, "prepared", raw=[RAW], settings={"seed": 0, "other": 1})
    answer = ask()
    assert answer["verdict"] == "behind" and "by other code, to the same bytes" in answer["why"][0]


def test_metrics_made_anew_since_the_table():
    make(METRICS, '{"other": 1}', inputs=[DATA])
    assert ask()["verdict"] == "stale"


def test_what_one_number_used_is_no_fault_of_another():
    """Two tables; one was made from data that were made anew since, one is of the new data."""
    make(DATA, "prepared otherwise", raw=[RAW])
    metrics = Path("results/mini/metrics/new/seed0.json")
    make(metrics, "{}", inputs=[DATA])
    new = Path("results/mini/tables/lifting/table-3.json")
    make(new, table(metrics), inputs=[metrics])
    names = [ADDRESS, "lifting:table-3:ours:avg"]
    trial = verify.verify(Here(), "mini", names)
    assert [trial.verdict(name) for name in names] == ["stale", "proven"]


def test_seeds_swapped_are_both_named():
    second = Path("results/mini/metrics/ours/seed1.json")
    make(second, '{"seed": 1}', inputs=[DATA])
    make(TABLE, table(METRICS, second), inputs=[METRICS, second])
    one, two = METRICS.read_text(), second.read_text()
    METRICS.write_text(two)
    second.write_text(one)
    answer = ask()
    assert answer["verdict"] == "broken"
    assert {link["path"] for link in answer["links"] if link["why"]} == {str(METRICS), str(second)}


def test_a_number_without_a_run_does_not_hold():
    answer = ask("lifting:table-2:ours:dir")
    assert answer["verdict"] == "unverifiable" and "not-run" in answer["why"][0]


def test_an_artefact_is_asked_for_by_its_path():
    answer = ask(str(METRICS))
    assert answer["verdict"] == "proven" and answer["cell"] is None
    assert [x["path"] for x in answer["links"]] == sorted(map(str, (METRICS, DATA, RAW)))


def test_a_table_that_was_looked_at_can_be_asked_for_too():
    trial = verify.verify(Here(), "mini", [ADDRESS, str(TABLE)])
    assert [trial.verdict(name) for name in trial.numbers] == ["proven", "proven"]
    assert str(RAW) in trial.chain(str(TABLE))


def many(count: int) -> list[str]:
    """Numbers of as many runs, all of one dataset."""
    names = []
    for n in range(count):
        metrics = Path(f"results/mini/metrics/run{n}/seed0.json")
        make(metrics, f"{n}", inputs=[DATA])
        path = Path(f"results/mini/tables/many/table-{n}.json")
        make(path, table(metrics), inputs=[metrics])
        names += [f"many:table-{n}:ours:avg"]
    return names


def test_work_grows_with_the_records_and_no_file_is_looked_at_twice():
    looked = {}
    for count in (5, 10, 20):
        store = Counted()
        trial = verify.verify(store, "mini", many(count))
        assert all(trial.verdict(name) == "proven" for name in trial.numbers)
        assert len(set(store.hashed)) == len(store.hashed) == 2 * count + 2
        records = [p for p in store.readings if p.endswith(".record.json")]
        assert len(set(records)) == len(records) == 2 * count + 1
        looked[count] = len(store.readings)
    assert looked[20] - looked[10] == 2 * (looked[10] - looked[5])


def test_records_are_kept_slim():
    """What is long in a record, the definitions it covers, is not held for every link."""
    trial = verify.verify(Here(), "mini", [ADDRESS])
    assert all("covers" not in link.made for link in trial.links.values() if link.made)


def test_a_clock_that_is_off_by_seconds_between_two_hosts_is_let_pass():
    """On one host nothing precedes its inputs; two hosts' clocks may differ a little."""

    def shift(path, seconds, host):
        made = record.read(path)
        for key in ("start", "end"):
            moment = datetime.datetime.fromisoformat(made[key])
            moved = moment + datetime.timedelta(seconds=seconds)
            made[key] = moved.isoformat(timespec="microseconds")
        made["machine"]["host"] = host
        files.write_json(record.path_of(path), made)

    shift(METRICS, -1, "other")
    assert ask()["verdict"] == "proven"
    shift(METRICS, 0, record.machine()["host"])
    answer = ask()
    assert answer["verdict"] == "broken" and "clock: ended" in answer["why"][0]
    shift(METRICS, -60, "other")
    assert ask()["verdict"] == "broken"


def test_wrong_use_of_the_command_is_exit_code_2(monkeypatch, capsys):
    for words in (
        ["audit"], ["audit", ADDRESS, "--jsn"], ["adit"], ["audit", ADDRESS, "--all"],
        ["audit", "--sample", "0"],
    ):  # fmt: skip
        assert run(monkeypatch, capsys, *words)[0] == 2


def test_networks_are_listed_with_their_sizes(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["posepaper", "models", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    rows = {r["name"]: r["parameters"] for r in json.loads(capsys.readouterr().out)}
    assert ended.value.code == 0 and 28e6 < rows["hrnet_w32"] < 29e6
