"""The whole DAG on the smoke study: what it leaves behind, and that it is then at rest."""

import json
import os
import shutil
from pathlib import Path

import pytest

from posepaper import files
from posepaper.provenance import record

HAS_TEX = shutil.which("pdflatex") is not None
NOTHING = "Nothing to be done"
# Written by a rule, yet no artefact: what DVC tracks is said there.
UNRECORDED = {"results/smoke/stamps/tracked.json"}
ADDRESS = "lifting:table-2:p1-ours:avg"


def stamps(copy) -> list[dict]:
    found = sorted((copy.root / "results/smoke/stamps").rglob("*.json"))
    return [files.read_json(p) for p in found if p.name != "tracked.json"]


def outputs(copy) -> dict[str, dict]:
    """Every artefact that a job makes, with the stamp of its job."""
    return {path: s for s in stamps(copy) for path in s["job"]["outputs"].values()}


def test_the_run_ends_in_a_report(first):
    report = first.root / "results/smoke/report"
    assert "<html" in (report / "index.html").read_text(encoding="utf-8")
    for paper in ("gsam", "lifting"):
        assert r"\begin{document}" in (report / f"{paper}.tex").read_text(encoding="utf-8")


@pytest.mark.skipif(not HAS_TEX, reason="no TeX on this machine")
def test_the_run_ends_in_both_papers_as_pdf(first):
    for paper in ("gsam", "lifting"):
        pdf = (first.root / f"results/smoke/report/{paper}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF-") and len(pdf) > 50_000


def test_every_table_is_there_with_numbers_and_reasons(first):
    tables = sorted((first.root / "results/smoke/tables").rglob("table-*.json"))
    tables = [p for p in tables if not p.name.endswith(".record.json")]
    names = {f"{p.parent.name}/{p.stem}" for p in tables}
    layouts = (first.root / "report/papers").glob("*/table-*.yaml")
    assert names == {f"{p.parent.name}/{p.stem}" for p in layouts} and len(names) >= 20
    assert {f"gsam/table-{n}" for n in range(1, 10)} < names
    assert {f"lifting/table-{n}" for n in range(1, 11)} < names
    assert all(p.with_suffix(".csv").exists() for p in tables)
    cells = [c for p in tables for r in files.read_json(p)["rows"] for c in r["cells"].values()]
    made = [c for c in cells if c["status"] == "ok"]
    assert len(made) > 50 and all(c["value"] is not None and c["sources"] for c in made)
    assert {c["status"] for c in cells} <= {"ok", "quoted", "not-run"} | {
        c["status"] for c in cells if c["status"].startswith("not-applicable:")
    }


def test_every_artefact_has_a_record_that_is_right(first):
    made = outputs(first)
    assert len(made) > 100
    for path, stamp in made.items():
        written = record.read(first.root / path)
        assert written is not None, path
        assert written["fingerprint"] == stamp["fingerprint"]
        (own,) = (o for o in written["outputs"].values() if o["path"] == path)
        assert own["md5"] == files.md5(first.root / path)
        assert own["size"] == files.size(first.root / path)
        assert len(written["git"]["commit"]) == 40 and written["git"]["dirty"] is False
        assert written["settings"] == stamp["job"]["settings"]
        end = record.nanoseconds(written["end"])
        assert (first.root / path).stat().st_mtime_ns == end


def test_every_file_of_the_results_is_an_artefact_or_its_record(first):
    made, base = set(outputs(first)), first.root / "results/smoke"
    kept = ("data", "keypoints", "checkpoints", "predictions", "metrics", "tables", "figures")
    for folder in (*kept, "report"):
        for path in (p for p in (base / folder).rglob("*") if p.is_file()):
            name = str(path.relative_to(first.root)).removesuffix(".record.json")
            assert name in made or name.startswith("results/smoke/data/world/"), name


