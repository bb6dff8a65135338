"""Joint sets and the mappings between them."""

import numpy as np
import pytest

from posepaper import skeleton
from posepaper.skeleton import COCO, H36M, H36M_16, MPI3DHP, SKELETONS


@pytest.mark.parametrize("joints", SKELETONS.values(), ids=SKELETONS)
def test_a_skeleton_is_a_tree_with_mirrored_limbs(joints):
    assert len(joints.joints) == len(joints.parents) == len(set(joints.joints))
    assert len(joints.bones) == len(joints.joints) - 1
    for joint in range(len(joints.joints)):
        path = [joint]
        while joints.parents[path[-1]] >= 0:
            path.append(joints.parents[path[-1]])
            assert len(path) <= len(joints.joints), "a circle of parents"
        assert path[-1] == joints.root
    order = np.array(joints.flip)
    assert (order[order] == np.arange(len(order))).all() and order[joints.root] == joints.root
    for left, right in zip(joints.left, joints.right, strict=True):
        names = joints.joints[left].lower(), joints.joints[right].lower()
        assert names[0].replace("left", "").lstrip("l") == names[1].replace("right", "").lstrip("r")
        mirrored = joints.parents[left], joints.parents[right]
        assert order[mirrored[0]] == mirrored[1] or mirrored[0] == mirrored[1]
    assert set(joints.left).isdisjoint(joints.right)


def test_roots_are_the_pelvis():
    assert [s.joints[s.root] for s in (H36M, H36M_16, MPI3DHP)] == ["Hip", "Hip", "pelvis"]


def test_kept_joints_of_32_are_human36m_s_without_the_doubled_ones():
    dropped = {4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31}
    assert set(skeleton.H36M_FROM_32) == set(range(32)) - dropped
    assert list(skeleton.H36M_FROM_32) == sorted(skeleton.H36M_FROM_32)


def hand_made_coco():
    """A person standing upright, y down, one coordinate pair a joint, and a score each."""
    places = {
        "nose": (0, -70), "left_eye": (3, -74), "right_eye": (-3, -74), "left_ear": (8, -70),
        "right_ear": (-8, -70), "left_shoulder": (20, -50), "right_shoulder": (-20, -50),
        "left_elbow": (25, -20), "right_elbow": (-25, -20), "left_wrist": (27, 5),
        "right_wrist": (-27, 5), "left_hip": (12, 0), "right_hip": (-12, 0),
        "left_knee": (13, 40), "right_knee": (-13, 40), "left_ankle": (14, 80),
        "right_ankle": (-14, 80),
    }  # fmt: skip
    scores = np.arange(17.0)[:, None]
    return np.hstack([np.array([places[name] for name in COCO.joints], float), scores])


def test_coco_becomes_human36m_as_stated():
    person = hand_made_coco()
    person[0, :2] = (3, -66)
    found = dict(zip(H36M.joints, skeleton.coco_to_h36m(person), strict=True))
    at = dict(zip(COCO.joints, person, strict=True))
    same = {
        "RHip": "right_hip", "RKnee": "right_knee", "RFoot": "right_ankle", "LHip": "left_hip",
        "LKnee": "left_knee", "LFoot": "left_ankle", "LShoulder": "left_shoulder",
        "LElbow": "left_elbow", "LWrist": "left_wrist", "RShoulder": "right_shoulder",
        "RElbow": "right_elbow", "RWrist": "right_wrist", "Neck/Nose": "nose",
    }  # fmt: skip
    for name, origin in same.items():
        np.testing.assert_array_equal(found[name], at[origin])
    np.testing.assert_allclose(found["Hip"][:2], (0, 0))
    np.testing.assert_allclose(found["Thorax"][:2], (0, -50))
    np.testing.assert_allclose(found["Spine"][:2], (0, -25))
    # The nose is (3, 4) off the ears, so 5 away; the head is that far above them.
    np.testing.assert_allclose(found["Head"][:2], (0, -75))
    assert found["Hip"][2] == (11 + 12) / 2 and found["Head"][2] == (3 + 4) / 2


def test_mapping_a_mirrored_person_is_mirroring_the_mapped():
    rng = np.random.default_rng(0)
    people = hand_made_coco()[None, :, :2] + rng.normal(0, 4, (6, 17, 2))
    mirror = np.array([-1.0, 1.0])
    before = skeleton.coco_to_h36m(people[:, COCO.flip] * mirror)
    after = skeleton.coco_to_h36m(people)[:, H36M.flip] * mirror
    np.testing.assert_allclose(before, after, atol=1e-12)


def test_sixteen_joints_become_seventeen_by_name():
    sixteen = np.random.default_rng(0).normal(size=(2, 3, 16, 2))
    found = skeleton.h36m16_to_h36m17(sixteen)
    assert found.shape == (2, 3, 17, 2)
    for place, name in enumerate(H36M.joints):
        if name == "Neck/Nose":
            ends = [sixteen[:, :, H36M_16.joints.index(n)] for n in ("Thorax", "Head")]
            np.testing.assert_allclose(found[:, :, place], np.mean(ends, axis=0))
        else:
            origin = sixteen[:, :, H36M_16.joints.index(name)]
            np.testing.assert_array_equal(found[:, :, place], origin)
