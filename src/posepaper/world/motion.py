"""Seeded motion: joint angles over time, and a root that keeps the body on its feet.

The root is not scripted. Its height is such that the lowest point of the body touches the floor,
and its path is such that whatever carries the body does not slide: walking moves forward because
the legs do.
"""

from dataclasses import dataclass

import numpy as np

from posepaper.world.actions import ACTIONS, Action, Gait
from posepaper.world.body import (
    DOF,
    DOFS,
    LIMITS,
    POINT,
    Body,
    forward_kinematics,
    make_body,
)
from posepaper.world.randomness import stream

FPS = 25
_ARENA_CENTRE = np.array([0.1, 0.3])
_ARENA_RADIUS = 1.1  # metres that all four cameras see

# Points that can carry the body, and how far below them its surface lies, metres.
_SOLES = [POINT[f"{name}.{side}"] for name in ("heel", "toe") for side in "lr"]
_CARRIERS = [*_SOLES, 0, 2, 7, 22, 30]
_CARRIER_RADII = np.array([0.0] * 4 + [0.11, 0.06, 0.06, 0.03, 0.03])

# Random deviations are small where they would tilt the body or lift a foot.
_LEGS = ("hip_flex", "hip_abd", "knee", "pelvis")
_STEADY = np.array([0.25 if name.startswith(_LEGS) else 1.0 for name in DOFS])


@dataclass(frozen=True)
class Motion:
    """A subject in motion: ``points`` (T, 32 + landmarks, 3) float32 world metres, ``angles``
    (T, len(DOFS)) radians, ``body``, and whether a stool stands under the pelvis.
    """

    subject: str
    points: np.ndarray
    angles: np.ndarray
    body: Body
    seated: bool

    @property
    def joints(self) -> np.ndarray:
        """Human3.6M's 32 joints (T, 32, 3) float32, world metres."""
        return self.points[:, :32]


def make_motion(
    seed: int, subject: str, action: str | Action, take: int | str, frames: int, *, turning=True
) -> Motion:
    """One take of an action by a subject, 25 frames per second.

    ``turning`` False keeps the heading at zero (facing +x), for staged scenes.
    """
    recipe = ACTIONS[action] if isinstance(action, str) else action
    body, rng = make_body(seed, subject), stream(seed, "motion", subject, str(action), take)
    time = np.arange(frames) / FPS
    angles = _angles(recipe, stream(seed, "style", subject), rng, time)
    yaw = np.zeros(frames)
    if turning:
        rate = rng.uniform(-0.7, 0.7) if recipe.gait else 0.0
        yaw = rng.uniform(0, 2 * np.pi) + rate * time
    local = forward_kinematics(body, angles, yaw)
    points = local + _root_path(local, recipe.seated)[:, None]
    floor = points[:, 0, :2]
    room = np.clip(_ARENA_RADIUS - np.ptp(floor, axis=0) / 2, 0.1, 0.5)
    middle = (floor.min(axis=0) + floor.max(axis=0)) / 2
    points[..., :2] += _ARENA_CENTRE + room * rng.uniform(-1, 1, 2) - middle
    return Motion(subject, points.astype(np.float32), angles, body, recipe.seated)


def _angles(recipe: Action, style, rng, time: np.ndarray) -> np.ndarray:
    """Angles (T, D) in radians within the limits, soles level unless a gait rolls them."""
    tempo, size = style.uniform(0.88, 1.12), style.uniform(0.88, 1.12)
    posture = _STEADY * (style.normal(0, 3.0, len(DOFS)) + rng.normal(0, 2.0, len(DOFS)))
    clock = (time + rng.uniform(0, 20)) * tempo * rng.uniform(0.93, 1.07)
    angles = np.tile(_spread(recipe.base), (len(time), 1)) + posture
    if recipe.lower:
        middle, mirror_time = rng.uniform(0.25, 0.6) * time[-1], 1 / 0.35
        share = 0.5 + 0.5 * np.tanh((time - middle) * mirror_time)
        base = _spread(recipe.base)
        angles += share[:, None] * (_spread(recipe.lower) - base)
    for wave in recipe.waves:
        phase = 2 * np.pi * wave.hertz * clock + wave.phase
        shape = np.sin(phase) if wave.kind == "sin" else 0.5 + 0.5 * np.tanh(2.2 * np.sin(phase))
        degrees = wave.degrees * size * rng.uniform(0.85, 1.15)
        angles += np.outer(shape, degrees * (_spread({wave.dof: 1.0})))
    angles += _tremble(rng, time)
    # Legs stay upright under a tilting pelvis, or one foot would leave the floor.
    angles[:, DOF["hip_abd.l"]] -= angles[:, DOF["pelvis_roll"]]
    angles[:, DOF["hip_abd.r"]] += angles[:, DOF["pelvis_roll"]]
    roll = _walk(recipe.gait, angles, clock, size) if recipe.gait else 0.0
    for side in "lr":
        level = angles[:, DOF["pelvis_pitch"]] - angles[:, DOF[f"hip_flex.{side}"]]
        level = level + angles[:, DOF[f"knee_flex.{side}"]]
        angles[:, DOF[f"ankle_flex.{side}"]] = level
    if recipe.gait:
        angles[:, [DOF["ankle_flex.l"], DOF["ankle_flex.r"]]] += roll
    if rng.random() < 0.5:
        angles = _mirrored(angles)
    return np.clip(np.radians(angles), LIMITS[:, 0], LIMITS[:, 1])


