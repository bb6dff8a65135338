"""Checkpoints run again: predictions and numbers made anew in scratch, held against those told."""

import importlib.metadata
import json
import sys
import tempfile
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError, Refused
from posepaper.provenance import record
from posepaper.provenance.links import Finding, Link
from posepaper.provenance.verify import Trial
from posepaper.stages import detect, evaluate, job
from posepaper.stages.trial.today import same_code

# By how much of its value (of 1 unit, where it is less) a number may differ where it was made on
# another kind of processor or with other versions. Sums in float32 differ there by some 1e-6; what
# they can tip is one keypoint match of COCO's, a thousandth of an AP on 100 people. It is less than
# the last digit the papers print (0.1 mm of 40 mm is 2.5e-3).
TOLERANCE = 1e-3
# An input's name in its rule, by the folder it lies in.
NAMES = {"data": "data", "keypoints": "keypoints", "checkpoints": "checkpoint"}
NAMES |= {"predictions": "predictions"}


def check(trial: Trial) -> None:
    """Runs the network behind every number on trial again, each once."""
    metrics = {s for n in trial.numbers.values() for s in n["sources"] if "/metrics/" in s}
    metrics |= {
        path for n in trial.numbers.values() for path in n["sources"] if _rule(trial, path) in RULES
    }
    with tempfile.TemporaryDirectory() as folder:
        again = _Again(trial, Path(folder))
        for count, path in enumerate(sorted(metrics), 1):
            print(f"reevaluate {count}/{len(metrics)} {path}", file=sys.stderr, flush=True)
            again.made(path)


def _rule(trial: Trial, path: str) -> str:
    link = trial.links.get(path)
    return link.made["rule"] if link and link.made else ""


class _Again:
    """Artefacts made again in a scratch folder, each once."""

    def __init__(self, trial: Trial, folder: Path):
        self.trial, self.folder = trial, folder
        self._done: dict[str, Path | None] = {}

    def made(self, path: str) -> Path | None:
        """The artefact made again where its rule runs or measures a network, else as it is;
        None where that cannot be done."""
        if path not in self._done:
            link = self.trial.links[path]
            rerun = link.made and link.made["rule"] in RULES
            self._done[path] = self._rerun(link) if rerun else self._as_is(link)
        return self._done[path]

    def _as_is(self, link: Link) -> Path | None:
        """The bytes the record names: from the tree, DVC's cache, or its remote."""
        wanted = link.recorded and link.recorded["md5"]
        file = self.trial.store.local(link.path)
        if file is not None:
            return file
        file = self.folder / f"{len(self._done)}-{Path(link.path).name}"
        past = getattr(self.trial.store, "behind", self.trial.store).past
        if not (wanted and past.fetch(wanted, file) and files.md5(file) == wanted):
            return None
        kept = [f for f in self.trial.findings[link.path] if f.verdict != "unverifiable"]
        self.trial.findings[link.path] = kept
        self.trial.notes[link.path].append("its bytes come from DVC's remote")
        return file

    def _rerun(self, link: Link) -> Path | None:
        inputs = {}
        for path in link.made["inputs"]:
            file = self.made(path)
            if file is None:
                why = f"cannot be made again: {path} is neither here nor in DVC's cache or remote"
                self.trial.add(Finding(link.path, "unverifiable", why))
                return None
            inputs[_name(link.made["rule"], path)] = str(file)
        part = self.folder / str(len(self._done)) / Path(link.path).name
        part.parent.mkdir()
        output, function = RULES[link.made["rule"]]
        run = job.Run(
            target=link.path,
            inputs=inputs,
            raw={},
            outputs={output: part},
            settings=json.loads(link.made["settings"]),
            folder=part.parent,
        )
        try:
            function(run)
        except (InputError, Refused, KeyError, ValueError, RuntimeError) as error:
            why = f"cannot be made again ({' '.join(str(error).split())})"
            self.trial.add(Finding(link.path, "unverifiable", why))
            return None
        self._compare(link, part)
        return part

    def _compare(self, link: Link, part: Path) -> None:
        """The artefact as told against the one made again."""
        told = link.recorded and link.recorded["md5"]
        if files.md5(part) == told:
            self.trial.notes[link.path].append("made again: equal bits")
            return
        there, alike = self.trial.store.local(link.path), _alike(self.trial, link)
        odd = _odd(there, part, 0.0 if alike else TOLERANCE) if there else ["it is not here"]
        if not odd and not alike:
            why = f"made again on another machine: equal within {TOLERANCE:g}"
            self.trial.notes[link.path].append(why)
            return
        where = "" if alike else f" by more than {TOLERANCE:g}, on another machine"
        why = f"made again it differs{where}: {'; '.join(odd[:3]) or 'other bytes'}"
        if not same_code(link):
            self.trial.notes[link.path].append(f"{why}; its code changed since")
        else:
            self.trial.break_(link.path, why)


def _name(rule: str, path: str) -> str:
    folder = Path(path).parts[2]
    return "frames" if (rule, folder) == ("detect_keypoints", "data") else NAMES[folder]


def _odd(told: Path, again: Path, tolerance: float) -> list[str]:
    """Values of two metrics files that differ; of arrays, whether they do."""
    if told.read_bytes()[:1] != b"{":
        return _odd_arrays(told, again, tolerance)
    one, two = (json.loads(p.read_text(encoding="utf-8"))["values"] for p in (told, again))
    return [
        f"{name} is {two.get(name)}, told {one.get(name)}"
        for name in sorted(one.keys() | two.keys())
        if not _near(one.get(name), two.get(name), tolerance)
    ]


def _near(one, two, tolerance: float) -> bool:
    if one is None or two is None:
        return one is two
    return abs(one - two) <= tolerance * max(1.0, abs(one))


def _odd_arrays(told: Path, again: Path, tolerance: float) -> list[str]:
    import h5py
    import numpy as np

    def arrays(path: Path) -> dict:
        found = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, node: (
                    found.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None
                )
            )
        return found

    one, two = arrays(told), arrays(again)
    if {k: v.shape for k, v in one.items()} != {k: v.shape for k, v in two.items()}:
        return ["its arrays have other names or shapes"]
    # A stray keypoint may jump to another peak of its heatmap: the numbers decide, not the worst.
    gaps = {k: np.abs(v.astype(float) - two[k]) for k, v in one.items() if v.size}
    reach = {k: tolerance * max(1, np.abs(one[k]).max()) for k in gaps}
    exact = tolerance == 0 and any(gap.any() for gap in gaps.values())
    if exact or any(np.median(gap) > reach[k] for k, gap in gaps.items()):
        name, gap = max(gaps.items(), key=lambda pair: pair[1].max())
        return [f"{name} by up to {gap.max():.3g}"]
    return []


def _alike(trial: Trial, link: Link) -> bool:
    """Whether a record was made on this kind of machine with these versions: then bits agree."""
    made, here = link.made["machine"], record.machine()
    whole = json.loads(trial.store.read(f"{link.path}.record.json") or b"{}")
    packages = whole["covers"]["code"]["packages"]
    same = all(made.get(k) == here[k] for k in ("cpu", "gpus", "python"))
    return same and all(_version(name) == version for name, version in packages.items())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "absent"


RULES = {
    "detect_keypoints": ("keypoints", detect.keypoints),
    "predict_lifting": ("predictions", evaluate.predict_lifting),
    "predict_pose2d": ("predictions", evaluate.predict_pose2d),
    "evaluate_lifting": ("metrics", evaluate.evaluate_lifting),
    "evaluate_pose2d": ("metrics", evaluate.evaluate_pose2d),
}
