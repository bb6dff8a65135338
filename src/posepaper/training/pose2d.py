"""Training of networks that find joints in person crops, and their heatmaps."""

import os
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from posepaper.config import Training
from posepaper.data.crops import crop
from posepaper.data.people import PeopleSet
from posepaper.training.augmentation import augmented_crops, draw
from posepaper.training.checkpoint import RunFolder
from posepaper.training.heatmaps import STRIDE, gaussian_targets, heatmap_loss
from posepaper.training.loop import derive_seed, device, fit

# Mean and spread of ImageNet's RGB values in 0-1, with which public backbones are trained.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESIDENT_BYTES = 2 << 30
MOST_WORKERS = 16


class Crops(Dataset):
    """One epoch's crops of people, cut on demand."""

    def __init__(self, images, image_index: np.ndarray, matrices, keypoints, size):
        self.images, self.image_index = images, image_index
        self.matrices, self.keypoints, self.size = matrices, keypoints, size

    def __getitem__(self, person: int) -> tuple[np.ndarray, np.ndarray]:
        """(h, w, 3) uint8 RGB and (17, 3) keypoints in its pixels."""
        image = self.images(self.image_index[person])
        height, width = self.size
        cut = crop(image, self.matrices[person], (width, height))
        return cut, self.keypoints[person]


class PeopleBatches:
    """The usable people of a split as augmented crops.

    Images are decoded once and kept where they fit into memory; a larger set is decoded by
    worker processes, crop by crop.
    """

    def __init__(self, people: PeopleSet, size: tuple[int, int], training: Training, seed: int):
        self.size, self.training, self.seed = size, training, seed
        chosen = np.flatnonzero(people.usable)
        self.boxes, self.keypoints = people.boxes[chosen], people.keypoints[chosen]
        self.image_index = people.image_index[chosen]
        used = np.unique(self.image_index)
        self.resident = people.sizes[used].astype(np.int64).prod(axis=1).sum() * 3 < RESIDENT_BYTES
        decoded = {int(i): people.image(int(i)) for i in used} if self.resident else {}
        self.images = decoded.__getitem__ if self.resident else people.image

    def __len__(self) -> int:
        return len(self.boxes)

    def epoch(self, epoch: int, batches: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """(B, h, w, 3) uint8 RGB crops and their (B, 17, 3) keypoints, for each batch."""
        draws = draw(len(self), self.training, derive_seed(self.seed, epoch, 2))
        matrices, keypoints = augmented_crops(self.boxes, self.keypoints, draws, self.size)
        crops = Crops(self.images, self.image_index, matrices, keypoints, self.size)
        yield from DataLoader(
            crops,
            batch_sampler=[b.tolist() for b in batches],
            num_workers=0 if self.resident else _workers(),
            worker_init_fn=_single_threaded,
            pin_memory=torch.cuda.is_available(),
        )


def _workers() -> int:
    return min(MOST_WORKERS, len(os.sched_getaffinity(0)))


def _single_threaded(_worker: int) -> None:
    cv2.setNumThreads(0)


def normalise(images: Tensor) -> Tensor:
    """(N, h, w, 3) uint8 RGB -> (N, 3, h, w) float32 as backbones expect, channels last."""
    mean = images.new_tensor(MEAN, dtype=torch.float32) * 255
    spread = images.new_tensor(SPREAD, dtype=torch.float32) * 255
    return ((images - mean) / spread).permute(0, 3, 1, 2)


def joint_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The heatmap loss on uint8 crops and their keypoints."""
    images, keypoints = batch
    size = images.shape[1] // STRIDE, images.shape[2] // STRIDE
    targets, weights = gaussian_targets(keypoints[..., :2], keypoints[..., 2], size)
    return heatmap_loss(model(normalise(images)), targets, weights)


def train_pose2d(
    model: nn.Module,
    people: PeopleSet,
    size: tuple[int, int],
    training: Training,
    run_folder: RunFolder,
    *,
    seed: int,
    label: str,
) -> list[dict]:
    """Trains a heatmap network in place on the usable people of a split.

    Args:
        size: height and width of the crops, divisible by 4.

    Returns:
        The curve of :func:`posepaper.training.loop.fit`.

    Raises:
        InputError: an image cannot be decoded.
        TrainingFailed: the training diverged.
    """
    batches = PeopleBatches(people, size, training, seed)
    model.to(memory_format=torch.channels_last)
    return fit(model, batches, joint_loss, training, run_folder, seed=seed, label=label)


def predict_heatmaps(
    model: nn.Module, crops: np.ndarray, *, flip: bool, batch: int = 64
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Heatmaps of crops and, with ``flip``, of the mirrored crops as the network gave them.

    Args:
        crops: (N, h, w, 3) uint8 RGB.

    Yields:
        For ``batch`` crops after another, (B, 17, h/4, w/4) float32, and the same for the
        mirrored crops (not mirrored back) or None.
    """
    where = device()
    model.to(where, memory_format=torch.channels_last).eval()
    for start in range(0, len(crops), batch):
        with torch.inference_mode():
            images = torch.from_numpy(crops[start : start + batch]).to(where)
            count = len(images)
            if flip:
                images = torch.cat([images, images.flip(2)])
            heatmaps = model(normalise(images)).float().cpu().numpy()
        yield heatmaps[:count], heatmaps[count:] if flip else None
