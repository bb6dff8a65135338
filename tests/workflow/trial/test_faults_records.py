"""Records that contradict themselves, each other, today's plan or the commit they claim."""

import datetime
import json
import os
import subprocess
import sys

import pytest

from posepaper import files
from posepaper.provenance import record

BASE = "results/smoke"
NUMBER = "lifting:table-2:p1-ours:avg"
OURS, TRUTH = (f"{BASE}/checkpoints/lift/ours-f81-{s}/seed0.safetensors" for s in ("cpn", "gt"))
PREDICTED = f"{BASE}/predictions/lift/ours-f81-cpn/seed0.h5"
MEASURED = f"{BASE}/metrics/lift/ours-f81-cpn/seed0.json"
POSES, KEYPOINTS = f"{BASE}/data/pose3d.h5", f"{BASE}/keypoints/cpn.h5"


def copy_record(study, *, rename: bool):
    """Another training's record beside the checkpoint; with its paths made right."""
    text = json.dumps(record.read(TRUTH))
    renamed = json.loads(text.replace("lift/ours-f81-gt/seed0", "lift/ours-f81-cpn/seed0"))
    made = renamed if rename else json.loads(text)
    study.change_record(OURS, lambda kept: (kept.clear(), kept.update(made)))


def test_a_record_copied_from_another_run(study):
    copy_record(study, rename=False)
    study.finds("audit", OURS, f"its record is that of {TRUTH}")


def test_a_copied_record_with_its_paths_made_right(study):
    copy_record(study, rename=True)
    study.fix(OURS)
    study.finds("audit", OURS, "its record is of experiment lift/ours-f81-gt")


SELF = {
    "a setting edited": (
        lambda made: made["settings"]["training"].update(epochs=200),
        "settings are not those its fingerprint covers",
    ),
    "the covered settings edited": (
        lambda made: made["covers"].update(settings="0" * 64),
        "fingerprint is not that of the code, settings and inputs it lists",
    ),
    "an input dropped": (
        lambda made: made["inputs"].pop(KEYPOINTS),
        f"inputs are not those its fingerprint covers ({KEYPOINTS})",
    ),
    "the seed edited": (lambda made: made.update(seed=1), "names seed 1, its settings 0"),
    "a part dropped": (lambda made: made.pop("covers"), "its record has no 'covers'"),
    "an end before the start": (
        lambda made: made.update(end="2020-01-01T00:00:00.000000+00:00"),
        "clock: ended 2020-01-01",
    ),
    "an end in the future": (
        lambda made: made.update(end="2999-01-01T00:00:00.000000+00:00"),
        "which is in the future",
    ),
}


@pytest.mark.parametrize("fault", SELF)
def test_a_record_against_itself(study, fault):
    change, why = SELF[fault]
    study.change_record(OURS, change)
    study.finds("audit", OURS, why)


def test_outputs_of_one_job_with_two_records(study):
    curve = OURS.replace(".safetensors", ".curve.json")
    made = record.read(curve)
    study.write(record.path_of(curve), files.dump_json({**made, "peak_memory_bytes": 1}).encode())
    study.track()
    study.finds("verify", OURS, f"its record is not that of {curve}")


def shift(study, path, hours: float):
    def later(made):
        for key in ("start", "end"):
            moment = datetime.datetime.fromisoformat(made[key])
            made[key] = (moment + datetime.timedelta(hours=hours)).isoformat(
                timespec="microseconds"
            )

    study.change_record(path, later)


def test_a_clock_that_is_off(study):
    """The training seems to have ended after its weights were used."""
    shift(study, PREDICTED, -1)
    study.finds("audit", OURS, f"after {PREDICTED} started")


def test_a_cycle(study):
    """The dataset claims to be made from predictions made from it."""
    used = record.read(MEASURED)["inputs"][PREDICTED]

    def change(made):
        made["inputs"][PREDICTED] = used
        made["covers"]["parents"][PREDICTED] = record.read(PREDICTED)["fingerprint"]

    study.change_record(POSES, change)
    (answer,) = study.ask("audit", NUMBER)
    assert answer["verdict"] == "broken"
    assert any("is its own ancestor" in why for why in answer["why"]), answer["why"]


