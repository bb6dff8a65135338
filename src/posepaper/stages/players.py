"""A test sequence for the report's 3D player: prediction over ground truth."""

import numpy as np

from posepaper.data.layout import PoseSequence, read_poses, read_predictions
from posepaper.errors import InputError
from posepaper.evaluation.metrics import joint_errors
from posepaper.reporting.player import player_data
from posepaper.stages import lifting_data


def sequence_player(poses: str, predictions: str, key: str = "", frames: int = 0) -> dict:
    """What the player shows of one test sequence, see :func:`player_data`.

    Args:
        poses: a study's 3D dataset, such as ``results/mini/data/pose3d.h5``.
        predictions: ``results/mini/predictions/{experiment}/seed{k}.h5``.
        key: the sequence; by default the one whose error is the median of all, the rule that
            neither flatters nor blames.
        frames: so many are shown at most, every second, third, ... of a longer sequence; 0: all.

    Raises:
        InputError: there is no such sequence in both files.
    """
    found, by = read_predictions(predictions)
    root = lifting_data.skeleton_of(poses).root
    sequences = {s.key: s for s in read_poses(poses, "test") if s.key in found}
    if not sequences or (key and key not in sequences):
        what = f"has no test sequence {key} that {poses} has".replace("  ", " ")
        raise InputError(predictions, what, "Name one of both files, or predict again")
    if by["protocol"]["root"] == "zero":
        found = {k: p - p[:, root : root + 1] for k, p in found.items()}
    chosen = key or median({k: _error(s, found[k], root) for k, s in sequences.items()})
    sequence = sequences[chosen]
    every = -(-len(sequence.positions) // frames) if frames else 1
    note = f"{by['experiment']}, seed {by['seed']}, over the ground truth of {chosen}"
    if not key:
        note += f", the sequence with the median error of {len(sequences)}"
    if every > 1:
        note += f"; one frame in {every} is shown"
    return player_data(
        chosen,
        found[chosen][::every],
        sequence.positions[::every],
        skeleton=lifting_data.skeleton_of(poses),
        fps=sequence.fps / every,
        note=f"{note}.",
    )


def median(errors: dict[str, float]) -> str:
    """The key with the median value, the lower one of two; among equals the first by name."""
    ranked = sorted(errors, key=lambda key: (errors[key], key))
    return ranked[(len(ranked) - 1) // 2]


def _error(sequence: PoseSequence, predicted: np.ndarray, root: int) -> float:
    target = sequence.positions - sequence.positions[:, root : root + 1]
    return float(joint_errors(predicted, target).mean())
