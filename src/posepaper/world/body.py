"""The articulated body: bones of one subject, joint angles with limits, forward kinematics.

Local axes of every joint are x forward, y to the subject's left, z up; at rest the body stands
upright with hanging arms. Joints 0-31 are Human3.6M's own 32, in their released order and tree;
behind them follow landmarks of the body's surface (face, chest, soles) that rendering, COCO
and MPI-INF-3DHP need. Lengths in metres, angles in radians unless a name says degrees.
"""

from dataclasses import dataclass

import numpy as np

from posepaper.world.randomness import stream

PARENTS = (-1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9)  # pelvis and legs
PARENTS += (0, 11, 12, 13, 14)  # spine and head
PARENTS += (12, 16, 17, 18, 19, 20, 19, 22)  # left arm
PARENTS += (12, 24, 25, 26, 27, 28, 27, 30)  # right arm

_CENTRAL_LIMITS = {
    "pelvis_pitch": (-30, 70),
    "pelvis_roll": (-20, 20),
    "spine_flex": (-25, 75),
    "spine_side": (-30, 30),
    "spine_twist": (-45, 45),
    "neck_flex": (-40, 50),
    "neck_side": (-30, 30),
    "neck_twist": (-70, 70),
}
_SIDE_LIMITS = {
    "hip_flex": (-30, 125),
    "hip_abd": (-15, 55),
    "hip_twist": (-45, 40),
    "knee_flex": (0, 148),
    "ankle_flex": (-45, 35),
    "shoulder_flex": (-55, 175),
    "shoulder_abd": (-20, 150),
    "shoulder_twist": (-80, 85),
    "elbow_flex": (0, 148),
    "wrist_flex": (-50, 60),
}
LIMITS_DEGREES = {
    **_CENTRAL_LIMITS,
    **{f"{name}.{side}": limit for side in "lr" for name, limit in _SIDE_LIMITS.items()},
}
DOFS = tuple(LIMITS_DEGREES)
DOF = {name: index for index, name in enumerate(DOFS)}
LIMITS = np.radians(np.array([LIMITS_DEGREES[name] for name in DOFS], dtype=float))

# Name -> (joint whose frame carries it, offset in a body of unit scale).
_FACE = {
    f"face{k}": (14, (0.035 + 0.03 * abs(np.cos(a)), 0.068 * np.cos(a), 0.03 + 0.075 * np.sin(a)))
    for k, a in enumerate(np.linspace(0, 2 * np.pi, 12, endpoint=False))
}
_SIDES = {
    f"{name}.{side}": (joint + (0 if side == "r" else other), (x, y if side == "l" else -y, z))
    for side in "lr"
    for name, joint, other, (x, y, z) in (
        ("eye", 14, 0, (0.060, 0.032, 0.055)),
        ("ear", 14, 0, (-0.020, 0.075, 0.040)),
        ("heel", 3, 5, (-0.050, 0.0, -0.080)),
        ("toe", 3, 5, (0.195, 0.0, -0.080)),
        ("instep", 3, 5, (0.130, 0.0, -0.048)),
        ("chest_front", 12, 0, (0.066, 0.105, 0.205)),
        ("belly_front", 0, 0, (0.088, 0.095, 0.060)),
        ("chest_back", 12, 0, (-0.066, 0.105, 0.205)),
        ("belly_back", 0, 0, (-0.088, 0.095, 0.060)),
        ("seat_front", 0, 0, (0.200, 0.200, -0.130)),
        ("seat_back", 0, 0, (-0.180, 0.200, -0.130)),
    )
}
LANDMARKS = {
    "nose": (14, (0.080, 0.0, 0.025)),
    "head_centre": (14, (-0.020, 0.0, 0.045)),
    "skull": (14, (-0.025, 0.0, 0.065)),
    "chin": (14, (0.000, 0.0, -0.015)),
    **_FACE,
    **_SIDES,
}
POINT = {name: 32 + index for index, name in enumerate(LANDMARKS)}
_CARRIERS = np.array([carrier for carrier, _ in LANDMARKS.values()])
_OFFSETS = np.array([offset for _, offset in LANDMARKS.values()])


@dataclass(frozen=True)
class Body:
    """Bones of one subject: ``offsets`` (32, 3) metres from parent to joint in the parent's
    frame, and ``scale``, stature relative to 1.75 m.
    """

    offsets: np.ndarray
    scale: float


