"""A run watched while it goes on, after it was stopped, and after a job of it failed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

EXPERIMENT = "lift/ours-f81-gt"
TARGET = f"results/smoke/checkpoints/{EXPERIMENT}/seed0.safetensors"
NAME = f"train_lifting {EXPERIMENT} seed 0"
RECIPE = f"  {EXPERIMENT}:\n    recipe: ours\n"
COMMAND = ("snakemake", TARGET, "--cores", "2", "--config", "study=smoke")


@pytest.fixture(scope="module")
def run(second, tmp_path_factory):
    """A finished study, to be spoilt."""
    copy = second.duplicate(tmp_path_factory.mktemp("watch") / "run")
    yield copy
    shutil.rmtree(copy.root)


def look(copy) -> tuple[dict, int]:
    done = copy.run("posepaper", "watch", "--study", "smoke", "--json")
    return json.loads(done.stdout), done.returncode


def training(found) -> dict:
    return next(job for job in found["jobs"] if job["target"] == TARGET)


def test_a_finished_study_is_all_done_and_its_page_says_where(run):
    found, code = look(run)
    assert code == 0 and {job["state"] for job in found["jobs"]} == {"done"}
    shown = run.run("posepaper", "watch", "--study", "smoke")
    assert shown.returncode == 0 and f"{len(found['jobs'])} jobs: " in shown.stdout
    page = (run.root / "results/smoke/report/index.html").read_text(encoding="utf-8")
    ran = page.partition('<section id="runs">')[2]
    assert f"<th>checkpoints/{EXPERIMENT}/seed0.safetensors</th>" in ran


def test_a_run_is_watched_from_its_first_step_to_its_stop(run, edit):
    edit("workflow/studies/smoke.yaml", "lifting: {epochs: 2,", "lifting: {epochs: 4000,")
    driver = subprocess.Popen(
        [sys.executable, "-m", *COMMAND], cwd=run.root, env=run.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while not (seen := training(look(run)[0]))["progress"]:
            assert time.monotonic() < end and driver.poll() is None, seen
        found, code = look(run)
        seen = training(found)
        assert code == 0 and found["driver"]["pid"] == driver.pid
        assert found["driver"]["state"] == "running" and seen["state"] == "running"
        assert 0 < seen["progress"]["done"] < seen["progress"]["total"] == 16000
        assert seen["progress"]["facts"]["epoch"] >= 1 and seen["progress"]["left"] > 0
        assert {job["rule"] for job in found["jobs"]} == {
            *("prepare_world", "prepare_poses", "prepare_keypoints", "train_lifting")
        }
        drafted = run.snakemake("draft")
        assert drafted.returncode == 0, drafted.stdout
        page = (run.root / "results/smoke/draft/index.html").read_text(encoding="utf-8")
        assert f"<th>{NAME}</th><td>running</td>" in page
    finally:
        # As Ctrl-C in a terminal does: to everyone.
        os.killpg(driver.pid, signal.SIGINT)
        driver.wait(60)
    end = time.monotonic() + 60
    while (seen := training(look(run)[0]))["state"] == "running":
        assert time.monotonic() < end
    assert seen["state"] == "stopped" and seen["ended"], seen
    found, code = look(run)
    assert code == 0 and found["driver"]["state"] == "ended"
    assert found["driver"]["command"] == " ".join(COMMAND)


def test_a_failed_run_ends_with_the_job_s_last_words_and_the_command(run, edit):
    edit("workflow/experiments/lifting.yaml", RECIPE, f"{RECIPE}    training: {{lr: 1.0e+30}}\n")
    done = run.run(*COMMAND)
    assert done.returncode and "Traceback" not in done.stdout
    _, told, end = done.stdout.partition(f"failed: {NAME}")
    assert told and "  | posepaper: train lift/ours-f81-gt seed 0: the loss is" in end
    assert f"then type: {' '.join(COMMAND)}" in end
    found, code = look(run)
    assert code == 1 and found["counts"]["failed"] == 1
    assert "the loss is" in training(found)["error"]
    shown = run.run("posepaper", "watch", "--study", "smoke")
    assert shown.returncode == 1 and f"failed: {NAME}" in shown.stdout
    assert f"results/smoke/logs/train/{EXPERIMENT}/seed0.log" in shown.stdout


def test_wrong_use_is_one_line(run):
    done = run.run("posepaper", "watch", "--study", "smok")
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1 and "smoke" in done.stdout
