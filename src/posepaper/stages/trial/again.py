"""Checkpoints run again: predictions and numbers made anew in scratch, held against those told."""

import importlib.metadata
import json
import math
import random
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

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
# The same for poses here, of which only some were predicted again: the last batch of a stream then
# holds others, which moves a float32's last digits.
OTHER_BATCH = 1e-5
# Of the values of an array, how many may lie beyond: a peak of a heatmap that jumps.
STRAY = 1e-3
# An input's name in its rule, by the folder it lies in.
NAMES = {"data": "data", "keypoints": "keypoints", "checkpoints": "checkpoint"}
NAMES |= {"predictions": "predictions"}
RULES = {
    "detect_keypoints": ("keypoints", detect.keypoints),
    "predict_lifting": ("predictions", evaluate.predict_lifting),
    "predict_pose2d": ("predictions", evaluate.predict_pose2d),
    "evaluate_lifting": ("metrics", evaluate.evaluate_lifting),
    "evaluate_pose2d": ("metrics", evaluate.evaluate_pose2d),
}
# Their data are sequences, each predicted by itself.
IN_PARTS = ("detect_keypoints", "predict_lifting")


def check(trial: Trial, share: float = 1.0, seed: int = 0) -> None:
    """Runs the network behind every number on trial again, each once.

    Args:
        share: of each run's sequences, how many are predicted again, drawn by ``seed``; numbers
            are then measured again on the predictions as told.
    """
    asked = {path for n in trial.numbers.values() for path in n["sources"]}
    ran = sorted(path for path in asked if _rule(trial.links[path]) in RULES)
    with tempfile.TemporaryDirectory() as folder:
        again = _Again(trial, Path(folder), share, seed)
        for count, path in enumerate(ran, 1):
            print(f"reevaluate {count}/{len(ran)} {path}", file=sys.stderr, flush=True)
            again.made(path)


def _rule(link: Link) -> str:
    return link.made["rule"] if link.made else ""


