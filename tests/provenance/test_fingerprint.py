"""What changes a stage's fingerprint, tried on a copy of the package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import posepaper
from posepaper.provenance import fingerprint
from posepaper.stages.dag import MODULES

ROOT = Path(__file__).parents[2]
STAGES = sorted(set(MODULES.values()))
SHOWN = (
    "import json, sys; from posepaper.provenance import fingerprint; "
    "print(json.dumps({name: fingerprint.code(name) for name in sys.argv[1:]}))"
)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package that may be edited."""
    folder = tmp_path_factory.mktemp("copy") / "posepaper"
    shutil.copytree(Path(posepaper.__file__).parent, folder)
    return folder


def codes(package):
    """What every stage reaches, as a new process sees it."""
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, *STAGES],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def before(package):
    return codes(package)


@pytest.fixture
def edited(package):
    """Replaces text in a module and gives the stages whose code that changes."""
    kept = {}

    def edit(name, old, new):
        path = package / name
        kept.setdefault(path, path.read_text(encoding="utf-8"))
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    yield edit
    for path, text in kept.items():
        path.write_text(text, encoding="utf-8")


def changed(before, after):
    return {name.rpartition(".")[2] for name in STAGES if before[name] != after[name]}


def test_every_stage_reaches_its_own_code_and_packages(before):
    assert "posepaper.training.loop" in before["posepaper.stages.train"]["modules"]
    assert {"torch", "numpy"} <= set(before["posepaper.stages.train"]["packages"])
    assert "absent" not in {v for c in before.values() for v in c["packages"].values()}
    assert "posepaper.evaluation.metrics" in before["posepaper.stages.evaluate"]["modules"]
    assert "posepaper.evaluation.metrics" not in before["posepaper.stages.train"]["modules"]
    assert not {m for m in before["posepaper.stages.tables"]["modules"] if "training" in m}


def test_words_and_layout_mean_nothing(package, before, edited):
    loop = "training/loop.py"
    edited(loop, '"""The training loop:', '"""A rewritten opening:')
    edited(loop, "# Reading the loss makes", "# Whatever is said here: reading it makes")
    edited(loop, "def derive_seed(", "\n\n\ndef derive_seed(")
    edited(loop, '    """A seed for one purpose', '    """Another docstring')
    edited(loop, 'CHECK_EVERY = {"cpu": 1}', 'CHECK_EVERY = {\n    "cpu": 1,  # each\n}')
    assert changed(before, codes(package)) == set()


def test_a_constant_means_something_to_those_who_reach_it(package, before, edited):
    edited("training/loop.py", "CHECK_EVERY_OTHERWISE = 50", "CHECK_EVERY_OTHERWISE = 51")
    after = codes(package)
    assert changed(before, after) == {"train", "detect", "evaluate"}
    modules = {
        name
        for name, meaning in after["posepaper.stages.train"]["modules"].items()
        if meaning != before["posepaper.stages.train"]["modules"][name]
    }
    assert modules == {"posepaper.training.loop"}


def test_a_metric_concerns_evaluation_only(package, before, edited):
    edited("evaluation/metrics.py", "import numpy as np", "import numpy as np\n\nUNUSED = 1")
    assert changed(before, codes(package)) == {"evaluate"}


def test_a_module_nobody_imports_does_not_matter(package, before):
    spare = package / "evaluation" / "spare.py"
    spare.write_text("ANSWER = 42\n")
    try:
        assert changed(before, codes(package)) == set()
    finally:
        spare.unlink()


def test_a_registry_that_imports_by_name_widens_to_all_it_may_import(package, before):
    reached = before["posepaper.stages.train"]["modules"]
    networks = {f"posepaper.models.{p.stem}" for p in (package / "models").glob("[a-z]*.py")}
    assert len(networks) > 8 and networks <= set(reached)
    added = package / "models" / "another.py"
    added.write_text("WIDTH = 1\n")
    try:
        after = codes(package)
        assert changed(before, after) == {"train", "detect", "evaluate"}
        assert "posepaper.models.another" in after["posepaper.stages.train"]["modules"]
    finally:
        added.unlink()


def test_plumbing_lies_outside(package, before, edited):
    edited("progress.py", '"step"', '"steps"')
    edited("provenance/record.py", "import datetime", "import datetime\n\nUNUSED = 1")
    edited("stages/job.py", "import argparse", "import argparse\n\nUNUSED = 1")
    edited("stages/plan.py", "import os", "import os\n\nUNUSED = 1")
    edited("config/reading.py", "import difflib", "import difflib\n\nUNUSED = 1")
    assert changed(before, codes(package)) == set()
    assert not {m for c in before.values() for m in c["modules"] if fingerprint._is_plumbing(m)}


def test_plumbing_names_modules_that_exist():
    assert set(fingerprint.PLUMBING) <= fingerprint._all_modules()


def test_a_digest_knows_no_key_order():
    assert fingerprint.digest({"a": 1, "b": [1, 2]}) == fingerprint.digest({"b": [1, 2], "a": 1})
    assert fingerprint.digest({"a": [1, 2]}) != fingerprint.digest({"a": [2, 1]})


RULE = """
rule first:
    input:
        "a",
    output:
        "b",
    shell:
        "python -m first {output:q}"
        " --flag"


rule second:  # the other
    shell:
        "python -m second"
"""


def test_a_rule_s_text_is_its_command(tmp_path):
    file = tmp_path / "x.smk"

    def text(content, rule="first"):
        file.write_text(content)
        return fingerprint.rule_text(file, rule)

    first = text(RULE)
    assert first == '"python -m first {output:q}" " --flag"'
    assert text(RULE, "second") == '"python -m second"' and text(RULE, "third") == ""
    assert text(RULE.replace('"a"', '"other input"')) == first
    assert text(RULE.replace("    shell:", "    # why\n    shell:")) == first
    assert text(RULE.replace('        " --flag"', '\n        # why\n        " --flag"')) == first
    assert text(RULE.replace("--flag", "--other")) != first
    assert text(RULE.replace("-m second", "-m third")) == first


def test_every_rule_that_makes_an_artefact_has_its_text():
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        lines = file.read_text(encoding="utf-8").splitlines()
        for name in (line[5:-1] for line in lines if line.startswith("rule ")):
            assert "posepaper.stages." in fingerprint.rule_text(file, name), name
