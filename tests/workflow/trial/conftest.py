"""A finished smoke study in which faults are planted, and audits of it in this process."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from posepaper import files
from posepaper.experiments import load_study
from posepaper.provenance import record
from posepaper.provenance.fingerprint import digest
from posepaper.provenance.links import VERDICTS
from posepaper.stages import figures, job, ledger, plan, report, tables, trial

BASE = Path("results/smoke")
NUMBER = "lifting:table-2:p1-ours:avg"
LEFT_OUT = ("runs", "logs", ".snakemake", "__pycache__", "tmp", ".posepaper")
MODES = ("audit", "verify", "reevaluate")
# What shows numbers, in the order in which it is made.
SHOWING = {
    "make_table": tables.table,
    "make_ledger": ledger.make,
    "make_figure": figures.figure,
    "make_report": report.report,
    "make_pdf": report.pdf,
}


@dataclass(frozen=True)
class Study:
    """A copy of a finished study, the working folder of its test; bytes are shared until written.

    Paths are relative to its root.
    """

    root: Path

    # -- planting ------------------------------------------------------------------------------

    def write(self, path, data: bytes) -> None:
        """Other bytes under a name; never into the file that other copies share."""
        file = Path(path)
        if file.exists():
            file.unlink()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def edit(self, path, old: str, new: str) -> None:
        """Replaces the first occurrence of a text that must be there."""
        text = Path(path).read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        self.write(path, text.replace(old, new, 1).encode())

    def flip(self, path, at: int = -1) -> None:
        """Flips one bit of a file."""
        data = bytearray(Path(path).read_bytes())
        data[at if at >= 0 else len(data) // 2] ^= 1
        self.write(path, bytes(data))

    def swap(self, one, two) -> None:
        """Two files change places."""
        first, second = Path(one).read_bytes(), Path(two).read_bytes()
        self.write(one, second)
        self.write(two, first)

    def change_json(self, path, change) -> None:
        """Applies ``change`` to a JSON file."""
        value = files.read_json(path)
        change(value)
        self.write(path, files.dump_json(value).encode())

    def change_record(self, artefact, change) -> None:
        """Applies ``change`` to the record of a job, beside each of its outputs."""
        made = record.read(artefact)
        places = [o["path"] for o in made["outputs"].values()]
        change(made)
        for place in places:
            self.write(record.path_of(place), files.dump_json(made).encode())

    # -- covering up ---------------------------------------------------------------------------

    def fix(self, *artefacts) -> None:
        """Makes records agree with bytes: the artefacts' own, and of all made from them."""
        for artefact in map(str, artefacts):
            now = {"path": artefact, "md5": files.md5(artefact), "size": files.size(artefact)}

            def own(made, now=now):
                (name,) = (n for n, o in made["outputs"].items() if o["path"] == now["path"])
                made["outputs"][name] = now

            self.change_record(artefact, own)
            for child in self.users(artefact):
                self.change_record(
                    child, lambda made, now=now: made["inputs"].update({now["path"]: now})
                )

    def cover(self, artefact, change) -> None:
        """Changes what a record's fingerprint covers, and every fingerprint that follows."""
        self.change_record(artefact, lambda made: (change(made), _seal(made)))
        queue = [str(artefact)]
        while queue:
            parent = queue.pop()
            meaning = record.read(parent)["fingerprint"]
            for child in self.users(parent):
                self.change_record(
                    child,
                    lambda made, p=parent, m=meaning: (
                        made["covers"]["parents"].update({p: m}),
                        _seal(made),
                    ),
                )
                queue.append(child)

    def users(self, artefact) -> list[str]:
        """Artefacts made from one, by their records; of a job's outputs the first."""
        found = {}
        for path in sorted(BASE.rglob("*.record.json")):
            made = files.read_json(path)
            if str(artefact) in made["inputs"]:
                found[made["target"]] = None
        return list(found)

    def rebuild(self, *metrics) -> None:
        """All that shows metrics, made from them as they are now, records fixed."""
        hit = dict.fromkeys(metrics)
        for rule, function in SHOWING.items():
            followers = dict.fromkeys(target for path in hit for target in self.users(path))
            for target in sorted(followers):
                if record.read(target)["rule"] == rule:
                    hit |= dict.fromkeys(self.rerun(target, function))

    def rerun(self, target, function) -> list[str]:
        """Runs a stage function over what is here and fixes the record, its times as they were.
        Returns the outputs."""
        made = files.read_json(plan.stamp_path(str(target)))["job"]
        outputs = {name: Path(path) for name, path in made["outputs"].items()}
        for path in outputs.values():
            path.unlink()
        function(
            job.Run(str(target), made["inputs"], made["raw"], outputs, made["settings"], self.root)
        )
        self.fix(*outputs.values())
        return list(made["outputs"].values())

    def track(self) -> None:
        """What ``dvc add`` leaves of the files as they are: listings, pointers, the note."""
        noted = {}
        for pointer in sorted(BASE.glob("*.dvc")):
            said = yaml.safe_load(pointer.read_text(encoding="utf-8"))
            out, path = said["outs"][0], BASE / said["outs"][0]["path"]
            out["md5"] = self._listed(path) if path.is_dir() else files.md5(path)
            self.write(pointer, yaml.safe_dump(said).encode())
            noted[str(path)] = out["md5"]
        self.write(BASE / "stamps/tracked.json", files.dump_json({"pointers": noted}).encode())

    def _listed(self, folder: Path) -> str:
        found = sorted(p.relative_to(folder).parts for p in folder.rglob("*") if p.is_file())
        entries = [{"md5": files.md5(folder.joinpath(*p)), "relpath": "/".join(p)} for p in found]
        data = json.dumps(entries, sort_keys=True).encode()
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() + ".dir"
        self.write(Path(".dvc/cache/files/md5", md5[:2], md5[2:]), data)
        return md5

    # -- asking --------------------------------------------------------------------------------

    def ask(self, mode: str, *addresses: str, **options) -> list[dict]:
        """The answers of an audit in one of :data:`MODES`."""
        deep = {"verify": mode == "verify", "reevaluate": mode == "reevaluate"}
        found = trial.hold(trial.Question("smoke", addresses, **deep, **options))
        assert found.answers()["verdict"] == max(
            (found.verdict(address) for address in found.numbers), key=VERDICTS.index
        )
        return [found.answer(address) for address in found.numbers]

    def finds(self, mode: str, link, why: str, verdict: str = "broken", address: str = NUMBER):
        """Asserts that an audit names a link and says why, and that no lighter audit does."""
        (answer,) = self.ask(mode, address)
        named = {entry["path"]: entry for entry in answer["links"]}[str(link)]
        assert named["verdict"] == verdict, answer["why"]
        assert any(why in words for words in named["why"]), named["why"]
        assert VERDICTS.index(answer["verdict"]) >= VERDICTS.index(verdict)
        for lighter in MODES[: MODES.index(mode)]:
            (answer,) = self.ask(lighter, address)
            assert answer["verdict"] == "proven", f"{lighter} finds it too: {answer['why']}"


def _seal(made: dict) -> None:
    made["covers"]["settings"] = digest(made["settings"])
    made["fingerprint"] = digest(made["covers"])


def _shared(source: str, target: str) -> None:
    """One file under two names; the copies of git's and DVC's own databases are real."""
    if Path(source).suffix in (".db", ".lock", ".sqlite") or Path(source).name == "index":
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def share(root: Path, target: Path) -> Study:
    """A copy that costs no bytes."""
    ignore = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(root, target, symlinks=True, ignore=ignore, copy_function=_shared)
    return Study(target)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """``opened(root)``: a copy to plant faults in; this process works in it, with its own code."""
    made = []

    def open_(root: Path) -> Study:
        made.append(share(root, tmp_path / "study"))
        monkeypatch.chdir(made[0].root)
        # The copy's source is this process's, under another name.
        monkeypatch.setattr(plan, "_check_environment", lambda: None)
        # A process reads each study's settings once, this one those of many folders.
        load_study.cache_clear()
        return made[0]

    yield open_
    load_study.cache_clear()
    for copy in made:
        shutil.rmtree(copy.root)


@pytest.fixture
def study(second, opened):
    """A finished smoke study to plant faults in."""
    return opened(second.root)