def test_records_chain_from_every_artefact_to_the_world(first):
    records = {path: record.read(first.root / path) for path in outputs(first)}

    def origins(path) -> set[str]:
        made = records[path]
        for parent, used in made["inputs"].items():
            (then,) = (o for o in records[parent]["outputs"].values() if o["path"] == parent)
            assert used["md5"] == then["md5"], f"{path} was made from another {parent}"
        below = [origins(parent) for parent in made["inputs"]]
        return set().union(*below) if below else {path}

    assert origins("results/smoke/tables/lifting/table-2.json") == {"results/smoke/data/world.json"}
    for path in records:
        if "/metrics/" in path:
            assert origins(path) == {"results/smoke/data/world.json"}
    world = files.read_json(first.root / "results/smoke/data/world.json")["files"]
    folder = first.root / "results/smoke/data/world"
    assert world == {str(p.relative_to(folder)): files.md5(p) for p in files.walk(folder)}


def test_a_number_s_audit_holds(first):
    done = first.run("posepaper", "audit", ADDRESS, "--study", "smoke")
    assert done.returncode == 0, done.stdout
    for part in ("metrics", "predictions", "checkpoints", "keypoints", "data/world.json"):
        assert f"results/smoke/{part}" in done.stdout
    answer = first.run("posepaper", "audit", ADDRESS, "--study", "smoke", "--json")
    assert json.loads(answer.stdout)["verdict"] == "proven"


def test_a_second_run_does_nothing(first):
    done = first.snakemake("all")
    assert done.returncode == 0 and NOTHING in done.stdout, done.stdout


def test_snakemake_sees_the_inputs_and_outputs_of_the_plan(first):
    done = first.snakemake("all", "--detailed-summary")
    assert done.returncode == 0, done.stdout
    head, *lines = done.stdout[done.stdout.index("output_file\t") :].splitlines()
    columns = head.split("\t")
    rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
    shown = {row["output_file"]: set(row["input-file(s)"].split(",")) for row in rows}
    made = outputs(first)
    (tracked,) = UNRECORDED
    assert shown.pop(tracked) == set(made)
    assert set(shown) == set(made)
    for path, stamp in made.items():
        job = stamp["job"]
        inputs = job["inputs"].values()
        expected = {p for v in inputs for p in ([v] if isinstance(v, str) else v)}
        name = job["target"].removeprefix("results/smoke/")
        assert shown[path] == expected | {f"results/smoke/stamps/{name}.json"}
    assert {row["plan"] for row in rows} == {"no update"}


def test_times_of_a_checkout_do_not_matter(first, tmp_path):
    copy = first.duplicate(tmp_path / "touched")
    for path in copy.root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path)
    done = copy.snakemake("all")
    assert done.returncode == 0 and NOTHING in done.stdout, done.stdout
    shutil.rmtree(copy.root)


def test_a_stage_run_alone_gives_the_same_bytes(first, tmp_path):
    copy = first.duplicate(tmp_path / "alone")
    shutil.rmtree(copy.root / "results/smoke/runs")
    for stage, target in (
        ("tables", "results/smoke/tables/gsam/table-1.json"),
        ("evaluate", "results/smoke/metrics/lift/ours-f81-cpn/seed0.json"),
        ("train", "results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors"),
    ):
        before = (copy.root / target).read_bytes()
        (copy.root / target).unlink()
        done = copy.stage(stage, target)
        assert done.returncode == 0, done.stdout
        assert (copy.root / target).read_bytes() == before, target
        assert record.read(copy.root / target)["start"] > record.read(first.root / target)["end"]
    shutil.rmtree(copy.root)


def test_a_target_that_is_none_is_one_line(first, one_line):
    for target, what in (
        ("results/smoke/tables/gsam/table-99.json", "no job of study 'smoke' makes it"),
        ("tables/table-1.json", "is not an artefact"),
        ("results/smokey/tables/gsam/table-1.json", "Nearest valid: 'smoke'"),
    ):
        line = one_line(first.stage("tables", target))
        assert target in line or "smokey.yaml" in line
        assert what in line
    assert not Path(first.root, "results/smokey").exists()


def test_nothing_is_left_half_written(first):
    parts = [p for p in (first.root / "results").rglob("*") if p.name.startswith(".writing-")]
    assert not parts
