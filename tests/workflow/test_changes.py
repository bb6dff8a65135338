"""What an edit makes Snakemake do again: what it means something to, and nothing else."""

import os

import pytest

LAYOUT = "report/papers/lifting/table-9.yaml"
REPORT = {"make_report": 1, "make_pdf": 2, "track_results": 1}


@pytest.fixture(scope="module")
def run(second, tmp_path_factory):
    """One finished study for all tests here; each takes back what it edits."""
    return second.duplicate(tmp_path_factory.mktemp("changes") / "run")


@pytest.fixture
def edit(run):
    """Edits a file of the study's code or settings until the test ends."""
    kept = {}

    def replace(path, old, new):
        kept.setdefault(path, (run.root / path).read_bytes())
        run.edit(path, old, new)

    yield replace
    for path, content in kept.items():
        (run.root / path).write_bytes(content)


@pytest.fixture(autouse=True, scope="module")
def pdfs(second):
    """PDF jobs are planned only where there is a TeX."""
    if not (second.root / "results/smoke/report/gsam.pdf").exists():
        REPORT.pop("make_pdf", None)


def test_a_comment_plans_nothing(run, edit):
    edit("src/posepaper/training/loop.py", "import contextlib", "# why\nimport contextlib")
    edit("src/posepaper/evaluation/metrics.py", '"""', '"""Other words. ')
    edit("workflow/rules/train.smk", "rule train_lifting:", "# as above\nrule train_lifting:")
    edit("workflow/experiments/lifting.yaml", "defaults:", "# shared\ndefaults:")
    assert run.planned() == {}


def test_a_claimed_value_plans_its_table_and_the_report(run, edit):
    edit(LAYOUT, "claimed: {params: 12.75, mpjpe: 47.5}", "claimed: {params: 12.75, mpjpe: 47.4}")
    assert run.planned() == {"make_table": 1, **REPORT}


def test_a_metric_plans_evaluations_and_no_training(run, edit):
    edit("src/posepaper/evaluation/metrics.py", "import numpy as np", "import numpy as np\n\nX = 1")
    planned = run.planned()
    assert planned.keys() >= {"evaluate_lifting", "make_table", "make_report"}
    assert planned["evaluate_lifting"] == 6
    assert not {r for r in planned if r.startswith(("train_", "prepare_", "detect_"))}


def test_a_recipe_plans_its_own_training_and_what_follows(run, edit):
    edit(
        "workflow/experiments/lifting.yaml",
        "model: {name: gsam, frames: 9, sam: after_msa, tam: after_msa, drop_path: 0.1}",
        "model: {name: gsam, frames: 9, sam: after_msa, tam: after_msa, drop_path: 0.2}",
    )
    planned = run.planned()
    assert {r: planned.get(f"{r}_lifting") for r in ("train", "predict", "evaluate")} == {
        "train": 1, "predict": 1, "evaluate": 1,
    }  # fmt: skip
    assert not {r for r in planned if r.startswith(("prepare_", "detect_")) or "pose2d" in r}


def test_the_same_numbers_by_another_road_plan_nothing(run, edit):
    """A fingerprint covers resolved values: where they were written does not matter."""
    edit("workflow/studies/smoke.yaml", "samples_per_epoch: 256}", "samples_per_epoch: 256}\n")
    edit(
        "workflow/experiments/lifting.yaml", "lr: 0.001, lr_decay: 0.96", "lr: 0.002, lr_decay: 0.9"
    )
    assert run.planned() == {}, "martinez is not run in this study"


def test_a_rule_s_command_is_part_of_what_was_made(run, edit):
    old = '"python -m posepaper.stages.tables {output.json:q}"'
    edit("workflow/rules/tables.smk", old, old.replace("python", "python -X dev"))
    layouts = list((run.root / "report/papers").glob("*/table-*.yaml"))
    assert run.planned()["make_table"] == len(layouts)


def test_code_edited_between_plan_and_job_is_refused(run, edit, one_line):
    target = "results/smoke/tables/gsam/table-1.json"
    edit(
        "src/posepaper/reporting/statistics.py", "import numpy as np", "import numpy as np\n\nX = 1"
    )
    line = one_line(run.stage("tables", target))
    assert target in line and "posepaper.reporting.statistics changed" in line
    assert "Run snakemake again" in line


def test_a_plan_changed_since_is_refused(run, one_line):
    target = "results/smoke/tables/gsam/table-1.json"
    line = one_line(run.stage("tables", target, "--fingerprint", "0" * 64))
    assert target in line and "its plan changed since" in line


def test_an_edit_taken_back_plans_nothing(run, edit):
    """After all the plans above, none of which was carried out."""
    assert run.planned() == {}


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
    assert run.planned() == {"make_table": 1, "make_figure": 1, **REPORT}
    done = run.snakemake("results/smoke/tables/gsam/table-1.json")
    assert done.returncode == 0 and table.read_bytes() == before
