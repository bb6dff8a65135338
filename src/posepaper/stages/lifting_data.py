"""2D keypoints and 3D poses of one split, paired sequence by sequence."""

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from posepaper.data.layout import PoseSequence, read_attributes, read_keypoints, read_poses
from posepaper.errors import InputError
from posepaper.geometry import normalise_screen
from posepaper.skeleton import SKELETONS, Skeleton


@dataclass(frozen=True)
class LiftingData:
    """Sequences of a split; ``screen`` (T, J, 2) normalised, ``poses`` (T, J, 3) metres."""

    sequences: list[PoseSequence]
    screen: list[np.ndarray]
    skeleton: Skeleton

    @property
    def poses(self) -> list[np.ndarray]:
        """Root-relative poses, camera frame."""
        root = self.skeleton.root
        return [s.positions - s.positions[:, root : root + 1] for s in self.sequences]


def skeleton_of(path: str) -> Skeleton:
    """The joint set of a pose file.

    Raises:
        InputError: its joints are none of the known sets.
    """
    joints = tuple(read_attributes(path)["joints"])
    for skeleton in SKELETONS.values():
        if skeleton.joints == joints:
            return skeleton
    raise InputError(path, "has an unknown joint set", "Prepare it again")


def read(poses: str, keypoints: str, split: str) -> LiftingData:
    """Pairs a pose file's split with a keypoint file.

    Raises:
        InputError: the split is empty, the files' joints are not the same in the same order, or a
            sequence has no keypoints or of another length.
    """
    sequences = read_poses(poses, split)
    if not sequences:
        raise InputError(poses, f"has no sequence of split '{split}'", "Prepare the dataset again")
    skeleton = skeleton_of(poses)
    _check_joints(keypoints, skeleton)
    found = read_keypoints(keypoints)
    screen = []
    for sequence in sequences:
        pixels = found.get(sequence.key)
        if pixels is None or len(pixels) != len(sequence.positions):
            there = "none" if pixels is None else f"{len(pixels)} frames"
            raise InputError(
                keypoints,
                f"{sequence.key} has {there} of keypoints for {len(sequence.positions)} poses",
                "Prepare it again",
            )
        screen.append(normalise_screen(pixels, sequence.width, sequence.height))
    return LiftingData(sequences, screen, skeleton)


def _check_joints(keypoints: str, skeleton: Skeleton) -> None:
    given = tuple(read_attributes(keypoints)["joints"])
    if given != skeleton.joints:
        pairs = enumerate(zip_longest(given, skeleton.joints, fillvalue="none"))
        where, (found, wanted) = next((j, pair) for j, pair in pairs if pair[0] != pair[1])
        fault = f"its joint {where} is {found} where the 3D poses have {wanted}"
        raise InputError(keypoints, fault, f"Put its joints in the order of {skeleton.name}")