def _spread(posture: dict[str, float]) -> np.ndarray:
    """(D,) degrees from names; a name without side means both, one with a side overrules it."""
    out = np.zeros(len(DOFS))
    for name in sorted(posture, key=lambda n: "." in n):
        for dof in (name,) if name in DOF else (f"{name}.l", f"{name}.r"):
            out[DOF[dof]] = posture[name]
    return out


def _walk(gait: Gait, angles: np.ndarray, clock: np.ndarray, size: float) -> np.ndarray:
    """Adds a gait to legs and arms; returns the push-off (T, 2) of both ankles in degrees."""
    roll = []
    for side, offset in (("l", 0.0), ("r", np.pi)):
        phase = 2 * np.pi * gait.hertz * clock + offset
        swing = np.exp(1.8 * (np.cos(phase + 0.35) - 1))
        angles[:, DOF[f"hip_flex.{side}"]] += size * gait.stride * (0.25 + np.sin(phase))
        angles[:, DOF[f"knee_flex.{side}"]] += 7 + 2.1 * size * gait.stride * swing
        angles[:, DOF[f"shoulder_flex.{side}"]] -= size * gait.arms * np.sin(phase)
        angles[:, DOF[f"elbow_flex.{side}"]] += 0.5 * gait.arms * (1 - np.sin(phase))
        push = np.exp(5.0 * (np.cos(phase + 1.75) - 1))
        roll.append(-0.9 * gait.stride * push)
    return np.stack(roll, axis=-1)


def _tremble(rng, time: np.ndarray) -> np.ndarray:
    """Slow smooth noise on every angle, (T, D) degrees: nobody repeats himself exactly."""
    hertz = rng.uniform(0.15, 0.8, (3, len(DOFS)))
    phase = rng.uniform(0, 2 * np.pi, (3, len(DOFS)))
    waves = np.sin(2 * np.pi * hertz * time[:, None, None] + phase)
    return waves.sum(axis=1) * 2.2 * _STEADY / np.sqrt(3)


def _mirrored(angles: np.ndarray) -> np.ndarray:
    source = [DOF[n[:-1] + {"l": "r", "r": "l"}[n[-1]]] if "." in n else DOF[n] for n in DOFS]
    odd = ("pelvis_roll", "spine_side", "spine_twist", "neck_side", "neck_twist")
    return angles[:, source] * np.array([-1.0 if n in odd else 1.0 for n in DOFS])


def _root_path(local: np.ndarray, seated: bool) -> np.ndarray:
    """World positions (T, 3) of the pelvis, given the body around it (T, P, 3)."""
    carriers = local[:, _CARRIERS]
    height = carriers[..., 2] - _CARRIER_RADII
    root = np.zeros((len(local), 3))
    if seated:
        root[:, 2] = -height[:, :4].min()
        return root
    root[:, 2] = -height.min(axis=1)
    # What is low before and after a step carries it; the rest swings.
    clear = height + root[:, 2:]
    weight = np.exp(-(clear[1:] + clear[:-1]) / 0.003)
    weight /= weight.sum(axis=1, keepdims=True)
    step = np.einsum("ts,tsk->tk", weight, np.diff(carriers[..., :2], axis=0))
    root[1:, :2] = -np.cumsum(step, axis=0)
    return root
