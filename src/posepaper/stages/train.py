"""Trains one experiment with one seed: rules ``train_pose2d`` and ``train_lifting``.

Where the experiment names published weights they take the training's place, in the same files.
"""

import torch

from posepaper import files, models
from posepaper.config import Training
from posepaper.data.person_crops import read_person_crops
from posepaper.errors import InputError
from posepaper.models import costs, weights
from posepaper.stages import job, lifting_data
from posepaper.training.checkpoint import RunFolder, write_checkpoint
from posepaper.training.devices import launched
from posepaper.training.lifting import train_lifting
from posepaper.training.pose2d import train_pose2d


def network(run: job.Run) -> torch.nn.Module:
    """The experiment's network: its seed's initial weights, with published ones where it names any.

    Raises:
        InputError: the network has no such option or cannot have that value, or the published
            file is not this network's.
        Refused: the network has a class that the job's fingerprint leaves out.
    """
    settings = run.settings
    torch.manual_seed(settings["seed"])
    options = dict(settings["model"])
    try:
        model = models.create(options.pop("name"), **options)
    except ValueError as error:
        raise InputError(settings["experiment"], str(error), "Correct its recipe") from None
    run.check_covers(model)
    for file, role in settings["published"].items():
        path = run.raw[f"weights/{file}"]
        tensors = weights.read(path)
        try:
            weights.load_public(model, tensors, backbone_only=role == "backbone")
        except ValueError as error:
            todo = f"Give the file of {settings['experiment']}'s network"
            raise InputError(path, str(error), todo) from None
    return model


def pose2d(run: job.Run) -> None:
    """A heatmap network on the train split's people."""
    settings, model = run.settings, network(run)
    if "training" not in settings:
        return _write(run, model, [])
    curve = train_pose2d(
        model,
        read_person_crops(run.inputs["crops"]),
        tuple(settings["image"]),
        Training(**settings["training"]),
        RunFolder(run.folder),
        seed=settings["seed"],
        label=_label(settings),
    )
    _write(run, model, curve)


def lifting(run: job.Run) -> None:
    """A lifting network on the train split's sequences."""
    settings, model = run.settings, network(run)
    if "training" not in settings:
        return _write(run, model, [])
    data = lifting_data.read(run.inputs["data"], run.inputs["keypoints"], "train")
    try:
        curve = train_lifting(
            model,
            data.screen,
            data.poses,
            Training(**settings["training"]),
            RunFolder(run.folder),
            seed=settings["seed"],
            label=_label(settings),
            skeleton=data.skeleton,
        )
    except InputError:
        raise
    except ValueError as error:
        what = " ".join(str(error).split())
        raise InputError(run.inputs["keypoints"], what, "Correct the data or the recipe") from None
    _write(run, model, curve)


def _label(settings: dict) -> str:
    return f"train {settings['experiment']} seed {settings['seed']}"


def _write(run: job.Run, model: torch.nn.Module, curve: list[dict]) -> None:
    settings = run.settings
    facts = {name: settings[name] for name in ("experiment", "seed", "model")}
    facts["training"] = settings.get("training")
    facts["published"] = {
        role: {"file": file, "md5": files.md5(run.raw[f"weights/{file}"])}
        for file, role in settings["published"].items()
    }
    image = settings["image"] or costs.IMAGE
    cost = {"parameters": costs.parameters(model), "gmac": costs.gmac(model, image)}
    write_checkpoint(run.outputs["checkpoint"], model, {**facts, **cost})
    files.write_json(run.outputs["curve"], {**facts, "epochs": curve})
    status = RunFolder(run.folder).status
    names = ("samples_per_second", "peak_device_bytes")
    run.measured.update({name: status[name] for name in names if name in status})
    if "training" in settings:
        run.measured["processes"] = status.get("processes", launched().processes)


if __name__ == "__main__":
    job.main({"train_pose2d": pose2d, "train_lifting": lifting})
