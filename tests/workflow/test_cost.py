"""``posepaper cost`` on a study that really ran."""

import json
import math

from posepaper import files

TABLE = "lifting_table_3"


def cost(copy, *words) -> dict:
    done = copy.run("posepaper", "cost", *words, "--study", "smoke", "--json")
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout)


def test_a_finished_study_costs_nothing_more(second):
    assert cost(second)["jobs"] == []
    whole = cost(second, "--all")
    assert {job["basis"] for job in whole["jobs"]} == {"measured here"}
    assert len(whole["jobs"]) == whole["sets"][-1]["jobs"] >= 65
    taken = files.read_json(second.root / "results/smoke/costs.json")
    for job in whole["jobs"]:
        if job["target"] in taken and job["rule"] != "train_lifting":
            assert math.isclose(job["seconds"][1], taken[job["target"]]["seconds"], rel_tol=1e-6)


def test_the_study_file_says_how_many_samples_there_are(second):
    """What is predicted before the data are prepared is what is predicted after."""
    code = (
        "from posepaper.experiments import load_study; from posepaper.stages.work import Counts;"
        "stated = {r: d.samples for r, d in load_study('smoke').datasets.items() if d.samples};"
        "found = Counts('results/smoke');"
        "assert len(stated) == 3 and stated == {r: found.of(r) for r in stated}, stated"
    )
    done = second.run("python", "-c", code)
    assert done.returncode == 0, done.stdout


def test_a_clone_is_predicted_from_the_committed_rates(clone):
    found = cost(clone)
    assert len(found["jobs"]) >= 65
    for job in found["jobs"]:
        known = ("reference",) if job["rule"].startswith("train_") else ("reference", "arithmetic")
        assert job["basis"] in known, job
        low, likely, high = job["seconds"]
        assert 0 < low < likely < high < math.inf, job


def test_the_report_shows_what_was_predicted_without_the_study_s_own_records(second):
    taken = files.read_json(second.root / "results/smoke/costs.json")
    assert {made["predicted_from"] for made in taken.values()} <= {"reference", "arithmetic"}
    page = (second.root / "results/smoke/report/index.html").read_text(encoding="utf-8")
    for rule in {made["rule"] for made in taken.values()}:
        assert f"<th>{rule}</th>" in page


def test_a_changed_recipe_is_scaled_and_a_changed_metric_trains_nothing(again):
    trained = "results/smoke/checkpoints/lift/ours-f81-gt/seed0.safetensors"
    before = {job["target"]: job for job in cost(again, TABLE, "--all")["jobs"]}[trained]
    again.edit("workflow/studies/smoke.yaml", "epochs: 2, batch: 64", "epochs: 40, batch: 64")
    after = {job["target"]: job for job in cost(again, TABLE)["jobs"]}[trained]
    assert after["basis"] == "measured here"
    assert 1 < after["seconds"][1] / before["seconds"][1] <= 20
    again.edit("workflow/studies/smoke.yaml", "epochs: 40, batch: 64", "epochs: 2, batch: 64")
    again.edit(
        "src/posepaper/evaluation/metrics.py",
        "return float(joint_errors(align_similarity(predicted, target), target).mean())",
        "return float(joint_errors(align_similarity(predicted, target), target).mean() + 0)",
    )
    rules = {job["rule"] for job in cost(again, TABLE)["jobs"]}
    assert rules == {"evaluate_lifting", "make_table"}
