"""Snakemake from the project's root: wrong settings in one line, both profiles found."""

import pytest


def refused(copy, *words, study="smoke") -> str:
    """The line by which Snakemake refuses; nothing may have been computed."""
    done = copy.snakemake("all", *words, study=study)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert not list(copy.root.glob("results/*/*"))
    return done.stdout


CASES = {
    "unknown key": (
        "workflow/experiments/lifting.yaml",
        "recipe: martinez, source: cpn",
        "recipe: martinez, sorce: cpn",
        ["lifting.yaml", "experiments.lift/martinez-cpn.sorce", "Nearest valid: 'source'"],
    ),
    "table row naming no experiment": (
        "report/papers/lifting/table-9.yaml",
        "experiment: lift/videopose3d-f243-cpn",
        "experiment: lift/videopose3d-f244-cpn",
        ["table-9.yaml", "'lift/videopose3d-f244-cpn'", "'lift/videopose3d-f243-cpn'"],
    ),
    "not YAML": (
        "workflow/studies/smoke.yaml",
        "seeds: 1",
        "seeds: [1",
        ["smoke.yaml: is not valid YAML"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_setting_stops_before_anything_runs(clone, case):
    path, old, new, parts = CASES[case]
    clone.edit(path, old, new)
    shown = refused(clone)
    lines = [line for line in shown.splitlines() if path in line]
    assert len(lines) == 1, shown
    assert all(part in lines[0] for part in parts), lines[0]


def test_an_unknown_study_is_one_line(clone):
    shown = refused(clone, study="smok")
    assert "workflow/studies/smok.yaml: is not there. Nearest valid: 'smoke'" in shown


def test_an_unknown_key_of_config_yaml_is_one_line(clone):
    clone.edit("config.yaml", "study: mini", "studdy: mini")
    assert "config.yaml: unknown key 'studdy'. Nearest valid: 'study'" in refused(clone)


def test_a_target_nobody_makes_is_an_error(clone):
    done = clone.snakemake("results/smoke/metrics/lift/nobody/seed0.json")
    assert done.returncode != 0
    assert "plans no 'lift/nobody/0'. Nearest planned: " in done.stdout


def test_the_slurm_profile_resolves_from_the_root(clone):
    done = clone.run("snakemake", "--profile", "slurm", "all", "-n", "--config", "study=smoke")
    assert done.returncode == 0, done.stdout
    assert "train_lifting" in done.stdout and "make_report" in done.stdout


def test_the_rules_pass_snakemake_s_own_linter(clone):
    done = clone.run("snakemake", "--lint")
    assert done.returncode == 0 and "Congratulations" in done.stdout, done.stdout
