"""Bodies and motion: rigid bones, limits, feet on the floor, actions that differ."""

import itertools

import numpy as np
import pytest

from posepaper.skeleton import H36M, H36M_FROM_32
from posepaper.world.actions import ACTIONS
from posepaper.world.body import DOF, DOFS, LIMITS, PARENTS, POINT, forward_kinematics, make_body
from posepaper.world.human36m import SUBJECTS
from posepaper.world.motion import FPS, make_motion

KEPT = list(H36M_FROM_32)
SOLES = [POINT[f"{name}.{side}"] for name in ("heel", "toe") for side in "lr"]


@pytest.fixture(scope="module")
def motions():
    return {
        (subject, action): make_motion(0, subject, action, 0, 48)
        for subject in SUBJECTS
        for action in ACTIONS
    }


def lengths(joints):
    children = [j for j, p in enumerate(PARENTS) if p >= 0]
    return np.linalg.norm(joints[:, children] - joints[:, [PARENTS[j] for j in children]], axis=-1)


def test_bones_keep_their_length_within_a_subject_and_differ_between_subjects(motions):
    bodies = []
    for subject in SUBJECTS:
        clips = [lengths(motions[subject, action].joints) for action in ACTIONS]
        bones = np.concatenate(clips)
        assert np.ptp(bones, axis=0).max() < 5e-6
        bodies.append(bones[0])
    for first, second in itertools.combinations(bodies, 2):
        assert np.abs(first - second).max() > 0.003


def test_bones_between_the_kept_joints_are_human(motions):
    x = motions["S1", "Walking"].joints[0, KEPT]
    bone = {H36M.joints[c]: np.linalg.norm(x[c] - x[p]) for c, p in H36M.bones}
    for name, low, high in (("RKnee", 0.37, 0.52), ("LElbow", 0.24, 0.34), ("Spine", 0.19, 0.28)):
        assert low < bone[name] < high
    for left, right in zip(H36M.left, H36M.right, strict=True):
        assert bone[H36M.joints[left]] == pytest.approx(bone[H36M.joints[right]], abs=1e-5)


def test_joint_limits_are_kept(motions):
    for motion in motions.values():
        assert (motion.angles >= LIMITS[:, 0]).all() and (motion.angles <= LIMITS[:, 1]).all()


def test_nothing_sinks_into_the_floor(motions):
    for motion in motions.values():
        assert motion.points[:, SOLES, 2].min() > -1e-5
        assert motion.joints[..., 2].min() > 0


def test_somebody_upright_always_touches_the_floor(motions):
    for (_, action), motion in motions.items():
        lowest = motion.points[:, SOLES, 2].min(axis=1)
        assert lowest.min() < 1e-5
        if not motion.seated and action != "SittingDown":
            assert lowest.max() < 0.03, action


@pytest.mark.parametrize("action", [a for a, recipe in ACTIONS.items() if not recipe.seated])
def test_a_planted_foot_does_not_slide(motions, action):
    speeds = []
    for subject in SUBJECTS:
        soles = motions[subject, action].points[:, SOLES]
        planted = (soles[1:, :, 2] < 0.002) & (soles[:-1, :, 2] < 0.002)
        speeds.append(np.linalg.norm(np.diff(soles[..., :2], axis=0), axis=-1)[planted] * FPS)
    speeds = np.concatenate(speeds)
    assert len(speeds) > 100
    assert speeds.mean() < 0.08 and np.percentile(speeds, 95) < 0.2


def test_left_is_left_and_forward_is_forward():
    body = make_body(0, "S1")
    angles = np.zeros((1, len(DOFS)))
    rest = forward_kinematics(body, angles, np.zeros(1))[0]
    assert rest[6, 1] > 0.1 and rest[17, 1] > 0.1 and rest[1, 1] < -0.1 and rest[25, 1] < -0.1
    assert rest[POINT["nose"], 0] > 0.05 and rest[POINT["toe.l"], 0] > 0.1
    for name, point, axis, sign in (
        ("hip_flex.l", 7, 0, 1),
        ("hip_abd.l", 7, 1, 1),
        ("hip_abd.r", 2, 1, -1),
        ("knee_flex.r", 3, 0, -1),
        ("shoulder_flex.r", 26, 0, 1),
        ("shoulder_abd.l", 18, 1, 1),
        ("elbow_flex.l", 19, 0, 1),
        ("spine_flex", 15, 0, 1),
        ("ankle_flex.l", POINT["toe.l"], 2, 1),
    ):
        moved = angles.copy()
        moved[0, DOF[name]] = 0.5
        step = forward_kinematics(body, moved, np.zeros(1))[0, point] - rest[point]
        assert sign * step[axis] > 0.03, name


def test_actions_are_what_they_are_called(motions):
    def pelvis(action):
        return np.concatenate([motions[s, action].points[:, 0] for s in SUBJECTS])

    def travel(action):
        paths = [motions[s, action].points[:, 0, :2] for s in SUBJECTS]
        return np.mean([np.linalg.norm(p[-1] - p[0]) for p in paths])

    for action in ("Sitting", "Eating", "Smoking"):
        assert pelvis(action)[:, 2].max() < 0.72
    for action in ("Walking", "Waiting", "Directions"):
        assert pelvis(action)[:, 2].min() > 0.75
    assert pelvis("SittingDown")[:, 2].min() < 0.35
    assert travel("Walking") > 1.0 > 0.2 > travel("Waiting")


def test_takes_and_subjects_move_differently_and_a_take_repeats_exactly():
    first = make_motion(0, "S1", "Walking", 0, 20).joints
    assert (first == make_motion(0, "S1", "Walking", 0, 20).joints).all()
    assert np.abs(first - make_motion(0, "S1", "Walking", 1, 20).joints).max() > 0.1
    assert np.abs(first - make_motion(0, "S5", "Walking", 0, 20).joints).max() > 0.1
