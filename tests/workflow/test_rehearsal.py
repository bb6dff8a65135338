"""``rehearse=true`` on the smoke study, with a network that cannot be built, then repaired."""

import csv
import json

LIFTING = "workflow/experiments/lifting.yaml"
BROKEN = "lift/videopose3d-f81-cpn"
RECIPE = (
    f"  {BROKEN}:\n    {{recipe: videopose3d, source: cpn, model: {{name: videopose3d, frames: "
)
BASE = "results/smoke-rehearsal"


def rehearse(copy):
    return copy.run(*("snakemake", "all", "--cores", 2, "--config", "study=smoke", "rehearse=true"))


def told(copy):
    done = copy.run("posepaper", "rehearsal", "--study", "smoke", "--json")
    return done.returncode, json.loads(done.stdout)


def fewer(copy):
    """A 2D network and two lifters, one of them of frames that no layers of it have."""
    smoke = (copy.root / "workflow/studies/smoke.yaml").read_text(encoding="utf-8")
    kept = ("pose2d/hrnet-w32", BROKEN, "lift/ours-f81-gt")
    head, _, _ = smoke.partition("only:\n")
    only = "".join(f"  - {name}\n" for name in kept)
    (copy.root / "workflow/studies/smoke.yaml").write_text(f"{head}only:\n{only}")
    copy.edit(LIFTING, f"{RECIPE}81", f"{RECIPE}80")


def test_a_rehearsal_names_what_fails_and_feeds_the_cost(clone):
    fewer(clone)
    done = rehearse(clone)
    assert done.returncode != 0, done.stdout[-3000:]
    assert "posepaper rehearsal --study smoke-rehearsal says what failed" in done.stdout
    assert not (clone.root / "results/smoke").exists()

    code, found = told(clone)
    target = f"{BASE}/checkpoints/{BROKEN}/seed0.safetensors"
    failed = {job["target"]: job for job in found["failed"]}
    # Parameters are counted on every network as it would be built.
    assert code == 1 and set(failed) == {target, f"{BASE}/tables/parameters.json"}
    for job in failed.values():
        assert "frames" in job["why"] and "80" in job["why"]
        assert (clone.root / job["log"]).exists()
    states = {row["experiment"]: row["state"] for row in found["networks"]
              if row["rule"].startswith("train_")}  # fmt: skip
    assert states == {"pose2d/hrnet-w32": "done", "lift/ours-f81-gt": "done", BROKEN: "failed"}
    shown = clone.run("posepaper", "rehearsal", "--study", "smoke")
    assert shown.returncode == 1 and f"FAILED {target}" in shown.stdout

    draft = (clone.root / BASE / "draft/index.html").read_text(encoding="utf-8")
    assert 'data-status="failed"' in draft
    assert "rehearsal of the smoke study: no number here is a result" in draft
    assert not list((clone.root / "results").rglob("*.dvc"))

    clone.edit(LIFTING, f"{RECIPE}80", f"{RECIPE}81")
    done = rehearse(clone)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "train_pose2d" not in done.stdout, "what did not fail is not rehearsed again"
    code, found = told(clone)
    assert code == 0 and found["jobs"].keys() == {"done"}
    for row in found["networks"]:
        assert row["memory"] > 1e8 and row["device"] in ("cpu", "gpu")
        if row["rule"].startswith("train_"):
            assert row["step_seconds"] > 0 and row["whole"]["seconds"] > 0
            assert row["whole"]["memory"] < row["granted"]["memory"]
    assert_no_numbers(clone)

    cost = json.loads(clone.run("posepaper", "cost", "--study", "smoke", "--json").stdout)
    bases = {job["rule"]: job["basis"] for job in cost["jobs"]}
    assert {bases[r] for r in bases if r.startswith(("train_", "predict_"))} == {"rehearsed"}
    assert "rehearsed: a few steps" in clone.run("posepaper", "cost", "--study", "smoke").stdout
    assert not (clone.root / "results/smoke").exists(), "nothing of it is the study's"
    again = rehearse(clone)
    assert "Nothing to be done" in again.stdout, again.stdout[-2000:]


def assert_no_numbers(copy):
    """No table of a rehearsal shows a number that was made here, and no verdict."""
    paths = sorted((copy.root / BASE / "tables").rglob("table-*.csv"))
    rows = [row for path in paths for row in csv.DictReader(path.open(encoding="utf-8"))]
    assert len(paths) == 21 and any("rehearsed" in row["status"] for row in rows)
    assert not any(row["value"] or row["verdict"] for row in rows)
    page = (copy.root / BASE / "report/index.html").read_text(encoding="utf-8")
    assert "no number here is a result" in page and 'data-status="ok"' not in page
