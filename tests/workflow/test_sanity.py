"""What a reviewer would ask of the numbers, on the mini study."""

import numpy as np
import pytest
import torch

from posepaper import files, models
from posepaper.config import Training
from posepaper.data.people import read_people
from posepaper.evaluation import coco, human36m, reference
from posepaper.stages import lifting_data
from posepaper.training.checkpoint import RunFolder
from posepaper.training.lifting import train_lifting
from posepaper.training.prediction import predict_lifting

BASE = "results/mini"
NETWORKS = ("lift/martinez-gt", "lift/martinez-cpn", "pose2d/hrnet-w32")
METRICS = [f"{BASE}/metrics/{name}/seed0.json" for name in NETWORKS]
KEYPOINTS = f"{BASE}/keypoints/gt.h5"


@pytest.fixture(scope="module")
def mini(once, snapshot):
    """A clone with the part of the mini study that is looked at here."""

    def make(folder):
        done = snapshot.duplicate(folder).snakemake(*METRICS, study="mini")
        assert done.returncode == 0, done.stdout[-5000:]

    return once("mini", make).root


@pytest.fixture(scope="module")
def metrics(mini):
    return {name: files.read_json(mini / p) for name, p in zip(NETWORKS, METRICS, strict=True)}


@pytest.fixture(scope="module")
def lifting(mini):
    """The train and test split with exact keypoints."""
    paths = str(mini / BASE / "data/pose3d.h5"), str(mini / KEYPOINTS)
    return {split: lifting_data.read(*paths, split) for split in ("train", "test")}


def test_exact_keypoints_give_a_lower_error_than_detected_ones(metrics):
    exact, detected = (metrics[n]["values"]["mpjpe/average"] for n in NETWORKS[:2])
    assert exact < detected


def test_alignment_never_adds_error(metrics):
    for name in NETWORKS[:2]:
        values, sequences = metrics[name]["values"], metrics[name]["sequences"]
        actions = [key.partition("/")[2] for key in values if key.startswith("mpjpe/")]
        assert len(actions) == 15 + 1
        for action in actions:
            assert values[f"p_mpjpe/{action}"] <= values[f"mpjpe/{action}"]
        # Two subjects, 15 actions twice, four cameras; S11's first Directions is left out.
        assert len(sequences["mpjpe"]) == 2 * 15 * 2 * 4 - 4


def targets(data) -> dict[str, np.ndarray]:
    return {s.key: 1000.0 * p for s, p in zip(data.sequences, data.poses, strict=True)}


def error(predictions, data) -> float:
    return human36m.evaluate(predictions, targets(data))["values"]["mpjpe/average"]


def trained_error(lifting, folder, *, epochs, samples, poses=None) -> float:
    """Test error of a small VideoPose3D after so many epochs of so many samples."""
    train, test = lifting["train"], lifting["test"]
    torch.manual_seed(0)
    model = models.create("videopose3d", frames=9, channels=64)
    recipe = Training(
        optimizer="amsgrad", lr=0.002, epochs=epochs, batch=64, samples_per_epoch=samples, threads=1
    )
    train_lifting(
        model, train.screen, poses or train.poses, recipe, RunFolder(folder),
        seed=0, label="sanity", skeleton=train.skeleton,
    )  # fmt: skip
    found = predict_lifting(model, test.screen, skeleton=test.skeleton, flip=True)
    return error({s.key: 1000 * p for s, p in zip(test.sequences, found, strict=True)}, test)


def mean_pose_error(lifting) -> float:
    mean = reference.mean_pose(targets(lifting["train"]).values())
    frames = {s.key: len(s.positions) for s in lifting["test"].sequences}
    return error(reference.predict_mean_pose(mean, frames), lifting["test"])


def test_a_network_trained_longer_is_better_and_beats_the_mean_pose(lifting, tmp_path):
    short = trained_error(lifting, tmp_path / "short", epochs=1, samples=640)
    long = trained_error(lifting, tmp_path / "long", epochs=3, samples=6400)
    assert long < 0.8 * short
    assert long < 0.8 * mean_pose_error(lifting)


def test_a_network_trained_on_shuffled_targets_is_no_better_than_the_mean_pose(lifting, tmp_path):
    poses = lifting["train"].poses
    everything = np.concatenate(poses)
    np.random.default_rng(0).shuffle(everything)
    ends = np.cumsum([len(p) for p in poses])[:-1]
    shuffled = trained_error(
        lifting, tmp_path, epochs=2, samples=6400, poses=np.split(everything, ends)
    )
    assert shuffled > 0.97 * mean_pose_error(lifting)


def test_people_found_exactly_where_they_are_score_100(mini):
    people = read_people(str(mini / BASE / "data/pose2d.h5"), "val")
    chosen = people.usable
    found = coco.Detections(
        people.image_index[chosen], people.keypoints[chosen].astype(float), np.ones(chosen.sum())
    )
    values = coco.evaluate(people, found, resamples=0)["values"]
    assert values["ap"] == values["ar"] == pytest.approx(100.0)


def test_hrnet_beats_keypoints_at_their_mean_place_in_the_box(mini, metrics):
    path = str(mini / BASE / "data/pose2d.h5")
    train, val = read_people(path, "train"), read_people(path, "val")
    chosen = train.usable
    mean = reference.mean_keypoints(train.boxes[chosen], train.keypoints[chosen])
    placed = reference.predict_mean_keypoints(mean, val.detection_boxes)
    scored = np.concatenate([placed, np.ones_like(placed[..., :1])], axis=2)
    found = coco.Detections(val.detection_image_index, scored, val.detection_scores)
    blind = coco.evaluate(val, found, resamples=0)["values"]
    values = metrics["pose2d/hrnet-w32"]["values"]
    assert values["ap"] > blind["ap"] + 1 and values["ar"] > blind["ar"] + 1
