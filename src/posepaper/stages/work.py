"""How much each job has to do, and what finished ones took: what predictions are made from."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import safetensors

from posepaper import files
from posepaper.data.layout import count_frames
from posepaper.data.people import read_people
from posepaper.data.person_crops import read_person_crops
from posepaper.provenance import cost, record
from posepaper.stages import job
from posepaper.stages.layouts import RATES

# Rules that run a network; on a GPU, where there is one.
NETWORK_RULES = (
    *("train_pose2d", "train_lifting", "predict_pose2d", "predict_lifting"),
    *("detect_keypoints", "evaluate_epochs"),
)
POSE_RULES = ("prepare_poses", "prepare_keypoints", "evaluate_lifting")
# A training step computes the outputs once and the gradients of inputs and weights.
FORWARD_AND_BACKWARD = 3
JOINTS = 17
# Bytes of a frame's 2D and 3D pose; of a parameter, its gradient and Adam's two moments.
POSE, TRAINED = 4 * 5 * JOINTS, 16

# {"gmac", "parameters"} of the network behind a checkpoint, None where nobody knows.
Sizes = Callable[[str], dict | None]


class Counts:
    """Frames, people and boxes of a study's data: as prepared, else as its study file says.

    Args:
        base: ``results/{study}``.
        stated: a dataset's ``samples`` by role.
    """

    def __init__(self, base: str, stated: Mapping[str, Mapping[str, int]] | None = None):
        self.base, self.stated, self._known = Path(base), stated or {}, {}

    def of(self, role: str) -> Mapping[str, int]:
        """{"train", "test"} of a role, as far as known."""
        if role not in self._known:
            self._known[role] = self._prepared(role) or self.stated.get(role, {})
        return self._known[role]

    def _prepared(self, role: str) -> dict[str, int]:
        path = self.base / "data" / f"{role}.h5"
        if not path.exists() or role == "video":
            return {}
        if not role.startswith("pose2d"):
            return count_frames(path)
        people, crops = read_people(path, "val"), self.base / "data" / f"{role}-crops.h5"
        boxes = people.detection_boxes
        found = {"test": int(people.usable.sum()) if boxes is None else len(boxes)}
        return found | ({"train": len(read_person_crops(crops))} if crops.exists() else {})


def recorded_size(checkpoint: str) -> dict | None:
    """GMAC and parameters as a checkpoint's training wrote them into it."""
    if not Path(checkpoint).exists():
        return None
    with safetensors.safe_open(checkpoint, framework="np") as file:
        made = json.loads(file.metadata()["posepaper"])
    return {name: made[name] for name in ("gmac", "parameters")}


def need(
    target: str, rule: str, settings: dict, inputs: Iterable[str], counts: Counts, sizes: Sizes
) -> dict:
    """What a job has to do, as :mod:`posepaper.provenance.cost` takes it, device ``cpu``."""
    inputs = list(inputs)
    found = {
        "target": target,
        "rule": rule,
        "like": "predict_pose2d" if rule == "evaluate_epochs" else rule,
        "device": "cpu",
        "threads": settings.get("threads", 1),
        "trained": rule in NETWORK_RULES,
    }
    if rule not in NETWORK_RULES:
        amount = _items(target, rule, inputs, counts)
        kind = _kind(settings, inputs) if rule.startswith("prepare_") else ""
        held = (amount or 0) * POSE * (rule in POSE_RULES)
        found |= {"kind": kind, "steps": 1, "work": amount, "held": held}
        return {**found, "size": amount or 1, "volume": amount or 1}
    known = counts.of(_role(inputs)) if _role(inputs) else {}
    checkpoint = target if rule.startswith("train_") else _checkpoint(inputs)
    size = sizes(checkpoint)
    found["kind"] = settings["model"]["name"]
    amounts = _training if rule.startswith("train_") else _prediction
    return found | amounts(settings, rule, known, size)


def _kind(settings: dict, inputs: list[str]) -> str:
    """Reader of a dataset, and whether its pictures are small generated ones."""
    generated = any(Path(path).name == "world.json" for path in inputs)
    return f"{settings.get('reader', '')}{', generated' * generated}".removeprefix(", ")


def _training(settings: dict, rule: str, known: Mapping, size: dict | None) -> dict:
    volume = size["parameters"] if size else 1
    if "training" not in settings:
        return {"steps": 0, "work": 0.0, "size": 1, "volume": volume, "held": 4 * volume}
    training, lifts = settings["training"], rule == "train_lifting"
    there = known.get("train", 0) * (1 + (lifts and training["flip"]))
    samples = training["samples_per_epoch"] or there
    held = TRAINED * volume + lifts * there * POSE
    if not samples or size is None:
        return {"steps": 0, "work": None, "size": 1, "volume": volume, "held": held}
    one = size["gmac"] * window_share(settings["model"]) * FORWARD_AND_BACKWARD
    return {
        "steps": training["epochs"] * math.ceil(samples / training["batch"]),
        "work": training["epochs"] * samples * one,
        "size": one,
        "volume": volume,
        "held": held,
    }


def _prediction(settings: dict, rule: str, known: Mapping, size: dict | None) -> dict:
    flip = settings["flip"] if rule == "detect_keypoints" else settings["protocol"]["flip"]
    splits = ("train", "test") if rule == "detect_keypoints" else ("test",)
    there = all(split in known for split in splits)
    items = sum(known[split] for split in splits) if there else 0
    held = items * POSE * (rule == "predict_lifting")
    found = {"volume": items or 1, "held": held + 4 * (size["parameters"] if size else 0)}
    if size is None or not there:
        return {**found, "steps": 0, "work": None, "size": 1}
    outputs = items * (1 + flip) * len(settings.get("epochs", [0]))
    return {**found, "steps": outputs, "work": outputs * size["gmac"], "size": size["gmac"]}


