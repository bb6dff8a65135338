"""How SLURM's own words are read; the live cluster is in tests/cluster."""

import json

import pytest

from posepaper.stages import site_check
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
