"""What happens where code or artefacts change between a plan and its jobs, or after them."""

import os

import pytest

REPORT = {"make_ledger": 1, "make_report": 1, "make_pdf": 2, "track_results": 1}


@pytest.fixture(scope="module")
def run(second, tmp_path_factory):
    """One finished study for all tests here; each takes back what it edits."""
    return second.duplicate(tmp_path_factory.mktemp("changes") / "run")


@pytest.fixture(autouse=True, scope="module")
def pdfs(second):
    """PDF jobs are planned only where there is a TeX."""
    if not (second.root / "results/smoke/report/gsam.pdf").exists():
        REPORT.pop("make_pdf", None)


def test_code_edited_between_plan_and_job_is_refused(run, edit, one_line):
    target = "results/smoke/tables/gsam/table-1.json"
    edit("src/posepaper/reporting/statistics.py", "LEVEL = 0.95", "LEVEL = 0.9")
    line = one_line(run.stage("tables", target))
    assert target in line and "posepaper.reporting.statistics:LEVEL changed" in line
    assert "Run snakemake again" in line


def test_a_plan_changed_since_is_refused(run, one_line):
    target = "results/smoke/tables/gsam/table-1.json"
    line = one_line(run.stage("tables", target, "--fingerprint", "0" * 64))
    assert target in line and "its plan changed since" in line


def test_a_cut_artefact_is_made_again_with_what_follows(run):
    checkpoint = run.root / "results/smoke/checkpoints/lift/ours-f81-gt/seed0.safetensors"
    whole, times = checkpoint.read_bytes(), checkpoint.stat()
    checkpoint.write_bytes(whole[:-100])
    planned = run.planned()
    assert {r: n for r, n in planned.items() if "lifting" in r} == {
        "train_lifting": 1, "predict_lifting": 1, "evaluate_lifting": 1,
    }  # fmt: skip
    checkpoint.write_bytes(whole)
    os.utime(checkpoint, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run.planned() == {}


def test_a_lost_record_makes_the_artefact_again(run):
    table = run.root / "results/smoke/tables/gsam/table-1.json"
    before = table.read_bytes()
    table.with_name("table-1.json.record.json").unlink()
    # The bars of the table, and both papers' effects, which come from the ledger.
    assert run.planned() == {"make_table": 1, "make_figure": 1 + 4, **REPORT}
    done = run.snakemake("results/smoke/tables/gsam/table-1.json")
    assert done.returncode == 0 and table.read_bytes() == before
