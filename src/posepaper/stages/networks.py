"""Trained networks, and 2D networks applied to person crops."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from posepaper import models
from posepaper.data import crops
from posepaper.data.people import PeopleSet
from posepaper.errors import InputError
from posepaper.evaluation.heatmaps import decode, flip_back
from posepaper.models.weights import load_public
from posepaper.progress import Progress
from posepaper.skeleton import COCO
from posepaper.stages.job import Run
from posepaper.training.checkpoint import RunFolder, read_checkpoint, save_checkpoint
from posepaper.training.devices import exact
from posepaper.training.pose2d import predict_heatmaps

STRIDE = 4
BATCH = 128


@contextlib.contextmanager
def trained(run: Run, checkpoint: str | Path) -> Iterator[torch.nn.Module]:
    """A job's network with a checkpoint's weights, run deterministically on the job's threads.

    Raises:
        InputError: the file is not a checkpoint of this project, or one of another network.
        Refused: the network has a class that the job's fingerprint leaves out.
    """
    settings, (weights, _) = run.settings, read_checkpoint(checkpoint)
    options = dict(settings["model"])
    model = models.create(options.pop("name"), **options)
    run.check_covers(model)
    try:
        load_public(model, weights)
    except ValueError as error:
        what = f"does not fit {settings['experiment']}: {error}"
        raise InputError(checkpoint, what, "Train it again or put back the right file") from None
    cv2.setNumThreads(settings["threads"])
    with exact(settings["threads"]):
        yield model.eval()


def kept(folder: Path, epoch: int) -> Path:
    """Where a training keeps the weights after an epoch."""
    return RunFolder(folder).kept(epoch)


def write_like(checkpoint: str, weights: str | Path, path: Path, epoch: int) -> None:
    """Writes the weights of one epoch of a training with the facts of its checkpoint."""
    facts = read_checkpoint(checkpoint)[1]
    save_checkpoint(path, read_checkpoint(weights)[0], {**facts, "epoch": epoch})


def peak_memory() -> dict[str, int]:
    """The most memory this process had on its accelerator, bytes; nothing on a CPU."""
    if not torch.cuda.is_available():
        return {}
    return {"peak_device_bytes": torch.cuda.max_memory_allocated()}


def keypoints_in_crops(
    model: torch.nn.Module, images: np.ndarray, *, flip: bool, decoder: str
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, 17, 2) in crop pixels and scores (N, 17) of crops (N, h, w, 3) uint8 RGB."""
    found = []
    for heatmaps, mirrored in predict_heatmaps(model, images, flip=flip, batch=BATCH):
        if mirrored is not None:
            heatmaps = (heatmaps + flip_back(mirrored, COCO.flip, shift=True)) / 2
        found.append(decode(heatmaps, decoder))
    keypoints, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return keypoints * STRIDE, scores


def keypoints_in_boxes(model: torch.nn.Module, people: PeopleSet, settings: dict) -> dict:
    """Keypoints of every person box, as ``posepaper.evaluation.coco.detections`` takes them."""
    index, boxes, scores = _boxes(people, settings["boxes"])
    height, width = settings["image"]
    centres, scales = crops.box_to_centre_scale(boxes, aspect=width / height)
    to_crop = crops.affine(centres, scales, np.zeros(len(boxes)), (width, height))
    back, protocol, found = crops.invert(to_crop), settings["protocol"], []
    with Progress(f"predict {settings['experiment']}", len(boxes), "box") as bar:
        for images in _batches(people, index, to_crop, (width, height)):
            found.append(
                keypoints_in_crops(
                    model, images, flip=protocol["flip"], decoder=protocol["decoder"]
                )
            )
            bar.update(len(images))
    keypoints, keypoint_scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return {
        "image_index": index,
        "keypoints": crops.transform_points(keypoints, back).astype(np.float32),
        "keypoint_scores": keypoint_scores,
        "box_scores": scores.astype(np.float32),
        "areas": np.prod(scales * crops.SCALE_UNIT, axis=1),
    }


def _boxes(people: PeopleSet, source: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if source == "ground-truth":
        usable = people.usable
        return people.image_index[usable], people.boxes[usable], np.ones(int(usable.sum()))
    if people.detection_boxes is None:
        raise InputError(
            people.file,
            f"has no person boxes of '{source}'",
            "Put the box file beside the annotations, or bind ground-truth",
        )
    return people.detection_image_index, people.detection_boxes, people.detection_scores


def _batches(people: PeopleSet, index, to_crop, size) -> Iterator[np.ndarray]:
    shown, image, waiting = None, None, []
    for box, matrix in zip(index, to_crop, strict=True):
        if shown != box:
            shown, image = box, people.image(box)
        waiting.append(crops.crop(image, matrix, size))
        if len(waiting) == BATCH:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)