def test_a_parent_that_is_not_what_was_used(study):
    """The checkpoint's record agrees with its bytes, the prediction's names others."""
    study.swap(OURS, TRUTH)
    now, size = files.md5(OURS), files.size(OURS)
    study.change_record(OURS, lambda made: made["outputs"]["checkpoint"].update(md5=now, size=size))
    study.finds("audit", OURS, "is not what was used")


def test_a_parent_made_anew_since(study):
    """Then the number is of other inputs than would be used now: stale, not broken."""
    for path in sorted(study.root.glob(f"{BASE}/**/*.record.json")):
        artefact = str(path.relative_to(study.root)).removesuffix(".record.json")
        if artefact != KEYPOINTS and record.read(artefact)["target"] == artefact:
            shift(study, artefact, -2)
    study.write(KEYPOINTS, study.root.joinpath(BASE, "keypoints/detectron.h5").read_bytes())
    now, size = files.md5(KEYPOINTS), files.size(KEYPOINTS)
    study.change_record(
        KEYPOINTS, lambda made: made["outputs"]["keypoints"].update(md5=now, size=size)
    )
    study.finds("audit", KEYPOINTS, "was made anew since its use", "stale")


def test_a_dirty_tree_claimed_clean(study):
    """The training ran code that its commit does not have."""
    name = "posepaper.training.lifting:train_lifting"
    study.cover(OURS, lambda made: made["covers"]["code"]["definitions"].update({name: "0" * 16}))
    study.track()
    (answer,) = study.ask("audit", NUMBER)
    assert answer["verdict"] == "behind", answer["why"]
    (answer,) = study.ask("verify", NUMBER)
    (why,) = [w for w in answer["why"] if "claims the clean commit" in w]
    assert answer["verdict"] == "broken" and why.startswith(f"broken: {OURS}") and name in why


def test_uncommitted_changes_admitted_are_no_fault(study):
    study.change_record(OURS, lambda made: made["git"].update(dirty=True))
    study.track()
    (answer,) = study.ask("verify", NUMBER)
    assert answer["verdict"] == "proven", answer["why"]


def test_a_commit_that_is_not_there(study):
    study.change_record(OURS, lambda made: made["git"].update(commit="1" * 40))
    study.track()
    study.finds("verify", OURS, "is not in this repository", "unverifiable")


def test_another_lock_file_than_the_commit_s(study):
    study.change_record(OURS, lambda made: made["machine"].update(lock="0" * 32))
    study.track()
    study.finds("verify", OURS, "which has another envs/lock.txt")


def test_a_setting_changed_since(study):
    study.edit("workflow/studies/smoke.yaml", "lifting: {epochs: 2", "lifting: {epochs: 3")
    study.finds("audit", OURS, "setting training.epochs is 3, was 2", "stale")


def test_code_changed_since(study):
    """By the command, which runs the study's own code."""
    study.edit("src/posepaper/stages/evaluate.py", "MM = 1000.0", "MM = 1001.0")
    answer = command(study, NUMBER)
    assert answer["verdict"] == "behind"
    assert (
        answer["why"][0].startswith(f"behind: {MEASURED}")
        and "evaluate:MM changed" in answer["why"][0]
    )


def test_a_waiver_is_shown(study):
    study.edit("src/posepaper/stages/evaluate.py", "MM = 1000.0", "MM = 1000.0 + 0.0")
    source, because = "src/posepaper/stages/evaluate.py", "the same number, written otherwise"
    assert run(study, "accept", source, "--because", because, "--study", "smoke").returncode == 0
    answer = command(study, NUMBER)
    assert answer["verdict"] == "proven", answer["why"]
    notes = {link["path"]: link["notes"] for link in answer["links"]}
    assert any(because in note and "accepted by" in note for note in notes[MEASURED])


def command(study, *words) -> dict:
    done = run(study, "audit", *words, "--study", "smoke", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == (answer["verdict"] != "proven")
    return answer


def run(study, *words) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(study.root / "src")}
    command = [sys.executable, "-c", "from posepaper.cli import main; main()", *words]
    return subprocess.run(
        command, cwd=study.root, env=environment, capture_output=True, text=True, check=False
    )