class _Again:
    """Artefacts made again in a scratch folder, each once."""

    def __init__(self, trial: Trial, folder: Path, share: float, seed: int):
        self.trial, self.folder, self.share, self.seed = trial, folder, share, seed
        self._done: dict[str, Path | None] = {}

    def made(self, path: str) -> Path | None:
        """The artefact made again where its rule runs or measures a network, else as it is;
        None where that cannot be done."""
        if path not in self._done:
            link = self.trial.links[path]
            self._done[path] = self._rerun(link) if _rule(link) in RULES else self._as_is(link)
        return self._done[path]

    def _as_is(self, link: Link) -> Path | None:
        """The bytes the record names: from the tree, DVC's cache, or its remote."""
        wanted = link.recorded and link.recorded["md5"]
        file = self.trial.store.local(link.path)
        if file is not None:
            return file
        file = self._scratch(link)
        past = getattr(self.trial.store, "behind", self.trial.store).past
        if not (wanted and past.fetch(wanted, file) and files.md5(file) == wanted):
            return None
        kept = [f for f in self.trial.findings[link.path] if f.verdict != "unverifiable"]
        self.trial.findings[link.path] = kept
        self.trial.notes[link.path].append("its bytes come from DVC's remote")
        return file

    def _scratch(self, link: Link) -> Path:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return folder / Path(link.path).name

    def _rerun(self, link: Link) -> Path | None:
        inputs = {}
        for path in link.made["inputs"]:
            file = self.made(path)
            if file is None:
                why = f"cannot be made again: {path} is neither here nor in DVC's cache or remote"
                self.trial.add(Finding(link.path, "unverifiable", why))
                return None
            inputs[path] = file
        told = self._as_is(link) if self.share < 1 and _rule(link) in IN_PARTS else None
        try:
            keys = _drawn(told, self.share, self.seed) if told else None
            if keys is not None:
                inputs = {path: self._part(path, file, keys) for path, file in inputs.items()}
            part = self._run(link, inputs)
        except (InputError, Refused, KeyError, ValueError, RuntimeError, OSError) as error:
            why = f"cannot be made again ({' '.join(str(error).split())})"
            self.trial.add(Finding(link.path, "unverifiable", why))
            return None
        self._compare(link, part, keys)
        return told or part

    def _part(self, path: str, file: Path, keys: list[str]) -> Path:
        """Only some sequences of an archive; anything else as it is."""
        if not path.endswith(".h5"):
            return file
        part = Path(tempfile.mkdtemp(dir=self.folder)) / Path(path).name
        with h5py.File(file) as whole, h5py.File(part, "w") as some:
            some.attrs.update(whole.attrs)
            for key in keys:
                whole.copy(whole[key], some, key)
        return part

    def _run(self, link: Link, inputs: dict[str, Path]) -> Path:
        output, function = RULES[link.made["rule"]]
        part = self._scratch(link)
        named = {_name(link.made["rule"], path): str(file) for path, file in inputs.items()}
        function(
            job.Run(
                target=link.path,
                inputs=named,
                raw={},
                outputs={output: part},
                settings=json.loads(link.made["settings"]),
                folder=part.parent,
            )
        )
        return part

    def _compare(self, link: Link, part: Path, keys: list[str] | None) -> None:
        """The artefact as told against the one made again; of ``keys``, those alone."""
        trial, notes = self.trial, self.trial.notes[link.path]
        if keys is None and link.recorded and files.md5(part) == link.recorded["md5"]:
            notes.append("made again: equal bits")
            return
        told, alike = trial.store.local(link.path), _alike(trial, link)
        tolerance = (0.0 if keys is None else OTHER_BATCH) if alike else TOLERANCE
        odd = _odd(told, part, tolerance, keys) if told else ["it is not here"]
        some = f"{len(keys)} of its sequences " if keys else ""
        where = "" if alike else " on another machine"
        if not odd and tolerance:
            notes.append(f"{some}made again{where}: equal within {tolerance:g}")
            return
        within = f" by more than {tolerance:g}{where}" if tolerance else ""
        why = f"{some}made again it differs{within}: {'; '.join(odd[:3]) or 'other bytes'}"
        if same_code(link):
            trial.break_(link.path, why)
        else:
            notes.append(f"{why}; its code changed since")


def _name(rule: str, path: str) -> str:
    folder = Path(path).parts[2]
    return "frames" if (rule, folder) == ("detect_keypoints", "data") else NAMES[folder]


def _drawn(told: Path, share: float, seed: int) -> list[str]:
    """Names of some of an archive's sequences, at least one."""
    found: list[str] = []

    def note(name, node):
        if isinstance(node, h5py.Dataset):
            found.append(name.rpartition("/")[0])

    with h5py.File(told) as file:
        file.visititems(note)
    count = math.ceil(share * len(set(found)))
    return sorted(random.Random(seed).sample(sorted(set(found)), count))


def _odd(told: Path, again: Path, tolerance: float, keys: list[str] | None) -> list[str]:
    """What differs between two metrics files or two archives, in words."""
    if told.read_bytes()[:1] != b"{":
        return _odd_arrays(told, again, tolerance, keys)
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


def _odd_arrays(told: Path, again: Path, tolerance: float, keys: list[str] | None) -> list[str]:
    one, two = _arrays(told), _arrays(again)
    if keys is not None:
        one = {name: values for name, values in one.items() if name.rpartition("/")[0] in keys}
    if {k: v.shape for k, v in one.items()} != {k: v.shape for k, v in two.items()}:
        return ["its arrays have other names or shapes"]
    far, worst, count = 0, (0.0, ""), 0
    for name, values in one.items():
        gap = np.abs(values.astype(np.float64) - two[name])
        if not gap.size:
            continue
        count += gap.size
        far += int((gap > tolerance * max(1.0, float(np.abs(values).max()))).sum())
        worst = max(worst, (float(gap.max()), name))
    if far <= (STRAY * count if tolerance else 0):
        return []
    return [f"{worst[1]} by up to {worst[0]:.3g}"]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    found = {}

    def note(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = node[()]

    with h5py.File(path) as file:
        file.visititems(note)
    return found


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
