"""Forged files whose records and DVC listings were made to agree: what they say inside tells."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.numpy

from posepaper import files
from posepaper.data.detections import read_detections, write_detections
from posepaper.data.hdf5 import read_attributes
from posepaper.data.layout import read_poses, write_poses
from posepaper.data.people import read_people
from posepaper.provenance import record
from posepaper.stages import plan

BASE = "results/smoke"
NUMBER = "lifting:table-2:p1-ours:avg"
PHOTOS = "lifting:table-1:hrnet-w32:ap"
OURS, TRUTH = (f"{BASE}/checkpoints/lift/ours-f81-{s}/seed0.safetensors" for s in ("cpn", "gt"))
PREDICTED = f"{BASE}/predictions/lift/ours-f81-cpn/seed0.h5"
MEASURED = f"{BASE}/metrics/lift/ours-f81-cpn/seed0.json"
BOXED = f"{BASE}/predictions/pose2d/hrnet-w32/seed0.h5"
POSES, KEYPOINTS = f"{BASE}/data/pose3d.h5", f"{BASE}/keypoints/cpn.h5"


def cover_up(study, *paths):
    """Records of the files and of all made from them agree, so does DVC."""
    study.fix(*paths)
    study.track()


def test_checkpoints_of_two_experiments_swapped(study):
    study.swap(OURS, TRUTH)
    cover_up(study, OURS, TRUTH)
    study.finds("verify", OURS, "weights are of another experiment (lift/ours-f81-gt)")


def test_checkpoints_of_two_seeds_swapped(study):
    """Another seed's weights under this one's name."""
    weights = safetensors.numpy.load_file(OURS)
    with safetensors.safe_open(OURS, framework="np") as stream:
        facts = json.loads(stream.metadata()["posepaper"])
    text = json.dumps({**facts, "seed": 1}, sort_keys=True)
    study.write(OURS, safetensors.numpy.save(weights, {"posepaper": text}))
    cover_up(study, OURS)
    study.finds("verify", OURS, "weights are of another seed (1)")


def test_a_checkpoint_without_its_facts(study):
    study.write(OURS, safetensors.numpy.save(safetensors.numpy.load_file(OURS)))
    cover_up(study, OURS)
    study.finds("verify", OURS, "cannot be read")


def test_keypoints_of_another_detector_under_the_right_name(study):
    study.write(KEYPOINTS, Path(BASE, "keypoints/detectron.h5").read_bytes())
    cover_up(study, KEYPOINTS)
    study.finds("verify", KEYPOINTS, "says inside it is 'simulated-detectron'")


def test_ground_truth_boxes_where_the_box_file_was_claimed(study):
    people, found = read_people(f"{BASE}/data/pose2d.h5", "val"), read_detections(BOXED)
    usable = int(people.usable.sum())
    rows = np.resize(np.arange(len(found["box_scores"])), usable)
    made = {name: values[rows] for name, values in found.items()}
    made |= {"image_index": people.image_index[people.usable]}
    made |= {"box_scores": np.ones(usable, dtype=np.float32)}
    identity = read_attributes(BOXED)["identity"]
    study.write(BOXED, b"")
    write_detections(BOXED, made, identity=identity)
    cover_up(study, BOXED)
    study.finds("verify", BOXED, "ground-truth boxes", address=PHOTOS)


def change_attribute(study, path, change):
    study.write(path, Path(path).read_bytes())
    with h5py.File(path, "r+") as file:
        facts = json.loads(file.attrs["identity"])
        change(facts)
        file.attrs["identity"] = json.dumps(facts, sort_keys=True)


def test_the_flip_test_off_though_claimed(study):
    change_attribute(study, PREDICTED, lambda facts: facts["protocol"].update(flip=False))
    cover_up(study, PREDICTED)
    study.finds("verify", PREDICTED, "was made with flip False")


def test_predictions_of_another_seed(study):
    change_attribute(study, PREDICTED, lambda facts: facts.update(seed=3))
    cover_up(study, PREDICTED)
    study.finds("verify", PREDICTED, "poses are of another seed (3)")


CLAIMS = {
    "the source": (
        lambda m: m["identity"].update(source="cpn_ft_h36m_dbb"),
        "claims another identity than its record (source)",
    ),
    "the protocol": (
        lambda m: m["identity"]["settings"].update(root="target"),
        "was made with root target",
    ),
    "the experiment": (lambda m: m.update(experiment="lift/other"), "of another experiment"),
    "the checkpoint's size": (
        lambda m: m["values"].update(checkpoint_bytes=1),
        "has not the size it says",
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_metrics_that_claim_something_else(study, claim):
    change, why = CLAIMS[claim]
    study.change_json(MEASURED, change)
    cover_up(study, MEASURED)
    (answer,) = study.ask("verify", NUMBER)
    named = {link["path"]: link for link in answer["links"]}[MEASURED]
    assert named["verdict"] == "broken" and any(why in w for w in named["why"]), named["why"]


def test_a_training_on_test_subjects(study):
    """Takes of a test subject stand in the training split, which agrees with every record."""
    facts, sequences = read_attributes(POSES), read_poses(POSES)
    held = sorted({s.subject for s in sequences if s.split == "test"})[0]
    leaked = [s for s in sequences if s.subject == held and s.action == sequences[0].action]
    for sequence in leaked:
        object.__setattr__(sequence, "split", "train")
    study.write(POSES, b"")
    write_poses(
        POSES, sequences, identity=facts["identity"], joints=facts["joints"], root=facts["root"]
    )
    cover_up(study, POSES)
    study.finds("verify", POSES, f"trains on test subjects: {held}")


def test_a_source_that_is_not_the_keypoint_file_s(study):
    """Every file agrees with its record, but the metrics were not made from that source."""

    def change(made):
        made["settings"]["identity"]["source"] = "simulated-detectron"

    study.cover(MEASURED, change)
    study.change_json(MEASURED, lambda m: m["identity"].update(source="simulated-detectron"))
    cover_up(study, MEASURED)
    assert record.read(MEASURED)["fingerprint"] != plan.read_stamp(MEASURED)["fingerprint"]
    (answer,) = study.ask("verify", NUMBER)
    named = {link["path"]: link for link in answer["links"]}[MEASURED]
    assert any("claims keypoints 'simulated-detectron'" in why for why in named["why"])
    assert files.md5(MEASURED) == named["md5"]
