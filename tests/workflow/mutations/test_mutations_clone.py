"""The same answers in a fresh clone whose results came by DVC and that no Snakemake ever ran in."""

import shutil

import pytest


@pytest.fixture(scope="module")
def run(restored, forked, tmp_path_factory):
    """The restored clone, for all edits; each is taken back."""
    return forked(restored.duplicate(tmp_path_factory.mktemp("clone") / "run"))


def test_an_edit_reruns_in_a_clone_what_it_reruns_elsewhere(run, edited, follow, mutation):
    with edited(run, mutation["changes"]):
        shutil.rmtree(run.root / ".snakemake", ignore_errors=True)
        assert run.plan() == follow(run.jobs(), mutation["reruns"])
