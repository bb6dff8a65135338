"""When a stopped job asks SLURM to take it back, and which jobs a new driver takes for its own."""

import os
import subprocess

import pytest

from posepaper.errors import InputError
from posepaper.stages import orphans, requeue, slurm_queue

OURS = "JobId=7 JobState=RUNNING Comment=rule_train_lifting_wildcards_smoke_lift_a_0 PreemptTime="


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """``asked(facts, saved)``: whether a job of which SLURM says so is put back."""

    def ask(facts, saved=True):
        script, log = tmp_path / "scontrol", tmp_path / "log"
        script.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ $1 = show ] && echo "{facts}"\n')
        script.chmod(0o755)
        log.unlink(missing_ok=True)
        requeue.again(saved=saved)
        return log.exists() and "requeue 7" in log.read_text()

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    return ask


def test_what_has_saved_goes_back(asked):
    assert asked(f"{OURS}None")


def test_what_has_not_goes_back_where_it_was_pre_empted(asked):
    assert not asked(f"{OURS}None", saved=False)
    assert asked(f"{OURS}2026-11-21T10:00:00", saved=False)


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", "TIMEOUT"])
def test_what_slurm_ends_already_does_not(asked, state):
    assert not asked(f"{OURS}None".replace("RUNNING", state))


def test_a_driver_s_own_job_does_not(asked):
    assert not asked("JobId=7 JobState=RUNNING Comment=(null) PreemptTime=None")


def test_one_process_of_a_job_asks(asked, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert not asked(f"{OURS}None")


def test_outside_slurm_nobody_is_asked(asked, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID")
    assert not asked(f"{OURS}None")


def test_what_cannot_ask_says_that_a_retry_is_used_up(asked, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "image"))
    assert not asked(f"{OURS}None")
    (line,) = capsys.readouterr().err.splitlines()
    assert "SLURM job 7 cannot be put back into the queue from here" in line and "retry" in line
    monkeypatch.delenv("SLURM_JOB_ID")
    requeue.again(saved=True)
    assert not capsys.readouterr().err


def test_a_refusal_is_told(asked, capsys, monkeypatch):
    def refuse(*words):
        code = 0 if words[0] == "show" else 1
        return subprocess.CompletedProcess(words, code, f"{OURS}None", "Requested\n disabled")

    monkeypatch.setattr(requeue, "_scontrol", refuse)
    requeue.again(saved=True)
    assert "SLURM does not take the job back (Requested disabled)" in capsys.readouterr().err


ENTRY = slurm_queue.Entry("", "PENDING", "None", "", None, None, None, "")


def test_a_new_driver_knows_its_study_s_jobs_by_their_comment(monkeypatch):
    comments = {
        "1": "rule_prepare_world_wildcards_smoke",
        "2": "rule_train_lifting_wildcards_smoke_lift_a_0",
        "3": "rule_train_lifting_wildcards_smoke-rehearsal_lift_a_0",
        "4": "(null)",
        "5": "rule_train_lifting_wildcards_mini_lift_smoke_0",
    }
    queue = [ENTRY._replace(id=i, comment=comment) for i, comment in comments.items()]
    queue.append(queue[1]._replace(id="6", state="COMPLETED"))
    monkeypatch.setattr(slurm_queue, "read", lambda: queue)
    assert [found.id for found in orphans._submitted("smoke")] == ["1", "2"]


def answers(monkeypatch, *queues):
    """A SLURM that says this one after the other, and a clock that nobody waits for."""
    left = iter(queues)
    monkeypatch.setattr(slurm_queue, "read", lambda: next(left))
    monkeypatch.setattr(orphans.time, "sleep", lambda seconds: None)


def test_a_driver_that_submits_must_know_what_is_queued(monkeypatch):
    answers(monkeypatch, None, None)
    orphans._wait_for_slurm("smoke", False)
    with pytest.raises(InputError, match=r"SLURM does not answer\. Wait"):
        orphans._wait_for_slurm("smoke", True)


@pytest.mark.parametrize("submits", [True, False])
def test_a_slurm_that_falls_silent_is_waited_for(monkeypatch, capsys, submits):
    ours = [ENTRY._replace(id="2", state="RUNNING", comment="rule_train_lifting_wildcards_smoke")]
    answers(monkeypatch, ours, None, None, ours, [])
    orphans._wait_for_slurm("smoke", submits)
    assert capsys.readouterr().err.splitlines() == [
        "SLURM job 2 of an earlier run (train_lifting of smoke) runs, waiting for it",
        "SLURM does not answer, waiting for it: jobs of an earlier run may still run",
    ]


def test_a_cancel_without_an_answer_is_tried_again(monkeypatch):
    tried = []

    def silent(command, **options):
        tried.append(command[-1])
        raise subprocess.TimeoutExpired(command, options["timeout"])

    ours = [ENTRY._replace(id="2", comment="rule_train_lifting_wildcards_smoke")]
    answers(monkeypatch, ours, ours, [])
    monkeypatch.setattr(orphans.subprocess, "run", silent)
    orphans._wait_for_slurm("smoke", True)
    assert tried == ["2", "2"]
