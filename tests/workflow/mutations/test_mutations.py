"""Every edit reruns exactly the jobs it means something to: as Snakemake plans, as is foretold."""

import pytest

# Carried out one after the other in one copy, each on top of the ones before.
REAL = (
    "comments everywhere",
    "a claimed number of a table that no figure shows",
    "PCK's default threshold",
    "one kind of figure",
    "one experiment's drop path",
)


@pytest.fixture(scope="module")
def run(second, forked, tmp_path_factory):
    """One finished study for all edits; each is taken back."""
    return forked(second.duplicate(tmp_path_factory.mktemp("mutations") / "run"))


def test_an_edit_reruns_what_it_means_something_to(run, edited, follow, mutation):
    with edited(run, mutation["changes"]):
        planned = run.plan()
        assert planned == follow(run.jobs(), mutation["reruns"])
        assert run.impact() == planned


def test_edits_taken_back_plan_nothing(run):
    assert run.plan() == set() and run.impact() == set()


@pytest.fixture(scope="module")
def lived(second, tmp_path_factory):
    """A study whose edits stay and are run."""
    return second.duplicate(tmp_path_factory.mktemp("lived") / "run")


@pytest.mark.parametrize("name", REAL)
def test_what_an_edit_reruns_is_run_and_then_at_rest(lived, follow, changed, edits, name):
    chosen = edits[name]
    changed(lived, chosen["changes"])
    times = {t: (lived.root / t).stat().st_mtime_ns for t in lived.jobs()}
    done = lived.snakemake("all")
    assert done.returncode == 0, done.stdout[-5000:]
    made = {t for t, before in times.items() if (lived.root / t).stat().st_mtime_ns != before}
    assert made == follow(lived.jobs(), chosen["reruns"])
    assert lived.plan() == set() and lived.impact() == set()
