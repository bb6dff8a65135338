"""Every stage under tracing: what ran is in its fingerprint, and plumbing shapes no output."""

import ast
import json
import re
from pathlib import Path

import pytest

from posepaper import files
from posepaper.provenance import fingerprint
from posepaper.stages.choices import choices

DRIVER = Path(__file__).with_name("driver.py")
# Its outputs tell of the run itself: how long every job took.
TOLD = "costs.json"


@pytest.fixture(scope="module")
def copy(second, tmp_path_factory):
    """A finished study of which stages may write beside their outputs."""
    return second.duplicate(tmp_path_factory.mktemp("traced") / "run")


@pytest.fixture(scope="module")
def stamps(copy) -> list[dict]:
    """One job for every rule and what its settings choose of the code."""
    found = {}
    for path in sorted((copy.root / "results/smoke/stamps").rglob("*.json")):
        if path.name != "tracked.json":
            stamp = files.read_json(path)
            rule, settings = stamp["job"]["rule"], stamp["job"]["settings"]
            found.setdefault((rule, str(sorted(choices(rule, settings).items()))), stamp)
    return list(found.values())


@pytest.fixture(scope="module")
def traced(copy, stamps, tmp_path_factory) -> list[dict]:
    """What the driver says of every job, in their order."""
    folder, modules = tmp_path_factory.mktemp("results"), fingerprint.installed().modules
    functions = [modules.table(s["job"]["module"])["entries"][s["job"]["rule"]] for s in stamps]
    jobs = [[stamp["job"], name] for stamp, name in zip(stamps, functions, strict=True)]
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    done = copy.run("python", DRIVER, folder / "jobs.json", folder)
    assert done.returncode == 0, done.stdout
    return [files.read_json(folder / f"{number}.json") for number in range(len(stamps))]


def definitions_of(file: Path) -> dict[int, set[str]]:
    """By line of a module, the names that the top-level statement there defines."""
    names: dict[int, set[str]] = {}
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        own = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        if hasattr(statement, "name"):
            own = {statement.name}
        first = min(
            [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))]
        )
        names |= dict.fromkeys(range(first, statement.end_lineno + 1), own)
    return names


def test_every_rule_and_choice_of_code_is_traced(stamps):
    rules = {stamp["job"]["rule"] for stamp in stamps}
    assert {"train_pose2d", "train_lifting", "evaluate_epochs", "detect_keypoints"} < rules
    networks = {
        s["job"]["settings"]["model"]["name"] for s in stamps if "train" in s["job"]["rule"]
    }
    assert networks == {"hrnet_w32", "videopose3d", "poseformer", "gsam"} and len(stamps) > 25


def test_what_ran_is_in_the_fingerprint(copy, stamps, traced):
    lines, missed, seen = {}, set(), 0
    for stamp, found in zip(stamps, traced, strict=True):
        target, covered = stamp["job"]["target"], stamp["parts"]["code"]["definitions"]
        assert "error" not in found, f"{target}: {found['error']}"
        for name, line in found["ran"]:
            parts = Path(name).relative_to((copy.root / "src").resolve()).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if fingerprint.is_plumbing(module):
                continue
            if name not in lines:
                lines[name] = definitions_of(Path(name))
            seen += 1
            if not any(f"{module}:{own}" in covered for own in lines[name][line]):
                missed.add(f"{stamp['job']['rule']} ran {module}:{line}")
    assert not missed, sorted(missed)
    assert seen > 500


def test_trainings_really_trained(stamps, traced):
    for stamp, found in zip(stamps, traced, strict=True):
        if stamp["job"]["rule"].startswith("train_"):
            ran = {Path(file).name for file, _ in found["ran"]}
            assert {"loop.py", "checkpoint.py", "schedule.py"} <= ran


def untimed(path):
    """A file's bytes, without the page's sections of measured seconds."""
    timed = rb'<section id="(?:cost|runs)">.*?</section>'
    return re.sub(timed, b"", path.read_bytes(), flags=re.DOTALL)


def test_without_plumbing_every_output_has_the_same_bytes(copy, stamps, traced):
    for stamp, found in zip(stamps, traced, strict=True):
        for name, path in stamp["job"]["outputs"].items():
            if Path(path).name != TOLD:
                made, kept = Path(found["outputs"][name]), copy.root / path
                assert untimed(made) == untimed(kept), path
