"""Predictions on the test set and the numbers measured on them.

Rules ``predict_pose2d``, ``predict_lifting``, ``evaluate_pose2d``, ``evaluate_lifting`` and
``evaluate_epochs``, which compares a training's epochs for who wants more than its last.
Networks are imported where a rule needs them, so that measuring starts without torch.
"""

import json
import time
from pathlib import Path

import numpy as np
import safetensors

from posepaper import files, quantities
from posepaper.data.detections import read_detections, write_detections
from posepaper.data.layout import read_poses, read_predictions, write_predictions
from posepaper.data.people import read_people
from posepaper.errors import InputError
from posepaper.evaluation import coco, human36m, mpi3dhp
from posepaper.progress import Progress
from posepaper.provenance import record
from posepaper.stages import job, lifting_data

MM = 1000.0


def predict_lifting(run: job.Run) -> None:
    """3D poses of every test sequence, metres, camera axes."""
    from posepaper.stages import networks
    from posepaper.training.prediction import predict_lifting as predict

    data = lifting_data.read(run.inputs["data"], run.inputs["keypoints"], "test")
    settings, predictions = run.settings, {}
    flip = settings["protocol"]["flip"]
    with (
        networks.trained(run, run.inputs["checkpoint"]) as model,
        Progress(f"predict {settings['experiment']}", len(data.sequences), "sequence") as bar,
    ):
        start = time.monotonic()
        found = predict(model, data.screen, skeleton=data.skeleton, flip=flip)
        for sequence, poses in zip(data.sequences, found, strict=True):
            predictions[sequence.key] = poses
            bar.update()
    frames = sum(len(poses) for poses in predictions.values())
    run.measured["frames_per_second"] = frames / (time.monotonic() - start)
    write_predictions(run.outputs["predictions"], predictions, identity=_provenance(run))


def predict_pose2d(run: job.Run) -> None:
    """Keypoints of every person box of the validation split, in image pixels."""
    from posepaper.stages import networks

    people = read_people(run.inputs["data"], "val")
    with networks.trained(run, run.inputs["checkpoint"]) as model:
        start = time.monotonic()
        found = networks.keypoints_in_boxes(model, people, run.settings)
    seconds = time.monotonic() - start
    run.measured["images_per_second"] = len(found["image_index"]) / seconds
    run.measured.update(networks.peak_memory())
    write_detections(run.outputs["predictions"], found, identity=_provenance(run))


def evaluate_lifting(run: job.Run) -> None:
    """Errors in mm by the experiment's protocol."""
    protocol = run.settings["protocol"]
    sequences = read_poses(run.inputs["data"], "test")
    skeleton = lifting_data.skeleton_of(run.inputs["data"])
    if skeleton.name != quantities.JOINTS[protocol["kind"]]:
        what = f"has the joints {skeleton.name}, which protocol {protocol['name']} does not score"
        raise InputError(run.inputs["data"], what, "Give the experiment its dataset's protocol")
    found, _ = read_predictions(run.inputs["predictions"])
    predictions = {key: MM * poses.astype(np.float64) for key, poses in found.items()}
    targets = {s.key: _relative(s.positions, skeleton.root) for s in sequences}
    result = PROTOCOLS[protocol["kind"]](predictions, targets, sequences, protocol)
    _write(run, "lifting", result)


def _human36m(predictions: dict, targets: dict, sequences: list, protocol: dict) -> dict:
    return human36m.evaluate(
        predictions,
        targets,
        root=protocol["root"],
        mpjve_weight=protocol["mpjve_weight"],
        held_out={s.key for s in sequences if s.split_by == "subject"},
    )


def _mpi3dhp(predictions: dict, targets: dict, sequences: list, protocol: dict) -> dict:
    valid = {s.key: _valid(s) for s in sequences}
    root, pck_joints = protocol["root"], protocol["pck_joints"]
    return mpi3dhp.evaluate(predictions, targets, valid, root=root, pck_joints=pck_joints)


PROTOCOLS = {"human36m": _human36m, "mpi3dhp": _mpi3dhp}


def evaluate_pose2d(run: job.Run) -> None:
    """AP and AR in percent by COCO's protocol."""
    people = read_people(run.inputs["data"], "val")
    detections = _detections(read_detections(run.inputs["predictions"]), run.settings)
    _write(run, "pose2d", coco.evaluate(people, detections, seed=run.settings["seed"]))


def evaluate_epochs(run: job.Run) -> None:
    """AP after every kept epoch of a training, and the weights of the best one.

    COCO's papers report on the very split that decides here. So the numbers of every table are
    those of the last epoch, and the best one's weights stand apart for who asks for them.

    Raises:
        InputError: the run folder that kept the epochs is gone.
    """
    from posepaper.stages import networks

    settings, last = run.settings, run.inputs["checkpoint"]
    people = read_people(run.inputs["data"], "val")
    folder = job.run_folder(last, record.read(last)["fingerprint"])
    curve, weights = [], {}
    for epoch in settings["epochs"]:
        file = last if epoch == settings["epochs"][-1] else networks.kept(folder, epoch)
        if not Path(file).exists():
            raise InputError(file, "is gone", f"Delete {last} and {folder} to train it again")
        with networks.trained(run, file) as model:
            found = networks.keypoints_in_boxes(model, people, settings)
        values = coco.evaluate(people, _detections(found, settings), resamples=0)["values"]
        curve.append({"epoch": epoch, **values})
        weights[epoch] = file
    best = max(curve, key=lambda point: point["ap"])["epoch"]
    facts = {"experiment": settings["experiment"], "seed": settings["seed"], "best": best}
    files.write_json(run.outputs["curve"], {**facts, "epochs": curve})
    networks.write_like(last, weights[best], run.outputs["best"], best)


def _detections(found: dict, settings: dict) -> coco.Detections:
    names = ("keypoint_threshold", "nms_threshold")
    return coco.detections(**found, **{name: settings["protocol"][name] for name in names})


def _relative(positions: np.ndarray, root: int) -> np.ndarray:
    positions = MM * positions.astype(np.float64)
    return positions - positions[:, root : root + 1]


def _valid(sequence) -> np.ndarray:
    everything = np.ones(len(sequence.positions), dtype=bool)
    return everything if sequence.valid is None else sequence.valid


def _provenance(run: job.Run) -> dict:
    names = ("experiment", "seed", "protocol")
    return {name: run.settings[name] for name in names}


def _write(run: job.Run, kind: str, result: dict) -> None:
    settings = run.settings
    with safetensors.safe_open(run.inputs["checkpoint"], framework="np") as checkpoint:
        made = json.loads(checkpoint.metadata()["posepaper"])
    costs = {name: made[name] for name in ("parameters", "gmac")}
    costs["checkpoint_bytes"] = files.size(run.inputs["checkpoint"])
    names, values = ("experiment", "seed", "roles"), {**result["values"], **costs}
    files.write_json(
        run.outputs["metrics"],
        {
            **{name: settings[name] for name in names},
            "kind": kind,
            "identity": {**settings["identity"], "settings": settings["protocol"]},
            **result,
            "values": values,
            "quantities": quantities.described(values, settings["protocol"]),
        },
    )


if __name__ == "__main__":
    job.main(
        {
            "predict_pose2d": predict_pose2d,
            "predict_lifting": predict_lifting,
            "evaluate_pose2d": evaluate_pose2d,
            "evaluate_lifting": evaluate_lifting,
            "evaluate_epochs": evaluate_epochs,
        }
    )
