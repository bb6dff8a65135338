"""No alarm where nothing is wrong, and what an audit answers."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from posepaper.errors import InputError
from posepaper.stages import trial

NUMBER = "lifting:table-2:p1-ours:avg"


@pytest.mark.parametrize("mode", ["audit", "verify", "reevaluate"])
def test_a_clean_study_raises_no_alarm(study, mode):
    answers = study.ask(mode, everything=True)
    assert len(answers) > 50
    assert [a["why"] for a in answers if a["verdict"] != "proven"] == []
    notes = {n for a in answers for link in a["links"] for n in link["notes"]}
    assert ("made again: equal bits" in notes) == (mode == "reevaluate")
    assert not [n for n in notes if "not computed again" in n or "not rendered again" in n]


def test_some_sequences_of_a_clean_study_raise_no_alarm(study):
    answers = study.ask("reevaluate", everything=True, share=0.1)
    assert [a["why"] for a in answers if a["verdict"] != "proven"] == []
    notes = {n for a in answers for link in a["links"] for n in link["notes"]}
    assert "2 of its sequences made again: equal within 1e-05" in notes
    assert "made again: equal bits" in notes, "the numbers, measured on the predictions told"


@pytest.mark.parametrize("mode", ["verify", "reevaluate"])
def test_a_clone_restored_by_dvc_raises_no_alarm(restored, opened, mode):
    answers = opened(restored.root).ask(mode, everything=True, share=0.1)
    assert len(answers) > 50
    assert [a["why"] for a in answers if a["verdict"] != "proven"] == []


def test_the_command_answers_for_every_number(second, tmp_path):
    copy = second.duplicate(tmp_path / "copy")
    for words in (("--all",), ("--sample", "3", "--verify")):
        done = copy.run("posepaper", "audit", *words, "--study", "smoke")
        assert done.returncode == 0 and done.stdout.strip().endswith(" proven"), done.stdout
    copy.edit("results/smoke/tables/lifting/table-2.csv", "43.1", "43.2")
    done = copy.run("posepaper", "audit", NUMBER, "--verify", "--study", "smoke")
    assert (
        done.returncode == 1 and "\nbroken: results/smoke/tables/lifting/table-2.csv" in done.stdout
    )
    shutil.rmtree(copy.root)


def test_the_chain_reaches_every_kind_of_file(study):
    (answer,) = study.ask("verify", NUMBER)
    folders = {Path(link["path"]).parts[2] for link in answer["links"] if "/" in link["path"][8:]}
    assert {"tables", "metrics", "predictions", "checkpoints", "keypoints", "data"} <= folders
    for link in answer["links"]:
        assert link["verdict"] == "proven" and not link["why"]
        if link["made"]:
            assert link["md5"] == link["recorded"]["md5"] and link["size"] > 0
            assert len(link["made"]["git"]["commit"]) == 40 and "settings" in link["made"]
            assert {"cpu", "gpus", "slurm_job", "host", "lock"} <= link["made"]["machine"].keys()


def test_a_sample_is_drawn_by_its_seed(study):
    drawn = [[a["address"] for a in study.ask("audit", sample=5, seed=s)] for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2] and len(drawn[0]) == 5


def test_numbers_of_a_commit(study):
    """Read from DVC's cache; what stands in the tree does not matter."""
    study.change_json("results/smoke/tables/lifting/table-2.json", lambda t: t["rows"].clear())
    (answer,) = study.ask("verify", NUMBER, rev="HEAD")
    assert answer["verdict"] == "proven", answer["why"]
    assert answer["cell"]["value"] > 0


def test_a_commit_s_numbers_are_held_against_that_commit(study):
    """Not against today's code, which changed since."""
    study.edit("src/posepaper/stages/evaluate.py", "MM = 1000.0", "MM = 1001.0")
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *who, "commit", "-qam", "Measure otherwise"], check=True)
    (then,) = study.ask("verify", NUMBER, rev="HEAD~1")
    assert then["verdict"] == "proven", then["why"]
    (now,) = study.ask("audit", NUMBER, rev="HEAD")
    assert now["verdict"] == "behind" and "evaluate:MM changed" in now["why"][0]


def test_a_number_that_was_not_run_does_not_hold(study):
    (answer,) = study.ask("audit", "lifting:table-2:p1-martinez:avg")
    assert answer["verdict"] == "unverifiable"
    assert "no run stands behind this number: not-run" in answer["why"][0]


def test_an_artefact_can_be_asked_for(study):
    page = "results/smoke/figures/lifting/figure-training.png"
    (answer,) = study.ask("verify", page)
    assert answer["verdict"] == "proven" and len(answer["links"]) > 5
    with pytest.raises(InputError, match="is not there"):
        trial.hold(trial.Question("smoke", ("results/smoke/none.h5",)))


def test_the_answer_is_json(study):
    answers = study.ask("audit", everything=True)
    assert json.loads(json.dumps(answers)) == answers
