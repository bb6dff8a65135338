"""A study rehearsed: every rule and every network at its full size, for a few steps each.

A rehearsal is a study of its own, ``{study}-rehearsal``, with its own results folder. Networks,
windows, images, batches, devices and precision are the study's; lengths are not. Data that are
missing are the mini world's; of those that are there, all is read and a few are used.
"""

import math
from dataclasses import replace
from pathlib import Path

from posepaper.config import Dataset, Experiment, Keypoints, Study, World
from posepaper.stages.availability import VIDEOS, Availability
from posepaper.stages.dag import Job
from posepaper.stages.jobs import Builder

# Optimiser steps of an epoch; the speed is that of all but the first.
STEPS = 3
# What is predicted and measured: a full batch of boxes (``networks.BATCH``), some frames.
BOXES, FRAMES = 128, 256

SUFFIX = "-rehearsal"
# How the name of a prepared dataset ends before a few of it are taken.
WHOLE = "-whole"

# The mini world in a licensed dataset's place: its reader, its folder, its person boxes.
GENERATED = {
    "pose3d": {"reader": "human36m", "folder": "world", "images": True},
    "mpi3dhp": {"reader": "mpi_inf_3dhp", "folder": "world"},
    "pose2d": {"reader": "coco", "folder": "world/coco", "boxes": "simulated-boxes"},
    "video": {"reader": "video", "folder": "world/video"},
}
EXACT = "data_2d_h36m_gt.npz"
KEYPOINT_FILES = (
    *(EXACT, "data_2d_h36m_cpn_ft_h36m_dbb.npz", "data_2d_h36m_detectron_ft_h36m.npz"),
    "data_2d_h36m_sh_ft_h36m.npz",
)
SUBJECTS, ACTIONS, CAMERAS, LENGTH = ("S1", "S5", "S9"), 15, 4, (20, 24)
# Fewest people in a generated picture on average, and fewest boxes.
PEOPLE, DETECTED = 1.3, 1.8


def study_of(name: str) -> str:
    """The study that a rehearsal's name names; any other name as it is."""
    return name.removesuffix(SUFFIX)


def rehearsed(study: Study, roots: list[str]) -> Study:
    """A study shortened to its rehearsal.

    Args:
        study: as its files say.
        roots: folders searched for the datasets' files.
    """
    there = Availability(study, roots)
    gone = {role for role, why in there.missing.items() if why.startswith("missing-data")}
    experiments = {name: _shortened(e, there) for name, e in study.experiments.items()}
    datasets = {
        role: _dataset(role, dataset, role in gone, samples(experiments, role))
        for role, dataset in study.datasets.items()
    }
    generated = any(Availability._is_world(dataset) for dataset in datasets.values())
    return study.model_copy(
        update={
            "name": study.name + SUFFIX,
            "title": f"rehearsal of the {study.name} study: no number here is a result",
            "mark": "rehearsal: no number here is a result",
            "note": f"A rehearsal of the {study.name} study: every network ran for {STEPS} steps "
            "an epoch, to see what fails, what does not fit and how long the study would take "
            "(posepaper rehearsal). It has no results, and its tables show no numbers.",
            "seeds": 1,
            "world": _world(study) if generated else None,
            "datasets": datasets,
            "keypoints": {s: _keypoints(k, there, gone) for s, k in study.keypoints.items()},
            "experiments": experiments,
        }
    )


def samples(experiments: dict[str, Experiment], role: str) -> dict[str, int]:
    """Frames or people that a rehearsal needs of a data role, by split."""
    used = [e for e in experiments.values() if e.data == role]
    batch = max((e.training.batch for e in used), default=1)
    return {"train": STEPS * batch, "test": BOXES if role == "pose2d" else FRAMES}


def _shortened(e: Experiment, there: Availability) -> Experiment:
    """An experiment for a few steps; published weights that are missing are done without."""
    training, every = e.training, e.training.validate_every
    validated = bool(every and every < training.epochs)
    steps = STEPS * training.batch
    short = {
        "epochs": 2 if validated else 1,
        "validate_every": 1 if validated else None,
        "samples_per_epoch": min(steps, training.samples_per_epoch or steps),
        "save_every": 1,
    }
    files = {"weights": e.weights, "backbone": e.backbone}
    absent = {key: None for key, file in files.items() if file and not there.find_weights(file)}
    return e.model_copy(update={"training": training.model_copy(update=short), **absent})


