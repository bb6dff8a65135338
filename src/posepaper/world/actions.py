"""What each of Human3.6M's 15 actions does, as joint angles in degrees.

An action is a base posture with waves on top; walking ones add a gait. ``.r`` is the leading
hand: half of all takes are mirrored. Flexions are forward, abductions outward, twists inward.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wave:
    """One angle's movement: ``sin`` swings by +-degrees, ``hold`` goes there, stays, returns."""

    dof: str
    degrees: float
    hertz: float
    phase: float = 0.0
    kind: str = "sin"


@dataclass(frozen=True)
class Gait:
    """Walking: strides per second, swing of the thigh and of the arms in degrees."""

    hertz: float
    stride: float
    arms: float


@dataclass(frozen=True)
class Action:
    """A motion; ``lower`` is the posture it sinks into, ``seated`` puts the pelvis on a stool."""

    base: dict[str, float]
    waves: tuple[Wave, ...] = ()
    gait: Gait | None = None
    seated: bool = False
    lower: dict[str, float] = field(default_factory=dict)


_STAND = {"hip_flex": 4, "knee_flex": 8, "hip_abd": 4, "shoulder_abd": 9, "elbow_flex": 14}
_SEAT = {"hip_flex": 86, "knee_flex": 86, "hip_abd": 10, "shoulder_abd": 8, "spine_flex": 6}
_WALK = {"shoulder_abd": 8, "elbow_flex": 22, "spine_flex": 4}
_FLOOR = {
    "pelvis_pitch": -14,
    "spine_flex": 38,
    "hip_flex": 92,
    "hip_abd": 14,
    "knee_flex": 32,
    "shoulder_flex": 46,
    "elbow_flex": 34,
    "neck_flex": 8,
}


def _stand(base: dict[str, float], *waves: Wave) -> Action:
    return Action({**_STAND, **base}, waves)


def _sit(base: dict[str, float], *waves: Wave, lower: dict[str, float] | None = None) -> Action:
    return Action({**_SEAT, **base}, waves, seated=lower is None, lower=lower or {})


def _walk(gait: Gait, base: dict[str, float], *waves: Wave) -> Action:
    return Action({**_WALK, **base}, waves, gait)


