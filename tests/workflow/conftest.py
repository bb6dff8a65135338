"""Copies of this project in which Snakemake really runs, shared by all test processes."""

import fcntl
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from posepaper import files

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
LEFT_OUT = (".venv", ".git", ".snakemake", ".posepaper", ".hypothesis", ".*_cache", "__pycache__")
WHO = ("-c", "user.name=tests", "-c", "user.email=tests@example.org")


@dataclass(frozen=True)
class Copy:
    """A working copy of the project, committed to a git repository of its own."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which commands run this copy's package."""
        path = f"{BIN}:{os.environ['PATH']}"
        return {**os.environ, "PYTHONPATH": str(self.root / "src"), "PATH": path}

    def run(self, *command, **options) -> subprocess.CompletedProcess:
        """Runs a command with this copy's package; stdout and stderr together, as text."""
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **options,
        )

    def snakemake(self, *words, study: str = "smoke", cores: int = 2):
        """Runs Snakemake on a study; ``words`` are targets and options."""
        config = ("--config", f"study={study}")
        return self.run("snakemake", *words, "--cores", cores, *config)

    def stage(self, stage: str, target: str, *words, **options):
        """Runs one stage alone."""
        return self.run("python", "-m", f"posepaper.stages.{stage}", target, *words, **options)

    def planned(self, *words) -> dict[str, int]:
        """How many jobs of each rule Snakemake would run for ``all``."""
        done = self.snakemake("all", "-n", *words)
        assert done.returncode == 0, done.stdout
        lines = [line.split() for line in done.stdout.splitlines()]
        counts = {
            w[0]: int(w[1]) for w in lines if len(w) == 2 and w[0].isidentifier() and w[1].isdigit()
        }
        return {rule: n for rule, n in counts.items() if rule not in ("all", "total")}

    def plan(self) -> set[str]:
        """The first output of every job Snakemake would run for ``all``, read off its commands."""
        done = self.snakemake("all", "-n", "-p")
        assert done.returncode == 0, done.stdout
        return set(re.findall(r"-m posepaper\.stages\.\w+ (results/\S+)", done.stdout))

    def impact(self) -> set[str]:
        """The same jobs as ``posepaper impact`` foretells them."""
        done = self.run("posepaper", "impact", "--study", "smoke", "--json")
        found = set(json.loads(done.stdout)["jobs"])
        assert done.returncode == bool(found), done.stdout
        return found

    def jobs(self) -> dict[str, dict]:
        """The jobs of the smoke study as last planned, by target."""
        paths = (self.root / "results/smoke/stamps").rglob("*.json")
        read = [files.read_json(path)["job"] for path in paths if path.name != "tracked.json"]
        return {job["target"]: job for job in read}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replaces text that must be there."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def duplicate(self, root: Path) -> "Copy":
        """This copy with all it has made, times kept."""
        shutil.copytree(self.root, root, symlinks=True)
        return Copy(root)


def left_out(folder: str, names: list[str]) -> set[str]:
    """What is no part of the project: environments, caches, data and results."""
    found = {n for pattern in LEFT_OUT for n in fnmatch.filter(names, pattern)}
    within = Path(folder).relative_to(ROOT)
    if within == Path("."):
        found |= {"results"}
    if within == Path(".dvc"):
        found |= {"cache", "tmp", "config.local"}
    if within == Path("data"):
        found |= {n for n in names if n != "README.md" and not n.endswith(".dvc")}
    return found


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder that all of xdist's processes see, and other test runs of the same code if named."""
    if named := os.environ.get("POSEPAPER_TEST_RUNS"):
        return Path(named)
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def once(shared):
    """``once(name, make)``: ``make(folder)`` by the process that asks first; others wait."""

    def get(name: str, make) -> Copy:
        folder = shared / name
        with open(folder.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            log = folder.with_suffix(".log")
            if not log.exists():
                log.write_text("failed")
                make(folder)
                log.write_text("done")
            assert log.read_text() == "done", f"making {name} failed before"
        return Copy(folder)

    return get


@pytest.fixture(scope="session")
def snapshot(once) -> Copy:
    """The project as it is now, once: other work on it does not reach the tests."""

    def make(folder):
        shutil.copytree(ROOT, folder, symlinks=True, ignore=left_out)
        for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "As it is")):
            done = Copy(folder).run("git", *WHO, *command)
            assert done.returncode == 0, done.stdout
        # Its copies, times kept, then need not be compiled one by one.
        assert Copy(folder).run("python", "-m", "compileall", "-q", "src").returncode == 0

    return once("snapshot", make)


@pytest.fixture(scope="session")
def finished(once, snapshot):
    """``finished(name)``: a clone in which the smoke study has run to its report."""

    def build(name: str) -> Copy:
        def make(folder):
            copy = snapshot.duplicate(folder)
            done = copy.snakemake("all", cores=1 if name == "first" else 2)
            assert done.returncode == 0, done.stdout[-5000:]

        return once(name, make)

    return build


@pytest.fixture(scope="session")
def first(finished) -> Copy:
    """A finished smoke study, to be read only."""
    return finished("first")


@pytest.fixture(scope="session")
def second(finished) -> Copy:
    """Another, made in another folder, with more jobs at a time; to be read only."""
    return finished("second")


@pytest.fixture(scope="session")
def restored(once, second, snapshot) -> Copy:
    """A fresh clone with the second's results from a DVC remote; to be read only."""

    def make(folder):
        store, source = folder.with_name("store"), second.duplicate(folder.with_name("source"))
        copy = snapshot.duplicate(folder)
        for one, command in ((source, "push"), (copy, "pull")):
            assert one.run("dvc", "remote", "add", "-d", "store", store).returncode == 0
            done = one.run("posepaper", command, "--study", "smoke")
            assert done.returncode == 0, done.stdout
        shutil.rmtree(source.root)
        shutil.rmtree(store)

    return once("restored", make)


@pytest.fixture
def clone(snapshot, tmp_path):
    """A fresh clone, to be spoilt."""
    copy = snapshot.duplicate(tmp_path / "clone")
    yield copy
    shutil.rmtree(copy.root)


@pytest.fixture
def again(second, tmp_path):
    """A finished smoke study, to be spoilt."""
    copy = second.duplicate(tmp_path / "again")
    yield copy
    shutil.rmtree(copy.root)


@pytest.fixture
def edit(run):
    """Edits a file of a module's own copy, its ``run``, until the test ends."""
    kept = {}

    def replace(path, old, new):
        kept.setdefault(path, (run.root / path).read_bytes())
        run.edit(path, old, new)

    yield replace
    for path, content in kept.items():
        (run.root / path).write_bytes(content)


@pytest.fixture(scope="session")
def one_line():
    """``one_line(done)``: the only line of a stage that failed by a user's mistake."""

    def read(done: subprocess.CompletedProcess) -> str:
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stdout
        lines = [line for line in done.stdout.splitlines() if line.startswith("posepaper: ")]
        assert len(lines) == 1 and done.stdout.splitlines()[-1] == lines[0], done.stdout
        return lines[0]

    return read
