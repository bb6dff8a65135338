"""What files say inside, held against their records: whose weights, whose boxes, which subjects."""

import json
from pathlib import Path

import h5py
import numpy as np
import safetensors

from posepaper.data.detections import read_detections
from posepaper.data.hdf5 import opened, read_attributes
from posepaper.data.people import read_people
from posepaper.errors import InputError
from posepaper.provenance.links import Link
from posepaper.provenance.verify import Trial


class Inside:
    """Opens every artefact of a trial that is here and says what contradicts its record."""

    def __init__(self, trial: Trial):
        self.trial = trial

    def all(self) -> None:
        """Checks every artefact that was looked at."""
        for link in list(self.trial.links.values()):
            if link.made and link.md5 is not None:
                self._one(link)

    def _one(self, link: Link) -> None:
        file, check = self.trial.store.local(link.path), self._check(link.path, link.made["rule"])
        if file is None or check is None:
            return
        whole = {"settings": json.loads(link.made["settings"]), "inputs": link.made["inputs"]}
        try:
            found = list(check(file, whole))
        except (InputError, OSError, KeyError, ValueError, safetensors.SafetensorError) as error:
            # h5py and safetensors name the cache's file; the reader wants the artefact's.
            said = " ".join(str(error).replace(str(file), "").split())
            found = [f"cannot be read ({said})"]
        for why in found:
            self.trial.break_(link.path, why)

    def _check(self, path: str, rule: str):
        if path.endswith(".safetensors"):
            return self._checkpoint
        if path.endswith(".h5"):
            return {
                "prepare_poses": self._poses,
                "prepare_people": self._people,
                "prepare_keypoints": self._identity,
                "detect_keypoints": self._detected,
                "predict_lifting": self._predictions,
                "predict_pose2d": self._detections,
            }.get(rule)
        return self._metrics if rule.startswith("evaluate_") and "/metrics/" in path else None

    def _checkpoint(self, file: Path, whole: dict):
        with safetensors.safe_open(file, framework="np") as stream:
            facts = json.loads((stream.metadata() or {})["posepaper"])
        names = ("experiment", "seed", "model", "training")
        yield from _differences("weights", facts, whole["settings"], names)

    def _identity(self, file: Path, whole: dict):
        says, claimed = read_attributes(file)["identity"], whole["settings"]["identity"]
        if says != claimed:
            yield f"says inside it is '{says}', its record says '{claimed}'"

    def _detected(self, file: Path, whole: dict):
        says = read_attributes(file)["identity"]
        if says != f"detected by {whole['settings']['experiment']}":
            yield f"says inside it is '{says}', not detected by {whole['settings']['experiment']}"

    def _poses(self, file: Path, whole: dict):
        yield from self._identity(file, whole)
        with opened(file, "poses") as stream:
            facts = [dict(group.attrs) for group in _sequences(stream)]
        split: dict[str, set] = {"train": set(), "test": set()}
        for fact in facts:
            split[fact["split"]].add(fact["subject"])
        held = {f["subject"] for f in facts if f["split"] == "test" and f["split_by"] == "subject"}
        shared = sorted(held & split["train"])
        if shared:
            yield f"trains on test subjects: {', '.join(shared)} stand in both splits"

    def _people(self, file: Path, whole: dict):
        yield from self._identity(file, whole)
        train, val = (read_people(file, split) for split in ("train", "val"))
        # Generated splits both count from 1: one name is no fault, one picture is.
        _, *pairs = np.intersect1d(train.image_ids, val.image_ids, return_indices=True)
        same = [a for a, b in zip(*pairs, strict=True) if train.encoded[a] == val.encoded[b]]
        if same:
            yield f"{len(same)} images stand in both splits, such as {train.image_ids[same[0]]}"

    def _predictions(self, file: Path, whole: dict):
        facts = read_attributes(file)["identity"]
        yield from _differences("poses", facts, whole["settings"], ("experiment", "seed"))
        yield from _protocol(facts["protocol"], whole["settings"]["protocol"])

    def _detections(self, file: Path, whole: dict):
        yield from self._predictions(file, whole)
        data = next((p for p in whole["inputs"] if "/data/" in p), "")
        people = self.trial.store.local(data)
        if people is None:
            return
        claimed, scores = whole["settings"]["boxes"], read_detections(file)["box_scores"]
        given = read_people(people, "val")
        exact = np.ones(int(given.usable.sum()), dtype=scores.dtype)
        wanted = exact if claimed == "ground-truth" else given.detection_scores
        if wanted is not None and not np.array_equal(scores, wanted):
            truth = "ground-truth boxes" if np.array_equal(scores, exact) else "other boxes"
            yield f"was made with {truth}, its record claims '{claimed}'"

    def _metrics(self, file: Path, whole: dict):
        facts, settings = json.loads(file.read_text(encoding="utf-8")), whole["settings"]
        yield from _differences("numbers", facts, settings, ("experiment", "seed", "roles"))
        identity = dict(facts["identity"])
        yield from _protocol(identity.pop("settings"), settings["protocol"])
        if identity != settings["identity"]:
            odd = sorted(k for k in identity if identity[k] != settings["identity"].get(k))
            yield f"claims another identity than its record ({', '.join(odd)})"
        for path in whole["inputs"]:
            yield from self._input(path, facts, identity)

    def _input(self, path: str, facts: dict, identity: dict):
        """A metrics file against what it says it was measured on."""
        file = self.trial.store.local(path)
        if file is None:
            return
        if path.endswith(".safetensors"):
            if facts["values"].get("checkpoint_bytes") != file.stat().st_size:
                yield f"{path} has not the size it says"
        elif "/data/" in path and read_attributes(file)["identity"] != identity["data"]:
            yield f"claims data '{identity['data']}', {path} says otherwise"
        elif "/predictions/" in path:
            made = read_attributes(file)["identity"]
            yield from (
                f"{path} says of itself: {why}"
                for why in _protocol(made["protocol"], facts["identity"]["settings"])
            )
            yield from self._source(path, identity)

    def _source(self, predictions: str, identity: dict):
        """The 2D source that metrics claim, against the keypoint file behind the predictions."""
        link = self.trial.links.get(predictions)
        for path in link.made["inputs"] if link and link.made else ():
            file = self.trial.store.local(path) if "/keypoints/" in path else None
            if file is None:
                continue
            says = read_attributes(file)["identity"]
            names = {says, Path(path).stem} if says.startswith("detected by ") else {says}
            if identity["source"] not in names:
                yield f"claims keypoints '{identity['source']}', {path} says it is '{says}'"


def _sequences(stream: h5py.File) -> list[h5py.Group]:
    found = []

    def note(name, node):
        if isinstance(node, h5py.Group) and "split" in node.attrs:
            found.append(node)

    stream.visititems(note)
    return found


def _differences(what: str, says: dict, recorded: dict, names):
    for name in names:
        if says.get(name) != recorded.get(name):
            told = "" if name in ("model", "training", "roles") else f" ({says.get(name)})"
            yield f"says inside its {what} are of another {name}{told} than its record"


def _protocol(says: dict, claimed: dict):
    odd = sorted(k for k in says.keys() | claimed.keys() if says.get(k) != claimed.get(k))
    if odd:
        told = ", ".join(f"{k} {says.get(k)}" for k in odd[:3])
        yield f"was made with {told}, its record claims {claimed.get(odd[0])}"
