import numpy as np
import pytest

from posepaper.data import bvh
from posepaper.errors import InputError

TEXT = """HIERARCHY
ROOT Hips
{
  OFFSET 0.5 0 -1
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Chest
  {
    OFFSET 0 2 0.25
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0.1 1 0
    }
  }
  JOINT Leg
  {
    OFFSET 0 -3 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site
    {
      OFFSET 0 -1 0.5
    }
  }
}
MOTION
Frames: 3
Frame Time: .0083333
0 0 0 0 0 0 0 0 0 0 0 0
1 2 3 10 20 30 -40 50 60 5 -15 25
1.5 2.5 3.5 90 0 0 0 90 0 0 0 90
"""


def brute_force(motion: bvh.Motion, frame: int) -> np.ndarray:
    """The same by chains of 4x4 matrices, one channel, joint and frame at a time."""
    values, matrices = list(motion.values[frame]), []
    for parent, offset, names in zip(motion.parents, motion.offsets, motion.channels, strict=True):
        local = _move(offset)
        for name in names:
            value = values.pop(0)
            axis = np.eye(3)["XYZ".index(name[0])]
            local = local @ (_move(axis * value) if "position" in name else _spin(axis, value))
        matrices.append(local if parent < 0 else matrices[parent] @ local)
    assert not values
    return np.array([m[:3, 3] for m in matrices])


def _move(vector):
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return matrix


def _spin(axis, degrees):
    """Rodrigues' formula."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
    return matrix


@pytest.mark.parametrize("end", ["\n", "\r\n", "mixed"])
def test_hierarchy_and_line_ends(end):
    text = TEXT if end != "mixed" else TEXT.replace("}\n", "}\r\n").replace("30 -40", "30\t-40")
    text = text if end == "mixed" else text.replace("\n", end)
    motion = bvh.parse("a.bvh", text)
    assert motion.joints == ("Hips", "Chest", "Chest/end", "Leg", "Leg/end")
    assert motion.parents == (-1, 0, 1, 0, 3)
    np.testing.assert_array_equal(motion.offsets[1], [0, 2, 0.25])
    assert motion.values.shape == (3, 12) and motion.frame_time == 0.0083333
    assert motion.values[1, 6] == -40


def test_forward_kinematics_against_4x4_matrices():
    motion = bvh.parse("a.bvh", TEXT)
    found = bvh.positions(motion)
    for frame in range(3):
        np.testing.assert_allclose(found[frame], brute_force(motion, frame), atol=1e-12)
    np.testing.assert_allclose(found[0, 2], [0.6, 3, -0.75])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("30 -40", "-40", "frame 1 has 11 values, its joints have 12 channels"),
        ("Frames: 3", "Frames: 4", "has 3 frames, not the 4 it announces"),
        ("Frames: 3", "Frames: three", "no number"),
        ("Frames: 3", "Frames", "has no Frames and Frame Time"),
        ("30 -40", "30 x", "no number"),
        ("30 -40", "30 nan", "not finite"),
        ("Yrotation Xrotation Zrotation", "Yrotation Xrotation Wrotation", "CHANNELS 3 Yrotation"),
        ("CHANNELS 3 Yrotation", "CHANNELS 2 Yrotation", "CHANNELS 2 Yrotation"),
        ("OFFSET 0 2 0.25", "OFFSET 0 2", "OFFSET 0 2"),
        ("OFFSET 0 2 0.25", "", "does not close"),
        ("}\nMOTION", "MOTION", "does not close"),
        ("ROOT Hips", "JOINT Hips", "should not: JOINT Hips"),
        ("HIERARCHY", "", "has no HIERARCHY and MOTION"),
        ("ROOT Hips\n{", "OFFSET 1 2 3\n{", "OFFSET 1 2 3"),
    ],
)
def test_faults_are_named(old, new, fault):
    assert old in TEXT
    with pytest.raises(InputError, match=f"a.bvh: .*{fault}") as caught:
        bvh.parse("a.bvh", TEXT.replace(old, new))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "MOTION\n", "HIERARCHY\nMOTION\n"])
def test_empty_files(text):
    with pytest.raises(InputError):
        bvh.parse("a.bvh", text)
