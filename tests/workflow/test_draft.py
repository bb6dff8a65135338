"""One training fails: the others go on, and a draft of both papers says which failed."""

import html
import re

import pytest

from posepaper import files

pytestmark = pytest.mark.xdist_group("smoke-second")

FAILING = "lift/ours-f81-gt"
RECIPE = """  lift/ours-f81-gt:
    recipe: ours
"""
CHECKPOINTS = f"results/smoke/checkpoints/{FAILING}"


@pytest.fixture(scope="module")
def failed(second, tmp_path_factory):
    """A finished study in which one recipe was changed to one that diverges, run again."""
    copy = second.duplicate(tmp_path_factory.mktemp("draft") / "run")
    copy.edit(
        "workflow/experiments/lifting.yaml", RECIPE, f"{RECIPE}    training: {{lr: 1.0e+30}}\n"
    )
    return copy, copy.snakemake("all"), copy.snakemake("draft")


def test_a_diverged_training_is_one_line_and_leaves_no_checkpoint(failed):
    copy, done, _ = failed
    assert done.returncode != 0 and "Traceback" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("posepaper: ")]
    assert len(lines) == 1 and FAILING in lines[0]
    assert not list((copy.root / CHECKPOINTS).glob("seed0*"))
    log = (copy.root / f"results/smoke/logs/train/{FAILING}/seed0.log").read_text()
    assert lines[0] in log


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
    layouts = sorted((copy.root / "results/smoke/tables").rglob("table-*.json"))
    for path in (p for p in layouts if not p.name.endswith(".record.json")):
        table = files.read_json(path)
        for row in table["rows"]:
            for column, cell in row["cells"].items():
                address = html.escape(
                    f"{table['paper']}:table-{table['table']}:{row['id']}:{column}"
                )
                if row.get("experiment") == FAILING and cell["status"] != "quoted":
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
    curve = copy.root / f"{CHECKPOINTS}/seed0.curve.json"
    copy.edit("workflow/experiments/lifting.yaml", "    training: {lr: 1.0e+30}\n", "")
    done = copy.snakemake("all")
    assert done.returncode == 0, done.stdout
    log = (copy.root / f"results/smoke/logs/train/{FAILING}/seed0.log").read_text()
    assert curve.exists() and "epoch=" not in log
