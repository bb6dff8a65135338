"""The mini world: seeded people in motion, filmed, and written in the real datasets' formats."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import cv2

from posepaper.progress import Progress
from posepaper.world import coco, footage, human36m, mpi_inf_3dhp
from posepaper.world.actions import ACTIONS
from posepaper.world.human36m import SUBJECTS, TEST, TRAIN

__all__ = ["ACTIONS", "SUBJECTS", "TEST", "TRAIN", "generate"]

_SPLITS = {"train": TRAIN, "val": TEST}


def generate(
    folder: str | Path,
    *,
    seed: int,
    frames: tuple[int, int] = (40, 56),
    coco_images: dict[str, int] | None = None,
    subjects: Iterable[str] | None = None,
    actions: Iterable[str] | None = None,
    takes: int = 2,
    progress: bool = True,
    processes: int = 2,
) -> None:
    """Writes the whole world into ``folder``; the same arguments give the same bytes.

    Human3.6M's part lies in the folder itself (data_3d_h36m.npz, data_2d_h36m_*.npz,
    cameras_h36m.json, S1/Videos/*.avi), COCO's in coco/, MPI-INF-3DHP's in data_*_3dhp.npz, and
    the unlabelled video in video/factory.avi.

    Args:
        frames: shortest and longest sequence, both included, at 25 frames per second.
        coco_images: pictures of "train" and "val"; 900 and 150 by default.
        subjects: a choice of S1, S5, S6, S7, S8 (training) and S9, S11 (test); all by default.
        actions: a choice of Human3.6M's 15 actions; all by default.
        takes: takes of every action by every subject.
        processes: how many render; the result does not depend on it.

    Raises:
        ValueError: an unknown subject or action, or no subject to train or none to test.
    """
    folder, counts = Path(folder), coco_images or {"train": 900, "val": 150}
    subjects = _choice("subjects", subjects, SUBJECTS)
    actions = _choice("actions", actions, tuple(ACTIONS))
    for split, members in _SPLITS.items():
        if not set(members) & set(subjects):
            raise ValueError(f"subjects: none of the {split} subjects {', '.join(members)} chosen")
    shots = human36m.make_shots(seed, subjects, actions, takes, frames)
    human36m.write_arrays(folder, shots)
    mpi_inf_3dhp.write_arrays(folder, seed, frames)
    footage.write_factory(folder / "video" / "factory.avi", seed)
    with _workers(processes) as run:
        total = sum(shot.frames for shot in shots)
        with Progress("films", total, "frame") if progress else nullcontext() as bar:
            for done in run(partial(human36m.film, folder), shots):
                if bar:
                    bar.update(done)
        pictures = {split: _pictures(run, seed, split, counts[split], shots) for split in _SPLITS}
    for split, made in pictures.items():
        coco.write_split(folder / "coco", split, made)
    coco.write_detections(folder / "coco", seed, pictures["val"])


def _choice(what: str, chosen: Iterable[str] | None, known: tuple[str, ...]) -> list[str]:
    if chosen is None:
        return list(known)
    chosen = list(chosen)
    if strangers := [name for name in chosen if name not in known]:
        raise ValueError(f"{what}: {', '.join(strangers)} not among {', '.join(known)}")
    return [name for name in known if name in chosen]


def _pictures(run, seed: int, split: str, count: int, shots) -> list[coco.Picture]:
    own = [shot for shot in shots if shot.motion.subject in _SPLITS[split]]
    numbers = range(1, count + 1)
    jobs = [(seed, split, number, coco.cast(seed, split, number, own)) for number in numbers]
    return list(run(_picture, jobs))


class _workers:
    """Gives ``run(function, jobs)``: results in the jobs' order, from this or other processes."""

    def __init__(self, processes: int):
        self.pool = None
        if processes > 1:
            # Forking a process that runs threads (torch's, OpenCV's) may hang: start anew.
            context = multiprocessing.get_context("spawn")
            self.pool = ProcessPoolExecutor(processes, context, initializer=_single_thread)

    def __enter__(self) -> Callable[..., Iterator]:
        return partial(self.pool.map, chunksize=4) if self.pool else map

    def __exit__(self, *_):
        if self.pool:
            self.pool.shutdown(cancel_futures=True)


def _single_thread() -> None:
    cv2.setNumThreads(1)


def _picture(job) -> coco.Picture:
    return coco.make_picture(*job)
