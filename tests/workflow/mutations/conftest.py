"""The edits of ``edits.yaml``: carrying them out, and which jobs their words stand for."""

import contextlib
import fnmatch
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from posepaper.stages.plan import stamp_path

HERE = Path(__file__).parent
EDITS = yaml.safe_load((HERE / "edits.yaml").read_text(encoding="utf-8"))


def pytest_generate_tests(metafunc):
    """A test that takes a ``mutation`` is run with every edit of ``edits.yaml``."""
    if "mutation" in metafunc.fixturenames:
        metafunc.parametrize("mutation", EDITS, ids=[edit["edit"] for edit in EDITS])


def make_changes(copy, changes: list[list[str]]) -> None:
    """Carries out what an edit of ``edits.yaml`` says."""
    for path, *words in changes:
        if len(words) == 2:
            copy.edit(path, *words)
        else:
            (copy.root / path).parent.mkdir(parents=True, exist_ok=True)
            (copy.root / path).write_text(words[0], encoding="utf-8")


@pytest.fixture(scope="module")
def forked():
    """``forked(copy)``: the same copy, whose Snakemake need not import itself for each plan."""
    with contextlib.ExitStack() as stack:
        yield lambda copy: _forked(copy, stack)


def _forked(copy, stack: contextlib.ExitStack):
    command, log = (sys.executable, HERE / "forks.py"), copy.root.with_suffix(".log")
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=copy.root, env=copy.environment, **options)
    stack.callback(process.communicate)

    class Forked(type(copy)):
        def snakemake(self, *words, study="smoke", cores=2):
            words = [*words, "--cores", str(cores), "--config", f"study={study}"]
            print(json.dumps({"words": words, "log": str(log)}), file=process.stdin, flush=True)
            code = int(process.stdout.readline())
            return subprocess.CompletedProcess(words, code, log.read_text(encoding="utf-8"))

    return Forked(copy.root)


@pytest.fixture(scope="session")
def changed():
    """``changed(copy, changes)``: carries them out for good."""
    return make_changes


@pytest.fixture(scope="session")
def edits() -> dict[str, dict]:
    """The edits of ``edits.yaml`` by name."""
    return {edit["edit"]: edit for edit in EDITS}


@pytest.fixture
def edited():
    """``with edited(copy, changes)``: a copy's source edited for a while."""

    @contextlib.contextmanager
    def edit(copy, changes: list[list[str]]):
        paths = {copy.root / path for path, *_ in changes}
        kept = {path: path.read_bytes() for path in paths if path.exists()}
        planned = copy.jobs()
        try:
            make_changes(copy, changes)
            yield
        finally:
            for path in paths - kept.keys():
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
            for path, content in kept.items():
                path.write_bytes(content)
            for target in copy.jobs().keys() - planned.keys():
                Path(copy.root, stamp_path(target)).unlink()

    return edit


@pytest.fixture(scope="session")
def follow():
    """``follow(jobs, reruns)``: the jobs that words of ``edits.yaml`` stand for, and what is made
    from their outputs."""

    def targets(jobs: dict[str, dict], reruns: list[str]) -> set[str]:
        found = set()
        for words in reruns:
            rule, _, pattern = words.partition(" ")
            named = {
                t: "/".join(Path(t).parts[3:]) for t, job in jobs.items() if job["rule"] == rule
            }
            chosen = {t for t, name in named.items() if fnmatch.fnmatch(name, pattern or "*")}
            assert chosen, f"no job is '{words}'"
            found |= chosen
        reached = None
        while reached != found:
            reached, outputs = set(found), {o for t in found for o in jobs[t]["outputs"].values()}
            for target, job in jobs.items():
                given = job["inputs"].values()
                read = {p for v in given for p in ([v] if isinstance(v, str) else v)}
                found |= {target} if read & outputs else set()
        return found

    return targets
