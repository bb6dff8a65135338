"""Mean-pose predictors, and that evaluation starts without a network."""

import subprocess
import sys

import numpy as np
import pytest

from posepaper.errors import InputError
from posepaper.evaluation import human36m, reference


def test_mean_pose_is_over_all_frames():
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(count, 17, 3)).astype(np.float32) for count in (3, 8, 1)]
    mean = reference.mean_pose(iter(sequences))
    assert mean.shape == (17, 3) and mean.dtype == np.float32
    for joint in range(17):
        for axis in range(3):
            column = [pose[joint, axis] for poses in sequences for pose in poses]
            assert mean[joint, axis] == pytest.approx(sum(column) / 12, abs=1e-6)
    with pytest.raises(InputError, match="no frame"):
        reference.mean_pose([])


def test_mean_pose_is_scored_by_the_protocol():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 300, (17, 3))
    base[0] = 0
    noise = rng.normal(0, 20, (40, 17, 3)) * (np.arange(17) > 0)[:, None]
    targets = {"S9/Walking/1": base + noise, "S9/Eating/1": base + noise[:10]}
    mean = reference.mean_pose(targets.values())
    guesses = reference.predict_mean_pose(mean, {key: len(t) for key, t in targets.items()})
    values = human36m.evaluate(guesses, targets)["values"]
    # The mean length of a 3D Gaussian vector is 2 sigma sqrt(2 / pi), for 16 of 17 joints.
    assert values["mpjpe/average"] == pytest.approx(20 * np.sqrt(8 / np.pi) * 16 / 17, rel=0.05)


def test_mean_keypoints_count_labelled_ones_within_boxes():
    boxes = np.array([[10.0, 20, 100, 200], [0, 0, 50, 50], [5, 5, 0, 9]])
    keypoints = np.zeros((3, 2, 3))
    keypoints[0] = [[60, 120, 2], [110, 20, 1]]
    keypoints[1] = [[0, 0, 1], [999, 999, 0]]
    keypoints[2] = [[7, 7, 2], [7, 7, 2]]
    mean = reference.mean_keypoints(boxes, keypoints)
    assert mean == pytest.approx(np.array([[0.25, 0.25], [1, 0]]))
    placed = reference.predict_mean_keypoints(mean, boxes[:1])
    assert placed == pytest.approx(np.array([[[35, 70], [110, 20]]]))
    keypoints[:, 1, 2] = 0
    with pytest.raises(InputError, match="keypoint 1"):
        reference.mean_keypoints(boxes, keypoints)


def test_evaluation_loads_no_network_and_pycocotools_only_for_coco():
    code = (
        "import sys; from posepaper.evaluation import heatmaps, human36m, metrics, mpi3dhp, oks, "
        "protocol, reference; assert 'pycocotools' not in sys.modules; "
        "from posepaper.evaluation import coco; "
        "assert not {'torch', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
