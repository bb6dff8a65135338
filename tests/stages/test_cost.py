"""How much a job has to do, what names stand for, and what a run of a study would cost."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from posepaper import cli, models
from posepaper.errors import InputError
from posepaper.provenance import cost
from posepaper.stages import cost as costs
from posepaper.stages import targets, work
from posepaper.stages.cost_text import lines
from posepaper.stages.plan import Plan

pytestmark = pytest.mark.usefixtures("project")
ROOT = Path(__file__).parents[2]
SIZE = {"gmac": 0.5, "parameters": 1000}
TRAINING = {"epochs": 3, "batch": 8, "samples_per_epoch": None, "flip": True}


def planned(study="smoke"):
    return Plan({"study": study, "data": []})


def need(rule, settings, *inputs):
    counts = work.Counts("results/x", {"pose3d": {"train": 100, "test": 30}})
    settings = {"model": {"name": "gsam"}, "threads": 2, **settings}
    paths = ["results/x/data/pose3d.h5", *inputs]
    return work.need("results/x/some.file", rule, settings, paths, counts, lambda path: SIZE)


def test_a_training_s_work_is_epochs_samples_and_gmac_forward_and_backward():
    asked = need("train_lifting", {"training": TRAINING})
    assert asked["work"] == pytest.approx(3 * 200 * 0.5 * 3), "mirrored windows are samples too"
    assert asked["steps"] == 3 * 25 and asked["threads"] == 2 and asked["volume"] == 1000
    some = need("train_lifting", {"training": {**TRAINING, "samples_per_epoch": 20}})
    assert some["work"] == pytest.approx(3 * 20 * 0.5 * 3) and some["steps"] == 3 * 3
    crops = need("train_pose2d", {"training": TRAINING})
    assert crops["work"] == pytest.approx(3 * 100 * 0.5 * 3), "mirrored crops are not"
    assert need("train_lifting", {})["work"] == 0, "published weights"


def test_a_prediction_s_work_is_what_it_looks_at():
    checkpoint = "results/x/checkpoints/a/b/seed0.safetensors"
    once = need("predict_lifting", {"protocol": {"flip": False}}, checkpoint)
    both = need("predict_lifting", {"protocol": {"flip": True}}, checkpoint)
    assert (once["work"], both["work"]) == (30 * 0.5, 30 * 2 * 0.5)
    frames = need("detect_keypoints", {"flip": False}, checkpoint)
    assert frames["work"] == 130 * 0.5
    epochs = need("evaluate_epochs", {"protocol": {"flip": False}, "epochs": [1, 2]}, checkpoint)
    assert epochs["work"] == 2 * 30 * 0.5 and epochs["like"] == "predict_pose2d"


def test_what_nobody_knows_is_none_and_not_nothing():
    counts = work.Counts("results/x", {"pose3d": {"train": 100, "test": 30}})
    settings = {"model": {"name": "gsam"}, "protocol": {"flip": False}}
    paths = ["results/x/data/pose3d.h5", "results/x/checkpoints/a/b/seed0.safetensors"]
    gone = work.need("t", "predict_lifting", settings, paths, counts, lambda path: None)
    assert gone["work"] is None and gone["volume"] == 30, "the checkpoint is not there"
    nothing = work.need("t", "predict_lifting", settings, paths, work.Counts("x"), lambda p: SIZE)
    assert nothing["work"] is None
    trained = {"model": {"name": "gsam"}, "training": TRAINING}
    assert work.need("t", "train_pose2d", trained, [], counts, lambda p: SIZE)["work"] is None


@pytest.mark.parametrize("frames", [3, 9, 81])
def test_a_window_of_videopose3d_costs_what_torch_counts(frames):
    model = {"name": "videopose3d", "frames": frames, "channels": 16}
    network = models.create(**model).eval()
    with FlopCounterMode(display=False) as counter:
        network.forward_window(torch.zeros(1, frames, 17, 2))
    window = counter.get_total_flops() / 2
    layers = round(math.log(frames, 3))
    frame = 3 * 34 * 16 + (layers - 1) * 4 * 16**2 + 51 * 16
    assert work.window_share(model) == pytest.approx(window / frame)
    assert work.window_share({"name": "videopose3d", "frames": 1}) == 1.0
    assert work.window_share({"name": "gsam", "frames": 81}) == 1.0


def test_every_named_target_stands_for_planned_artefacts():
    plan = planned()
    names = targets.named(plan)
    made = {path for job in plan.jobs for path in job.outputs.values()}
    assert all(set(paths) <= made for paths in names.values())
    assert names["lifting_table_3"] == [
        f"results/smoke/tables/lifting/table-3.{kind}" for kind in ("json", "csv")
    ]
    assert sum("_table_" in name for name in names) == 21
    assert len(names["tables"]) == 42 and len(names["gsam"]) > 18
    assert "results/smoke/report/gsam.tex" not in names["lifting"]
    assert {p.split("/")[2] for p in names["trainings"]} == {"checkpoints"}
    assert all("/pose2d/" in p for p in names["pose2d"])
    assert all("/lift/" in p for p in names["lifting3d"])
    assert set(targets.helped(plan)) == set(names) and all(targets.helped(plan).values())


def test_a_target_is_a_name_an_address_or_a_path():
    plan = planned()
    table = targets.resolve(plan, "lifting_table_2")
    assert targets.resolve(plan, "lifting:table-2") == table
    assert targets.resolve(plan, "lifting:table-2:p1-ours:avg") == table
    assert targets.resolve(plan, table[0]) == table[:1]


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("lifting_tabel_3", "lifting_table_3"),
        ("lifting:table-33", "lifting:table-3"),
        ("lifting:table-2:p1-our:avg", "p1-ours"),
        ("lifting:table-2:p1-ours:av", "avg"),
        ("results/smoke/data/poses3d.h5", "results/smoke/data/pose3d.h5"),
    ],
)
def test_a_wrong_target_names_the_nearest_in_one_line(given, near):
    with pytest.raises(InputError) as error:
        targets.resolve(planned(), given)
    assert f"'{near}'" in str(error.value) and "\n" not in str(error.value)


def test_before_anything_ran_a_study_is_predicted_from_the_reference():
    found = costs.predict("mini")
    assert {job["basis"] for job in found["jobs"]} == {cost.REFERENCE}
    everything = found["sets"][-1]
    assert everything["name"] == "all" and everything["jobs"] == len(planned("mini").jobs)
    low, likely, high = everything["cpu_hours"]
    assert 0 < low < likely < high and everything["gpu_hours"] == [0, 0, 0]
    assert everything["wall_seconds"][1] <= 3600 * likely <= 2 * 3600 * everything["jobs"]
    tables = {made["name"]: made for made in found["sets"]}
    assert sum("_table_" in name for name in tables) == 21
    assert all(0 < made["jobs"] < everything["jobs"] for made in found["sets"][:-1])
    rerun = costs.predict("mini")
    assert rerun == found, "sizes kept in .posepaper are those that torch counted"


def test_a_table_needs_its_ancestors_and_no_more():
    found = costs.predict("mini", "lifting_table_3")
    rules = [job["rule"] for job in found["jobs"]]
    assert rules.count("train_lifting") == 3 and rules.count("make_table") == 1
    assert "train_pose2d" not in rules and "make_report" not in rules
    assert {j["target"] for j in found["jobs"] if j["rule"] == "prepare_keypoints"} == {
        "results/mini/keypoints/gt.h5"
    }


def test_missing_data_are_named_and_may_be_imagined():
    found = costs.predict("paper", "gsam_table_2")
    assert found["not_counted"] == {"Human3.6M": 9} and len(found["jobs"]) == 1
    assert any("needs Human3.6M: 9 trainings not counted" in line for line in lines(found))
    full = costs.predict("paper", "gsam_table_2", "slurm", imagined=True)
    trainings = [job for job in full["jobs"] if job["rule"] == "train_lifting"]
    assert len(trainings) == 9 and full["not_counted"] == {}
    assert {(j["device"], j["basis"]) for j in trainings} == {("gpu", cost.ASSUMED)}
    assert full["machine"]["slots"] == 100 and full["sets"][-1]["gpu_hours"][1] > 100
    assert any("assumption" in line for line in lines(full))


def test_the_command_refuses_in_one_line_and_prints_json(capsys, monkeypatch):
    done = CliRunner().invoke(cli.app, ["cost", "lifting_table_3", "--study", "mini", "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["sets"][0]["name"] == "lifting_table_3"
    for words in (["lifting_tabel_3"], ["--profile", "slrum"], ["--study", "minni"]):
        monkeypatch.setattr("sys.argv", ["posepaper", "cost", *words])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        shown = capsys.readouterr().err
        assert stop.value.code == 2 and shown.count("\n") == 1 and "earest" in shown


def test_predicted_and_measured_are_compared_by_rule():
    predicted = {"a": {"seconds": [1, 10.0, 99]}, "b": {"seconds": [1, 20.0, 99]}}
    measured = [
        {"target": "a", "rule": "train", "seconds": 5.0},
        {"target": "b", "rule": "train", "seconds": 15.0},
        {"target": "c", "rule": "train", "seconds": 1.0},
    ]
    assert work.by_rule(predicted, measured) == [
        {"rule": "train", "jobs": 2, "predicted": 30.0, "measured": 20.0, "ratio": 1.5}
    ]
