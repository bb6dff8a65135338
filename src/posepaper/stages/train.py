"""Trains one experiment with one seed: rules ``train_pose2d`` and ``train_lifting``."""

import torch

from posepaper import files, models
from posepaper.config import Training
from posepaper.data.people import read_people
from posepaper.errors import InputError
from posepaper.stages import job, lifting_data
from posepaper.training.checkpoint import RunFolder, write_checkpoint
from posepaper.training.lifting import train_lifting
from posepaper.training.pose2d import train_pose2d


def network(settings: dict) -> torch.nn.Module:
    """The experiment's network with the initial weights of its seed.

    Raises:
        InputError: the network has no such option, or it cannot have that value.
    """
    torch.manual_seed(settings["seed"])
    options = dict(settings["model"])
    try:
        return models.create(options.pop("name"), **options)
    except ValueError as error:
        raise InputError(settings["experiment"], str(error), "Correct its recipe") from None


def pose2d(run: job.Run) -> None:
    """A heatmap network on the train split's people."""
    settings = run.settings
    model = network(settings)
    curve = train_pose2d(
        model,
        read_people(run.inputs["data"], "train"),
        tuple(settings["image"]),
        Training(**settings["training"]),
        RunFolder(run.folder),
        seed=settings["seed"],
        label=_label(settings),
    )
    _write(run, model, curve)


def lifting(run: job.Run) -> None:
    """A lifting network on the train split's sequences."""
    settings = run.settings
    model = network(settings)
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
    except ValueError as error:
        what = " ".join(str(error).split())
        raise InputError(run.inputs["keypoints"], what, "Correct the data or the recipe") from None
    _write(run, model, curve)


def _label(settings: dict) -> str:
    return f"train {settings['experiment']} seed {settings['seed']}"


def _write(run: job.Run, model: torch.nn.Module, curve: list[dict]) -> None:
    settings = run.settings
    facts = {name: settings[name] for name in ("experiment", "seed", "model", "training")}
    parameters = sum(p.numel() for p in model.parameters())
    write_checkpoint(run.outputs["checkpoint"], model, {**facts, "parameters": parameters})
    files.write_json(run.outputs["curve"], {**facts, "epochs": curve})


if __name__ == "__main__":
    job.main({"train_pose2d": pose2d, "train_lifting": lifting})
