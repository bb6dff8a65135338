"""The sequence that the report's player shows, chosen by rule."""

import base64

import numpy as np
import pytest

from posepaper.data.layout import PoseSequence, write_poses, write_predictions
from posepaper.errors import InputError
from posepaper.evaluation.metrics import mpjpe
from posepaper.skeleton import H36M
from posepaper.stages.players import median, sequence_player

# How far each sequence's predictions are off, metres.
OFF = {"S9/Eating/0": 0.08, "S9/Eating/1": 0.02, "S11/Walking/0": 0.05, "S9/Walking/0": 0.03}


def study(tmp_path, root="predicted"):
    rng, sequences, predictions = np.random.default_rng(0), [], {}
    for key, off in OFF.items():
        positions = rng.normal(0, 0.4, (9, 17, 3)).astype(np.float32)
        sequences.append(PoseSequence(*key.split("/"), "test", positions, 1000, 1000, 50.0))
        predictions[key] = positions - positions[:, :1] + np.float32([off, 0, 0])
    poses, predicted = str(tmp_path / "pose3d.h5"), str(tmp_path / "seed0.h5")
    write_poses(poses, sequences, identity="toy", joints=H36M.joints, root=H36M.root)
    by = {"experiment": "lift/toy", "seed": 0, "protocol": {"root": root}}
    write_predictions(predicted, predictions, identity=by)
    return poses, predicted, {s.key: s for s in sequences}, predictions


def errors(data):
    return np.frombuffer(base64.b64decode(data["error"]), "<i2") / 10


def test_the_sequence_of_median_error_is_shown_with_the_metric_s_error(tmp_path):
    poses, predicted, sequences, predictions = study(tmp_path)
    data = sequence_player(poses, predicted)
    assert data["name"] == "S9/Walking/0" and data["fps"] == 50.0 and data["frames"] == 9
    truth = sequences[data["name"]].positions
    metric = mpjpe(1000 * predictions[data["name"]], 1000 * (truth - truth[:, :1]))
    assert errors(data).mean() == pytest.approx(metric, abs=0.05)
    assert "lift/toy, seed 0" in data["note"]


def test_of_a_long_sequence_some_frames_are_shown_and_said(tmp_path):
    data = sequence_player(*study(tmp_path)[:2], frames=4)
    assert data["frames"] == 3 and data["fps"] == pytest.approx(50 / 3)
    assert "median error of 4" in data["note"] and "one frame in 3" in data["note"]


def test_a_protocol_without_the_root_is_shown_without_it(tmp_path):
    data = sequence_player(*study(tmp_path, root="zero")[:2], key="S9/Eating/0")
    assert data["name"] == "S9/Eating/0" and not errors(data).any()


def test_a_sequence_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"seed0\.h5: has no test sequence S9/Sitting/0"):
        sequence_player(*study(tmp_path)[:2], key="S9/Sitting/0")


def test_median():
    assert median({"b": 1.0, "a": 1.0, "c": 0.5}) == "a"
    assert median({"b": 2.0, "a": 1.0}) == "a"
