"""Training of networks that find joints in person crops, and their heatmaps."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from posepaper.config import Training
from posepaper.data.crops import crop
from posepaper.data.person_crops import PersonCrops
from posepaper.training.augmentation import augmented_crops, draw
from posepaper.training.checkpoint import RunFolder
from posepaper.training.devices import device, launched
from posepaper.training.heatmaps import STRIDE, gaussian_targets, heatmap_loss
from posepaper.training.loop import derive_seed, fit

# Mean and spread of ImageNet's RGB values in 0-1, with which public backbones are trained.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RESIDENT_BYTES = 2 << 30
MOST_WORKERS = 16
PREFETCHED = 4


class _Cutter(Dataset):
    """Cuts a batch of crops, in a worker or here; the affine maps come with the request."""

    def __init__(self, image: Callable[[int], np.ndarray], size: tuple[int, int]):
        self.image, self.size = image, size

    def __getitems__(self, wanted: list[tuple[int, np.ndarray]]) -> np.ndarray:
        """(B, h, w, 3) uint8 RGB for B pairs of a person and its map (2, 3)."""
        height, width = self.size
        return np.stack([crop(self.image(p), m, (width, height)) for p, m in wanted])


class PeopleBatches:
    """The people of a split as augmented crops.

    Their regions are decoded once and kept where they fit into memory. A larger set is decoded
    by worker processes, which live as long as this object and run ahead of the training; what
    they cut is decided here, so neither their number nor their speed changes a byte.
    """

    def __init__(self, people: PersonCrops, size: tuple[int, int], training: Training, seed: int):
        self.people, self.size, self.training, self.seed = people, size, training, seed
        self.resident = people.regions[:, 2:].prod(axis=1).sum() * 3 < RESIDENT_BYTES
        self.upcoming: list[list[tuple[int, np.ndarray]]] = []
        self.loader = self._loader()

    def __len__(self) -> int:
        return len(self.people)

    def _loader(self) -> DataLoader:
        image = self.people.image
        if self.resident:
            image = [image(person) for person in range(len(self))].__getitem__
        alone = self.resident and not torch.cuda.is_available()
        workers = 0 if alone else _workers()
        return DataLoader(
            _Cutter(image, self.size),
            batch_sampler=_Upcoming(self),
            collate_fn=torch.from_numpy,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCHED if workers else None,
            worker_init_fn=_start_worker,
            pin_memory=torch.cuda.is_available(),
        )

    def epoch(self, epoch: int, batches: list[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """(B, h, w, 3) uint8 RGB crops and their (B, 17, 3) keypoints, for each batch."""
        people = self.people
        draws = draw(len(self), self.training, derive_seed(self.seed, epoch, 2))
        matrices, keypoints = augmented_crops(people.boxes, people.keypoints, draws, self.size)
        # From the photo's pixels to those of the kept region.
        matrices[..., 2] += (matrices[..., :2] @ people.regions[:, :2, None])[..., 0]
        joints = torch.from_numpy(keypoints)
        self.upcoming = [[(p, matrices[p]) for p in batch.tolist()] for batch in batches]
        with _sigterm_blocked():
            loaded = iter(self.loader)
        for images, batch in zip(loaded, batches, strict=True):
            yield images, joints[batch]


class _Upcoming:
    """What the loader is asked for in its next round."""

    def __init__(self, batches: PeopleBatches):
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches.upcoming)

    def __iter__(self) -> Iterator[list[tuple[int, np.ndarray]]]:
        return iter(self.batches.upcoming)


def _workers() -> int:
    """Worker processes: the cores of this process, less the one that trains.

    Not every SLURM confines a job to the cores that it was given.
    """
    here = len(os.sched_getaffinity(0))
    cores = min(here, int(os.environ.get("SLURM_CPUS_PER_TASK", here))) // launched().devices
    return max(1, min(MOST_WORKERS, cores - 1))


@contextlib.contextmanager
def _sigterm_blocked() -> Iterator[None]:
    """In this thread, and so in every thread of the processes that it starts meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(_worker: int) -> None:
    """On one thread, and deaf to SIGTERM but for the trainer's own.

    SLURM signals every process of a job; without its workers the trainer could not end its step.
    A worker is born with SIGTERM blocked: libraries start threads in it before this is called.
    """
    cv2.setNumThreads(0)
    threading.Thread(target=_heed_trainer, args=(os.getppid(),), daemon=True).start()


def _heed_trainer(trainer: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != trainer:
        continue
    os._exit(0)


def normalise(images: Tensor, colours: str = "RGB") -> Tensor:
    """(N, h, w, 3) uint8 RGB -> (N, 3, h, w) float32 as backbones expect, channels last.

    colours: "BGR" turns the channels around first, as SimpleBaseline's public code does: its
    networks see blue where ImageNet's mean and spread of red are taken off.
    """
    if colours == "BGR":
        images = images.flip(3)
    mean = images.new_tensor(MEAN, dtype=torch.float32) * 255
    spread = images.new_tensor(SPREAD, dtype=torch.float32) * 255
    return ((images - mean) / spread).permute(0, 3, 1, 2)


def colours_of(model: nn.Module) -> str:
    """The order of colour channels a network was published with."""
    return getattr(model, "colours", "RGB")


def joint_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """The heatmap loss on uint8 crops and their keypoints."""
    images, keypoints = batch
    size = images.shape[1] // STRIDE, images.shape[2] // STRIDE
    targets, weights = gaussian_targets(keypoints[..., :2], keypoints[..., 2], size)
    return heatmap_loss(model(normalise(images, colours_of(model))), targets, weights)


def train_pose2d(
    model: nn.Module,
    people: PersonCrops,
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
        InputError: a crop cannot be decoded.
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
            found = model(normalise(images, colours_of(model))).float()
            # Channels last would make every look at one joint's heatmap jump through all of them.
            heatmaps = found.contiguous().cpu().numpy()
        yield heatmaps[:count], heatmaps[count:] if flip else None
