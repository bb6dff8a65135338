"""``posepaper doctor --slurm`` against the live cluster."""

import json

import pytest

SITE = "workflow/profiles/slurm/site.yaml"


def doctor(copy, *words):
    return copy.run("posepaper", "doctor", "--slurm", "--study", "smoke", *words)


@pytest.fixture(scope="module")
def project(snapshot, tmp_path_factory):
    return snapshot.duplicate(tmp_path_factory.mktemp("doctor") / "project")


@pytest.fixture
def site(project, slurm):
    """A copy of the project; its site.yaml is put back at the end."""
    before = (project.root / SITE).read_text(encoding="utf-8")
    yield project
    (project.root / SITE).write_text(before, encoding="utf-8")


def test_a_right_site_is_right(site):
    done = doctor(site)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "ok     partition cpu: up, 2 of 2 nodes",
        "ok     partition gpu: up, 2 of 2 nodes",
    ]
    assert all(line.startswith("ok ") for line in lines)
    assert any("1 GPU(s), 30 min on gpu" in line for line in lines)


CASES = {
    "partition": ("partition: gpu", "partition: gpuu", "no 'gpuu'. Nearest: 'gpu'"),
    "time": (
        "gpu: {partition: gpu, max_minutes: 1440",
        "gpu: {partition: gpu, max_minutes: 2880",
        "gpu.max_minutes: 2880, but partition gpu ends jobs at 1440. Write max_minutes: 1440",
    ),
    "memory": ("max_memory: 32000}", "max_memory: 90000}", "the largest node of cpu has 40000 MB"),
    "type": ("type: null", "type: a100", "partition gpu has no 'a100'. Write type: null"),
    "number": (
        "per_node: 2",
        "per_node: 8",
        "a node of gpu has at most 2 (any GPU). Write per_node: 2",
    ),
    "account": ("account: null ", "account: me ", "keeps no accounts. Write account: null"),
    "submission": ("gpu: {", "gpu: {constraint: gold, ", "SLURM refuses"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_hold_is_one_line_with_what_to_do(site, case):
    old, new, line = CASES[case]
    site.edit(SITE, old, new)
    done = doctor(site, "--json")
    wrong = [finding for finding in json.loads(done.stdout) if not finding["holds"]]
    told = doctor(site)
    assert done.returncode == told.returncode == 1
    assert len({finding["todo"] for finding in wrong}) == 1
    assert line in told.stdout, told.stdout
    assert told.stdout.count("WRONG") == len(wrong)


def test_a_key_mistyped_is_one_line_with_the_nearest(site):
    site.edit(SITE, "per_node: 2", "per_nod: 2")
    done = doctor(site)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        f"posepaper: {SITE}: unknown key 'gpu.per_nod'. Nearest valid: 'per_node'"
    ]


def test_snakemake_refuses_a_wrong_site_before_it_submits(site):
    site.edit(SITE, "max_memory: 32000, type", "max_memory: 1000, type")
    done = site.run("snakemake", "--profile", "slurm", "all", "--config", "study=smoke")
    (line,) = [line for line in done.stdout.splitlines() if SITE in line]
    assert done.returncode == 1 and "needs 4000 MB, partition gpu has 1000. Raise" in line


def test_a_cluster_that_does_not_answer_is_one_line(site, slurm):
    slurm.stop("slurmctld")
    try:
        done = doctor(site)
    finally:
        slurm.start("slurmctld")
        slurm.wait_until_idle()
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert line.startswith("WRONG  SLURM does not answer")