def make_body(seed: int, subject: str) -> Body:
    """A subject's own bones: stature within 8 %, each segment within 4 % of its share."""
    rng = stream(seed, "body", subject)
    scale = rng.uniform(0.92, 1.08)
    length = {
        name: value * scale * rng.uniform(0.96, 1.04)
        for name, value in (
            ("hip", 0.132),
            ("thigh", 0.445),
            ("shank", 0.445),
            ("waist", 0.235),
            ("chest", 0.255),
            ("neck", 0.115),
            ("head", 0.120),
            ("shoulder", 0.155),
            ("arm", 0.285),
            ("forearm", 0.250),
            ("hand", 0.090),
        )
    }
    return Body(_offsets(length, scale), scale)


def _offsets(length: dict[str, float], scale: float) -> np.ndarray:
    offsets = np.zeros((32, 3))
    for first, y in ((1, -1.0), (6, 1.0)):
        offsets[first] = 0, y * length["hip"], 0
        offsets[first + 1, 2] = -length["thigh"]
        offsets[first + 2, 2] = -length["shank"]
        offsets[first + 3] = np.array([0.13, 0, -0.065]) * scale
        offsets[first + 4] = np.array([0.06, 0, -0.005]) * scale
    offsets[12, 2] = length["waist"]
    offsets[13, 2] = offsets[16, 2] = offsets[24, 2] = length["chest"]
    offsets[14] = 0.4 * length["neck"], 0, 0.92 * length["neck"]
    offsets[15] = -0.25 * length["head"], 0, 0.97 * length["head"]
    for first, y in ((17, 1.0), (25, -1.0)):
        offsets[first] = 0, y * length["shoulder"], -0.02 * scale
        offsets[first + 1, 2] = -length["arm"]
        offsets[first + 2, 2] = -length["forearm"]
        offsets[first + 4] = np.array([0.03, 0, -0.05]) * scale
        offsets[first + 5, 2] = -length["hand"]
    return offsets


def _rotation(axis: int, angle: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    out = np.zeros((*angle.shape, 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out[..., axis, axis] = 1
    out[..., i, i] = out[..., j, j] = cos
    out[..., i, j], out[..., j, i] = -sin, sin
    return out


def _local_rotations(angles: np.ndarray, yaw: np.ndarray) -> dict[int, np.ndarray]:
    def dof(name):
        return angles[:, DOF[name]]

    def turn(flex, side, twist):
        return _rotation(2, twist) @ _rotation(0, side) @ _rotation(1, flex)

    root = _rotation(2, yaw) @ _rotation(1, dof("pelvis_pitch")) @ _rotation(0, dof("pelvis_roll"))
    spine = turn(dof("spine_flex") / 2, dof("spine_side") / 2, dof("spine_twist") / 2)
    neck = turn(dof("neck_flex") / 2, dof("neck_side") / 2, dof("neck_twist") / 2)
    local = {0: root, 11: spine, 12: spine, 13: neck, 14: neck}
    for side, hip, shoulder, sign in (("r", 1, 25, -1.0), ("l", 6, 17, 1.0)):
        for joint, name in ((hip, "hip"), (shoulder, "shoulder")):
            out, inward = dof(f"{name}_abd.{side}"), dof(f"{name}_twist.{side}")
            swing = _rotation(1, -dof(f"{name}_flex.{side}")) @ _rotation(0, sign * out)
            local[joint] = swing @ _rotation(2, -sign * inward)
        local[hip + 1] = _rotation(1, dof(f"knee_flex.{side}"))
        local[hip + 2] = _rotation(1, -dof(f"ankle_flex.{side}"))
        local[shoulder + 1] = _rotation(1, -dof(f"elbow_flex.{side}"))
        local[shoulder + 2] = _rotation(0, -sign * dof(f"wrist_flex.{side}"))
    return local


def forward_kinematics(body: Body, angles: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Positions of joints and landmarks with the pelvis at the origin.

    Args:
        angles: (T, len(DOFS)) radians; flexions forward, abductions outward, twists inward.
        yaw: (T,) heading of the pelvis about the vertical, radians.

    Returns:
        (T, 32 + len(LANDMARKS), 3) metres, world axes (z up).
    """
    local = _local_rotations(angles, yaw)
    rotations = np.empty((len(angles), 32, 3, 3))
    joints = np.zeros((len(angles), 32, 3))
    rotations[:, 0] = local[0]
    # A tree is walked from the root: 31 steps for a whole sequence, each over all frames.
    for joint, parent in enumerate(PARENTS[1:], start=1):
        frame = rotations[:, parent]
        joints[:, joint] = joints[:, parent] + frame @ body.offsets[joint]
        rotations[:, joint] = frame @ local[joint] if joint in local else frame
    surface = np.einsum("tlij,lj->tli", rotations[:, _CARRIERS], _OFFSETS * body.scale)
    return np.concatenate([joints, joints[:, _CARRIERS] + surface], axis=1)
