import os
import subprocess
from threading import Event, Thread

import cv2
import numpy as np
import pytest
import torch

from posepaper import models
from posepaper.config import Training
from posepaper.data.people import PeopleSet
from posepaper.data.person_crops import read_person_crops, write_person_crops
from posepaper.skeleton import COCO
from posepaper.training import pose2d
from posepaper.training.checkpoint import RunFolder
from posepaper.training.loop import batches_of
from posepaper.training.pose2d import PeopleBatches, predict_heatmaps, train_pose2d

torch.set_num_threads(1)

SIZE = (64, 48)


def stick_people(count=12, seed=0):
    """Images of one coloured dot per joint on noise, one person each; the last is a crowd."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(80, 255, (17, 3))
    encoded, keypoints = [], np.full((count, 17, 3), 2.0, dtype=np.float32)
    for n in range(count):
        image = rng.integers(0, 40, (100, 120, 3)).astype(np.uint8)
        keypoints[n, :, 0], keypoints[n, :, 1] = rng.uniform(25, 85, 17), rng.uniform(15, 85, 17)
        for k in range(17):
            centre = keypoints[n, k, :2].round().astype(int).tolist()
            cv2.circle(image, centre, 4, colours[k].tolist(), -1)
        encoded.append(cv2.imencode(".png", image)[1].tobytes())
    boxes = np.tile(np.array([20, 10, 70, 80], dtype=np.float32), (count, 1))
    return PeopleSet(
        file="people.h5",
        image_ids=np.arange(count),
        sizes=np.tile([120, 100], (count, 1)),
        encoded=encoded,
        annotation_ids=np.arange(count),
        image_index=np.arange(count),
        boxes=boxes,
        keypoints=keypoints,
        areas=boxes[:, 2] * boxes[:, 3],
        crowds=np.arange(count) == count - 1,
    )


@pytest.fixture(scope="session")
def crops(tmp_path_factory):
    """The stick people, cut out of their images."""
    path = tmp_path_factory.mktemp("crops") / "crops.h5"
    write_person_crops(path, stick_people(), [0.75], identity="sticks")
    return read_person_crops(path)


def recipe(**values):
    base = {"lr": 2e-3, "epochs": 4, "batch": 4, "threads": 1}
    return Training(**base | {"scale_factor": 0.2, "rotation": 20, "half_body": 0.3} | values)


def create(name="hrnet_w32"):
    torch.manual_seed(0)
    options = {
        "hrnet_w32": {"width": 4, "stem": 8, "modules": (1, 1, 1), "blocks": 1},
        "hourglass_8": {"stacks": 2, "width": 16, "depth": 2},
    }
    return models.create(name, **options[name])


@pytest.mark.parametrize("name", ["hrnet_w32", "hourglass_8"])
def test_networks_learn_and_repeat(name, crops, tmp_path):
    runs = []
    for attempt in "ab":
        model = create(name)
        curve = train_pose2d(
            model,
            crops,
            SIZE,
            recipe(),
            RunFolder(tmp_path / attempt),
            seed=0,
            label=name,
        )
        runs.append((curve, torch.cat([p.detach().flatten() for p in model.parameters()])))
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])
    assert runs[0][0][-1]["loss"] < runs[0][0][0]["loss"]


def epoch_of(batches, epoch=0):
    order = batches_of(epoch, len(batches), batches.training, seed=0)
    return [(a.numpy(), b.numpy()) for a, b in batches.epoch(epoch, order)]


def test_crops_carry_their_keypoints(crops):
    """The colour at a keypoint in the crop is its joint's, or its twin's where mirrored."""
    palette = np.random.default_rng(0).integers(80, 255, (17, 3))[:, ::-1]
    twins = palette[list(COCO.flip)]
    batches = PeopleBatches(crops, (256, 192), recipe(half_body=0.0), seed=0)
    assert len(batches) == 11
    shares = []
    for images, keypoints in epoch_of(batches):
        assert images.dtype == np.uint8 and images.shape[1:] == (256, 192, 3)
        for image, joints in zip(images, keypoints, strict=True):
            x, y = np.clip(joints[:, :2].round().astype(int), 0, [191, 255]).T
            away = [np.abs(image[y, x].astype(int) - p).max(axis=1) for p in (palette, twins)]
            shares.append([(distance < 40).mean() for distance in away])
    # Dots drawn later hide some, and some lie outside the crop.
    assert np.max(shares, axis=1).mean() > 0.7
    assert {0, 1} == set(np.argmax(shares, axis=1))


def test_epochs_differ_and_repeat(crops):
    batches = PeopleBatches(crops, SIZE, recipe(), seed=0)
    first, again, other = epoch_of(batches), epoch_of(batches), epoch_of(batches, 1)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0][1], other[0][1])


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_cut_the_same_crops_and_outlive_an_epoch(crops, workers, monkeypatch):
    here = PeopleBatches(crops, SIZE, recipe(), seed=0)
    assert here.resident and here.loader.num_workers == 0
    monkeypatch.setattr(pose2d, "RESIDENT_BYTES", 1)
    monkeypatch.setattr(pose2d, "_workers", lambda: workers)
    there = PeopleBatches(crops, SIZE, recipe(), seed=0)
    assert not there.resident and there.loader.num_workers == workers
    processes = []
    for epoch in (0, 1, 5):
        for ours, theirs in zip(epoch_of(there, epoch), epoch_of(here, epoch), strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
            np.testing.assert_array_equal(ours[1], theirs[1])
        processes.append({worker.pid for worker in there.loader._iterator._workers})
    assert processes[0] == processes[1] == processes[2] and len(processes[0]) == workers


def test_workers_outlive_a_signal_to_every_process_of_the_job(crops, monkeypatch):
    monkeypatch.setattr(pose2d, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(pose2d, "_workers", lambda: 2)
    # Libraries start threads of their own in a worker as it begins.
    idle = Thread(target=Event().wait, daemon=True)
    monkeypatch.setattr(pose2d.cv2, "setNumThreads", lambda _number: idle.start())
    batches = PeopleBatches(crops, SIZE, recipe(), seed=1)
    order = batches_of(0, len(batches), recipe(), seed=1) * 20
    images = iter(batches.epoch(0, order))
    seen = [next(images) for _ in range(4)]
    workers = batches.loader._iterator._workers
    assert len(workers) == 2
    # From outside, as SLURM sends it: the trainer's own signal does end them.
    subprocess.run(["kill", "-TERM", *(str(worker.pid) for worker in workers)], check=True)
    assert len(seen) + len(list(images)) == len(order)
    workers[0].terminate()
    workers[0].join(timeout=60)
    assert workers[0].exitcode == 0 and workers[1].is_alive()


def test_a_slurm_job_s_processors_are_all_that_workers_take(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(12))
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert pose2d._workers() == 11
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "5")
    assert pose2d._workers() == 4
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert pose2d._workers() == 1


def test_a_network_sees_the_colours_it_was_published_with():
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 1, 1, 3)
    plain, turned = pose2d.normalise(red), pose2d.normalise(red, "BGR")
    assert plain.argmax() == 0 and turned.argmax() == 2
    with torch.device("meta"):
        orders = {n: pose2d.colours_of(models.create(n)) for n in models.list()}
    others = {n for n, order in orders.items() if order == "BGR"}
    assert others == {"simplebaseline_resnet50", "simplebaseline_resnet101"}


def test_heatmaps_of_crops_and_their_mirror_images():
    model = create()
    crops = np.random.default_rng(0).integers(0, 255, (5, *SIZE, 3), dtype=np.uint8)
    parts = list(predict_heatmaps(model, crops, flip=True, batch=2))
    assert [len(a) for a, _ in parts] == [2, 2, 1]
    assert all(found.flags.c_contiguous for part in parts for found in part)
    plain = np.concatenate([a for a, _ in predict_heatmaps(model, crops, flip=False, batch=5)])
    assert plain.shape == (5, 17, 16, 12) and plain.dtype == np.float32
    np.testing.assert_allclose(np.concatenate([a for a, _ in parts]), plain, atol=1e-6)
    turned = np.ascontiguousarray(crops[:, :, ::-1])
    mirrored = np.concatenate([a for a, _ in predict_heatmaps(model, turned, flip=False)])
    np.testing.assert_allclose(np.concatenate([b for _, b in parts]), mirrored, atol=1e-6)
    assert [b for _, b in predict_heatmaps(model, crops, flip=False)] == [None]


def test_normalisation_is_imagenets():
    images = torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 1, 1, 3)
    expected = [-0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert pose2d.normalise(images).flatten().tolist() == pytest.approx(expected, rel=1e-5)
