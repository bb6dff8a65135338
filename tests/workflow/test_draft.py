"""One training fails: the others go on, and a draft of both papers says which failed."""

import html
import re
import shutil

import pytest

from posepaper import files

STALE, FRESH = FAILING = ("lift/ours-f81-gt", "lift/ours-f9-3dhp")
RESULTS = "results/smoke"


@pytest.fixture(scope="module")
def failed(second, tmp_path_factory):
    """A study run after two of its recipes were changed to ones that diverge.

    One has results of its old recipe, one has never been run.
    """
    copy = second.duplicate(tmp_path_factory.mktemp("draft") / "run")
    for stage in ("checkpoints", "predictions", "metrics"):
        shutil.rmtree(copy.root / RESULTS / stage / FRESH)
    for name in FAILING:
        recipe = f"  {name}:\n    recipe: ours\n"
        diverging = f"{recipe}    training: {{lr: 1.0e+30}}\n"
        copy.edit("workflow/experiments/lifting.yaml", recipe, diverging)
    yield copy, copy.snakemake("all"), copy.snakemake("draft")
    shutil.rmtree(copy.root)


def test_a_diverged_training_is_one_line_and_leaves_no_checkpoint(failed):
    copy, done, _ = failed
    assert done.returncode != 0 and "Traceback" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("posepaper: ")]
    assert len(lines) == 2 and all(any(name in line for line in lines) for name in FAILING)
    folder = copy.root / RESULTS / "checkpoints" / FRESH
    assert not folder.exists() or not list(folder.iterdir())
    for name in FAILING:
        log = (copy.root / RESULTS / f"logs/train/{name}/seed0.log").read_text()
        assert any(line in log for line in lines)


def test_what_was_there_is_tracked_after_a_failure(failed):
    copy, done, _ = failed
    assert "track: results/smoke/tables" in done.stdout
    assert (copy.root / "results/smoke/tables.dvc").exists()


def test_the_draft_shows_the_row_as_failed(failed):
    copy, _, done = failed
    assert done.returncode == 0, done.stdout
    folder = copy.root / "results/smoke/draft"
    page = (folder / "index.html").read_text(encoding="utf-8")
    shown = dict(re.findall(r'<td id="([^"]+)" data-status="([^"]+)"', page))
    layouts = sorted((copy.root / RESULTS / "tables").rglob("table-*.json"))
    for path in (p for p in layouts if not p.name.endswith(".record.json")):
        table = files.read_json(path)
        for row in table["rows"]:
            for column, cell in row["cells"].items():
                address = html.escape(
                    f"{table['paper']}:table-{table['table']}:{row['id']}:{column}"
                )
                if row.get("experiment") in FAILING and cell["status"] != "quoted":
                    assert shown[address] == "failed", address
                elif address in shown:
                    assert shown[address] != "failed", address
    assert "failed" in shown.values() and "ok" in shown.values()


def test_the_draft_has_both_papers(failed):
    copy, _, _ = failed
    folder = copy.root / "results/smoke/draft"
    texts = [(folder / f"{p}.tex").read_text(encoding="utf-8") for p in ("gsam", "lifting")]
    assert any("failed" in text for text in texts)
    if (copy.root / "results/smoke/report/gsam.pdf").exists():
        assert all((folder / f"{p}.pdf").read_bytes()[:5] == b"%PDF-" for p in ("gsam", "lifting"))


def test_a_draft_of_nothing_is_possible(snapshot, tmp_path):
    copy = snapshot.duplicate(tmp_path / "empty")
    done = copy.snakemake("draft")
    assert done.returncode == 0, done.stdout
    page = (copy.root / "results/smoke/draft/index.html").read_text(encoding="utf-8")
    assert 'data-status="not-run"' in page and 'data-status="ok"' not in page


def test_taking_the_edit_back_retrains_nothing(failed):
    """The finished run's folder is a cache: its checkpoint comes from there."""
    copy, _, _ = failed
    copy.edit("workflow/experiments/lifting.yaml", "    training: {lr: 1.0e+30}\n", "")
    copy.edit("workflow/experiments/lifting.yaml", "    training: {lr: 1.0e+30}\n", "")
    target = f"{RESULTS}/checkpoints/{FRESH}/seed0.safetensors"
    done = copy.snakemake(target)
    assert done.returncode == 0, done.stdout
    log = (copy.root / RESULTS / f"logs/train/{FRESH}/seed0.log").read_text()
    assert (copy.root / target).exists() and "epoch=" not in log