def window_share(model: Mapping) -> float:
    """How much more a window costs than one frame of a sequence, which is what GMAC counts.

    1 but for VideoPose3D, which trains on windows and shares nothing between them: layer k of a
    receptive field of 3^n frames gives 3^(n-k) frames, and one in a long sequence.
    """
    if model["name"] != "videopose3d" or model.get("frames", 243) == 1:
        return 1.0
    layers = round(math.log(model.get("frames", 243), 3))
    channels = model.get("channels", 1024)
    first, block, last = 3 * 2 * JOINTS * channels, 4 * channels**2, 3 * JOINTS * channels
    frame = first + (layers - 1) * block + last
    blocks = sum(block * 3 ** (layers - 1 - k) for k in range(1, layers))
    return (first * 3 ** (layers - 1) + blocks + last) / frame


def _items(target: str, rule: str, inputs: list[str], counts: Counts) -> int | None:
    """How many frames, people or boxes a job without a network goes through."""
    if rule == "prepare_world":
        splits = [counts.of(role) for role in ("pose3d", "mpi3dhp", "pose2d")]
        return sum(sum(known.values()) for known in splits) or None
    role = _role(inputs) or _role([target])
    if rule.startswith(("make_", "prepare_video")) or role is None:
        return None
    known = counts.of(role)
    splits = {"prepare_crops": ("train",), "evaluate_pose2d": ("test",)}
    splits["evaluate_lifting"] = ("test",)
    wanted = splits.get(rule, ("train", "test"))
    return sum(known[s] for s in wanted) if all(s in known for s in wanted) else None


def _role(paths: Iterable[str]) -> str | None:
    """The data role that the first dataset among some artefacts belongs to."""
    data = (Path(p) for p in paths if Path(p).suffix == ".h5" and Path(p).parent.name == "data")
    return next((p.stem.removesuffix("-crops").removesuffix("-frames") for p in data), None)


def _checkpoint(inputs: Iterable[str]) -> str:
    return next(path for path in inputs if path.endswith(".safetensors"))


def measurements(base: str | Path, sizes: Sizes = recorded_size) -> Iterator[dict]:
    """What every job with a record in a results folder did, and what it took."""
    counts = Counts(str(base))
    for path in sorted(Path(base).rglob("*.record.json")):
        made = files.read_json(path)
        if str(path) != str(record.path_of(made["target"])):
            continue
        done = need(made["target"], made["rule"], made["settings"], made["inputs"], counts, sizes)
        # Cards that a node has need not be ones that torch could use.
        if done["trained"] and made["measured"].get("peak_device_bytes"):
            done["device"] = "gpu"
        loop = _loop(made, done)
        yield {
            **done,
            # A training that went on from an earlier run's state took longer than its record says.
            "seconds": max(record.seconds(made), loop or 0.0),
            "loop": loop,
            "memory": made["peak_memory_bytes"],
            "bytes": _written(made),
        }


def _loop(made: dict, done: dict) -> float | None:
    """Seconds a job's network ran, from the speed its record names."""
    speed = made["measured"]
    if speed.get("samples_per_second") and done["steps"]:
        training = made["settings"]["training"]
        return done["steps"] * training["batch"] / speed["samples_per_second"]
    rate = speed.get("frames_per_second") or speed.get("images_per_second")
    return done["volume"] / rate if rate and done["work"] else None


def _written(made: dict) -> int:
    """Bytes of a job's outputs, and of the folders it fills beside them."""
    target = Path(made["target"])
    beside = [target.with_suffix("")] if made["rule"] == "prepare_world" else []
    if made["rule"].startswith("train_"):
        beside.append(job.run_folder(str(target), made["fingerprint"]))
    extra = sum(files.size(folder) for folder in beside if folder.is_dir())
    return extra + sum(output["size"] for output in made["outputs"].values())


def reference() -> dict:
    """The committed rates, see ``benchmarks/rates.py``; none where the file is not there."""
    return files.read_json(RATES) if RATES.exists() else {"rates": {}, "start": {}}


def predictions(measured: Iterable[dict]) -> dict[str, dict]:
    """Estimates of finished jobs from the committed rates alone, by target."""
    known = reference()["rates"]
    return {m["target"]: cost.estimate(m, None, {}, known) for m in measured}


def by_rule(predicted: Mapping[str, Mapping], measured: Iterable[Mapping]) -> list[dict]:
    """Predicted against measured seconds of each rule.

    Args:
        predicted: estimates by target.
        measured: measurements; those without an estimate are left out.

    Returns:
        [{"rule", "jobs", "predicted", "measured", "ratio"}], the longest rule first.
    """
    rules: dict[str, dict] = {}
    for made in measured:
        if made["target"] in predicted:
            empty = {"rule": made["rule"], "jobs": 0, "predicted": 0.0, "measured": 0.0}
            row = rules.setdefault(made["rule"], empty)
            row["jobs"] += 1
            row["predicted"] += predicted[made["target"]]["seconds"][1]
            row["measured"] += made["seconds"]
    rows = sorted(rules.values(), key=lambda row: -row["measured"])
    return [{**row, "ratio": row["predicted"] / row["measured"]} for row in rows]