def _dataset(role: str, dataset: Dataset, gone: bool, few: dict[str, int]) -> Dataset:
    if dataset.not_applicable:
        return dataset
    if gone:
        identity = f"rehearsal: generated in place of {dataset.identity}"
        plain = {"files": {}, "wheel": None, "boxes": "", "images": False}
        return dataset.model_copy(update={**plain, **GENERATED[role], "identity": identity})
    identity = f"rehearsal: a few of {dataset.identity}"
    return dataset.model_copy(update={"identity": identity, "samples": few})


def _keypoints(keypoints: Keypoints, there: Availability, gone: set[str]) -> Keypoints:
    """A 2D source, exact keypoints in its place where its own file or videos are missing."""
    if keypoints.not_applicable or (keypoints.experiment and keypoints.data in gone):
        return keypoints
    dataset, own = there.study.datasets[keypoints.data], keypoints.identity or keypoints.experiment
    if keypoints.data in gone:
        file = keypoints.file if keypoints.file in KEYPOINT_FILES else EXACT
        file = file if GENERATED[keypoints.data]["reader"] == "human36m" else None
        identity = f"rehearsal: generated in place of {own}"
        return keypoints.model_copy(update={"file": file, "noise": None, "identity": identity})
    wanted = VIDEOS if keypoints.experiment else keypoints.file
    if not wanted or Availability._is_world(dataset) or there.find(dataset, wanted):
        return keypoints
    exact = there.study.keypoints.get("gt", keypoints)
    identity = f"rehearsal: exact keypoints in place of {own}"
    return exact.model_copy(update={"identity": identity})


def _world(study: Study) -> World:
    """A world as small as the batches allow, of the study's own people and actions, if any."""
    given = study.world
    subjects = (given.subjects if given else SUBJECTS) or SUBJECTS
    actions = len(given.actions or ()) if given else 0
    trained = sum(subject not in ("S9", "S11") for subject in subjects)
    frames = trained * (actions or ACTIONS) * CAMERAS * LENGTH[0]
    few = {role: samples(study.experiments, role)["train"] for role in ("pose3d", "pose2d")}
    return World(
        seed=given.seed if given else 0,
        frames=LENGTH,
        coco_images={
            "train": math.ceil(few["pose2d"] / PEOPLE),
            "val": math.ceil(BOXES / DETECTED),
        },
        subjects=subjects,
        actions=given.actions if given else None,
        takes=max(1, math.ceil(few["pose3d"] / frames)),
    )


class Rehearsal(Builder):
    """The jobs of a rehearsal: those of its study, on a few samples of every dataset."""

    def jobs(self) -> list[Job]:
        """Every job of the rehearsal, upstream first."""
        return [_without_numbers(job) for job in super().jobs()]

    def _datasets(self) -> list[Job]:
        return [cut for job in super()._datasets() for cut in self._few(job)]

    def _few(self, job: Job) -> list[Job]:
        """A dataset's job, and the one that takes a few of what it makes."""
        if job.rule not in ("prepare_poses", "prepare_people"):
            return [job]
        role = job.wildcards["role"]
        whole = f"{self.base}/data/{role}{WHOLE}.h5"
        settings = {"samples": samples(self.study.experiments, role)}
        return [
            replace(job, wildcards={"role": role + WHOLE}, outputs={"dataset": whole}),
            Job("prepare_few", {"role": role}, job.outputs, {"whole": whole}, settings=settings),
        ]


def counterpart(job: Job) -> tuple:
    """What a job of a study and its rehearsal have in common: rule, and wildcards but the seed."""
    given = {k: v.removesuffix(WHOLE) for k, v in job.wildcards.items() if k != "seed"}
    return job.rule, tuple(sorted(given.items()))


def rehearses(path: str | Path) -> bool:
    """Whether a results folder, or an artefact's, is a rehearsal's."""
    return any(part.endswith(SUFFIX) for part in Path(path).parts[:2])


def _without_numbers(job: Job) -> Job:
    """A table's, ledger's or chart's job as a rehearsal's: nothing passes for a result."""
    if job.rule == "make_table":
        return replace(job, settings={**job.settings, "rehearsal": True})
    if job.rule == "make_ledger":
        return replace(job, inputs={**job.inputs, "metrics": []})
    if job.rule == "make_details":
        return replace(job, inputs={"metrics": [], "curves": []})
    return job
