"""How SLURM's own words are read; the live cluster is in tests/cluster."""

import json
import subprocess

import pytest

from posepaper.stages import site_check
from posepaper.stages.cluster import Cluster
from posepaper.stages.plan import Plan


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("1-00:00:00", 1440), ("30:00", 30), ("12:30:00", 750), ("2-01:30:00", 2970),
        ("UNLIMITED", float("inf")), ("45", 0.75),
    ],
)  # fmt: skip
def test_a_time_limit_in_minutes(limit, expected):
    assert site_check.minutes(limit) == expected


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("gpu:a100:4(S:0-1)", {"a100": 4}), ("gpu:2", {"": 2}), ("(null)", {}),
        ("gpu:a100:4,gpu:v100:2", {"a100": 4, "v100": 2}), ("craynetwork:4,gpu:1", {"": 1}),
        ("gpu:nvidia_a100_3g.20gb:7(S:0)", {"nvidia_a100_3g.20gb": 7}), ("gpu", {"": 1}),
        ("gpu:2080ti:4", {"2080ti": 4}), ("gpu:a100", {"a100": 1}),
        ("gpu:3090:2(S:0,2-3),gpu:1g.10gb:7", {"3090": 2, "1g.10gb": 7}),
    ],
)  # fmt: skip
def test_the_gpus_of_a_node(gres, expected):
    assert site_check.gpus(gres) == expected


@pytest.mark.parametrize(
    ("state", "usable"),
    [("idle", True), ("mixed", True), ("allocated", True), ("down*", False), ("idle*", False),
     ("drained", False), ("draining", False)],
)  # fmt: skip
def test_which_nodes_take_jobs(state, usable):
    assert site_check.Node("n1", 1, {}, state, 1).usable is usable


def test_a_partition_s_line():
    shown = site_check.fields("PartitionName=gpu State=UP MaxTime=1-00:00:00 Nodes=n[1-2]")
    assert shown == {
        "PartitionName": "gpu", "State": "UP", "MaxTime": "1-00:00:00", "Nodes": "n[1-2]",
    }  # fmt: skip


def test_a_machine_without_slurm_is_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert site_check.told(Plan({"study": "smoke"})) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("WRONG  there is no SLURM on this machine") and "login node" in line
    assert site_check.told(Plan({"study": "smoke"}), as_json=True) == 1
    assert json.loads(capsys.readouterr().out)[0]["holds"] is False


ANSWERS = {
    "scontrol": """case $2 in
config) echo "AccountingStorageType = accounting_storage/slurmdbd";;
*) echo "PartitionName=cpu State=UP MaxTime=1-00:00:00"
echo "PartitionName=gpu State=UP MaxTime=1-00:00:00";;
esac""",
    "sinfo": "echo 'n1|40000|gpu:3090:2,gpu:rtx-6000:1|idle|8'",
    "sacctmgr": "echo vision",
    "sbatch": "true",
}


@pytest.fixture
def slurm(project, tmp_path, monkeypatch):
    """``slurm(site, **answers)``: what the doctor says of a site, where SLURM says that."""
    folder = tmp_path / "slurm"
    folder.mkdir()

    def examined(old="", new="", **answers):
        for name, script in {**ANSWERS, **answers}.items():
            (folder / name).unlink(missing_ok=True)
            if script is not None:
                (folder / name).write_text(f"#!/bin/sh\n{script}\n")
                (folder / name).chmod(0o755)
        site = project / "workflow/profiles/slurm/site.yaml"
        site.write_text(site.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        return site_check.examine(Cluster(Plan({"study": "smoke"}), "slurm"))

    monkeypatch.setenv("PATH", str(folder))
    return examined


ACCOUNT = ("account: null", "account: vision")
# What is found of such a site before a program is asked.
BEFORE = {"scontrol": 0, "sinfo": 0, "sacctmgr": 3, "sbatch": 4}


def test_a_site_that_holds(slurm):
    found = slurm(*ACCOUNT)
    assert all(finding.holds for finding in found), found
    assert [finding.what for finding in found][:3] == [
        "partition cpu: up, 1 of 1 nodes", "partition gpu: up, 1 of 1 nodes",
        "partition gpu: 3 GPUs a node (any GPU)",
    ]  # fmt: skip
    assert "account vision: yours" in [finding.what for finding in found]


def silent(found, program, seen):
    """Whether only what was found before is told, and one line of a silent SLURM."""
    *before, last = found
    assert last.what == f"SLURM does not answer ({seen})" and not last.holds
    assert last.todo.startswith("Ask who runs the cluster")
    return len(before) == BEFORE[program] and all(finding.holds for finding in before)


@pytest.mark.parametrize("program", BEFORE)
def test_a_program_that_takes_too_long_is_one_line(slurm, monkeypatch, program):
    run = subprocess.run

    def late(command, **options):
        if command[0] == program:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", late)
    assert silent(slurm(*ACCOUNT), program, f"{program} took more than 60 s")


def test_a_program_that_fails_or_is_not_there_is_one_line(slurm):
    found = slurm(*ACCOUNT, sinfo="echo 'sinfo: error: no contact' >&2; exit 1")
    assert silent(found, "sinfo", "sinfo: error: no contact")
    assert silent(slurm(sacctmgr=None), "sacctmgr", "there is no sacctmgr on this machine")


def test_accounts_that_the_site_does_not_name_are_not_asked_for(slurm):
    assert all(finding.holds for finding in slurm(sacctmgr=None))


def test_a_type_that_cannot_be_asked_for_is_not_proposed(slurm):
    (finding,) = [found for found in slurm("type: null", "type: rtx_6000") if not found.holds]
    assert finding.todo == "Nearest: '3090'", "rtx-6000 is none that the executor takes"


def test_what_nodes_must_have_is_asked_for(slurm):
    refusing = 'case "$*" in *--constraint=gold*) echo "sbatch: error: none" >&2; exit 1;; esac'
    found = slurm("cpu: {", "cpu: {constraint: gold, ", sbatch=refusing)
    wrong = [finding for finding in found if not finding.holds]
    assert wrong and all("SLURM refuses 1 node(s)" in finding.what for finding in wrong)
    assert all(" on cpu (sbatch: error: none)" in finding.what for finding in wrong)