ACTIONS = {
    "Directions": _stand(
        {"shoulder_flex.r": 22, "elbow_flex.r": 26, "shoulder_twist.r": 20},
        Wave("shoulder_flex.r", 62, 0.45, 0.0, "hold"),
        Wave("shoulder_abd.r", 42, 0.31, 1.0, "hold"),
        Wave("shoulder_abd.l", 70, 0.37, 3.4, "hold"),
        Wave("spine_twist", 18, 0.3),
        Wave("neck_twist", 24, 0.4, 0.6),
    ),
    "Discussion": _stand(
        {"shoulder_flex": 24, "elbow_flex": 78, "shoulder_twist": 22, "shoulder_abd": 14},
        Wave("elbow_flex.r", 26, 0.9),
        Wave("elbow_flex.l", 24, 0.75, 1.7),
        Wave("shoulder_twist.r", 26, 0.7, 0.5),
        Wave("shoulder_twist.l", 24, 0.6, 2.2),
        Wave("shoulder_flex.r", 14, 0.5, 1.1),
        Wave("pelvis_roll", 3, 0.3),
        Wave("neck_flex", 8, 0.8),
    ),
    "Eating": _sit(
        {"spine_flex": 14, "shoulder_flex": 32, "elbow_flex": 72, "shoulder_twist": 28},
        Wave("shoulder_flex.r", 26, 0.55, 0.0, "hold"),
        Wave("elbow_flex.r", 58, 0.55, 0.0, "hold"),
        Wave("neck_flex", 12, 0.55, 0.4),
        Wave("shoulder_twist.l", 12, 0.4),
    ),
    "Greeting": _stand(
        {"elbow_flex.r": 34},
        Wave("shoulder_abd.r", 112, 0.42, 0.0, "hold"),
        Wave("elbow_flex.r", 28, 1.7),
        Wave("spine_flex", 26, 0.42, 3.1, "hold"),
        Wave("neck_flex", 16, 0.42, 3.1, "hold"),
    ),
    "Phoning": _walk(
        Gait(0.62, 11, 3),
        {"shoulder_flex.r": 48, "shoulder_abd.r": 34, "elbow_flex.r": 134, "neck_side": 8},
        Wave("shoulder_twist.r", 8, 0.5),
        Wave("elbow_flex.l", 40, 0.4, 1.0, "hold"),
        Wave("shoulder_flex.l", 24, 0.4, 1.0, "hold"),
        Wave("neck_flex", 10, 0.5),
    ),
    "Photo": _stand(
        {"shoulder_flex": 62, "shoulder_twist": 26, "elbow_flex": 98, "shoulder_abd": 4},
        Wave("hip_flex", 30, 0.33, 0.0, "hold"),
        Wave("knee_flex", 58, 0.33, 0.0, "hold"),
        Wave("spine_flex", 16, 0.33, 0.3, "hold"),
        Wave("spine_twist", 16, 0.4),
        Wave("elbow_flex", 12, 0.6),
    ),
    "Posing": _stand(
        {"shoulder_abd.l": 44, "elbow_flex.l": 92, "shoulder_twist.l": 62, "hip_abd": 11},
        Wave("shoulder_abd.r", 126, 0.4, 0.0, "hold"),
        Wave("elbow_flex.r", 56, 0.3, 1.2, "hold"),
        Wave("spine_side", 14, 0.4),
        Wave("pelvis_roll", 5, 0.4, 0.8),
        Wave("neck_twist", 26, 0.3),
    ),
    "Purchases": _stand(
        {"spine_flex": 16, "shoulder_flex": 26, "elbow_flex": 30, "pelvis_pitch": 6},
        Wave("spine_flex", 34, 0.42, 0.0, "hold"),
        Wave("pelvis_pitch", 22, 0.42, 0.0, "hold"),
        Wave("hip_flex", 44, 0.42, 0.0, "hold"),
        Wave("knee_flex", 54, 0.42, 0.0, "hold"),
        Wave("shoulder_flex.r", 34, 0.5, 0.5),
        Wave("shoulder_flex.l", 28, 0.5, 2.4),
        Wave("elbow_flex", 18, 0.6, 1.0),
    ),
    "Sitting": _sit(
        {"shoulder_flex": 20, "elbow_flex": 58, "shoulder_twist": 30},
        Wave("knee_flex.r", -46, 0.33, 0.0, "hold"),
        Wave("hip_abd.l", 14, 0.4, 1.0),
        Wave("spine_flex", 10, 0.4),
        Wave("spine_side", 9, 0.3, 1.3),
        Wave("neck_twist", 26, 0.35),
    ),
    "SittingDown": _sit(
        {"shoulder_flex": 30, "elbow_flex": 40},
        Wave("spine_twist", 14, 0.4),
        Wave("neck_twist", 22, 0.3),
        Wave("shoulder_abd.r", 22, 0.4, 0.5, "hold"),
        Wave("elbow_flex.l", 18, 0.5),
        lower=_FLOOR,
    ),
    "Smoking": _sit(
        {"pelvis_pitch": -10, "spine_flex": 2, "hip_abd": 20, "shoulder_twist.r": 34}
        | {"shoulder_flex.r": 30, "elbow_flex.r": 64, "shoulder_abd.l": 20, "elbow_flex.l": 40},
        Wave("elbow_flex.r", 72, 0.4, 0.0, "hold"),
        Wave("shoulder_flex.r", 22, 0.4, 0.0, "hold"),
        Wave("neck_flex", -12, 0.4, 2.0),
        Wave("hip_abd.l", 10, 0.5),
    ),
    "Waiting": _stand(
        {"shoulder_flex": 30, "shoulder_twist": 58, "elbow_flex": 98, "shoulder_abd": 12},
        Wave("neck_twist", 40, 0.35),
        Wave("pelvis_roll", 4, 0.3),
        Wave("spine_side", 6, 0.3, 3.1),
        Wave("elbow_flex.r", -62, 0.28, 2.0, "hold"),
    ),
    "WalkDog": _walk(
        Gait(0.85, 21, 6),
        {"shoulder_flex.r": 38, "elbow_flex.r": 34, "spine_flex": 12, "pelvis_pitch": 5},
        Wave("shoulder_flex.r", 16, 1.1),
        Wave("spine_twist", 9, 0.6),
        Wave("neck_flex", 14, 0.4, 0.0, "hold"),
    ),
    "Walking": _walk(Gait(0.98, 27, 22), {}, Wave("spine_twist", 5, 0.98, 3.1)),
    "WalkTogether": _walk(
        Gait(0.9, 22, 13),
        {"elbow_flex.l": 30},
        Wave("neck_twist", 44, 0.35, 0.0, "hold"),
        Wave("elbow_flex.l", 48, 0.6, 1.0, "hold"),
        Wave("shoulder_flex.l", 22, 0.6, 1.0, "hold"),
        Wave("spine_twist", 6, 0.9, 3.1),
    ),
}

# Not one of Human3.6M's: the worker of the unlabelled factory video.
BENCH_WORK = _stand(
    {
        "shoulder_flex": 42,
        "elbow_flex": 62,
        "shoulder_twist": 18,
        "spine_flex": 18,
        "neck_flex": 18,
    },
    Wave("shoulder_flex.r", 22, 0.6),
    Wave("elbow_flex.r", 28, 0.6, 1.4),
    Wave("shoulder_abd.r", 26, 0.35, 0.0, "hold"),
    Wave("shoulder_flex.l", 14, 0.45, 1.0),
    Wave("elbow_flex.l", 18, 0.5, 2.0),
    Wave("spine_twist", 22, 0.3),
)
