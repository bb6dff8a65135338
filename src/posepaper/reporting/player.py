"""The interactive 3D skeleton player: what it is given, and a page of its own.

``report/player.html.j2`` holds the macro ``player(data)``, beside it lie its style and script; a
page includes these two once and calls the macro for every sequence. All of a sequence's poses are
embedded as millimetres in 16-bit integers, base64.
"""

import base64
from pathlib import Path

import numpy as np

from posepaper.files import atomic
from posepaper.reporting.render import TEMPLATES, jinja_environment
from posepaper.skeleton import Skeleton

# 32.767 m from the root, which no joint is, is how an absent pose is written.
ABSENT = 32767
_REACH = 32000


def player_data(
    name: str,
    predicted: np.ndarray,
    target: np.ndarray | None,
    *,
    skeleton: Skeleton,
    fps: float,
    note: str = "",
) -> dict:
    """A sequence as the player takes it; JSON, about 140 bytes a frame and pose.

    Args:
        name: unique on its page; shown, and part of the elements' ids.
        predicted: (T, J, 3) metres, camera axes (x right, y down, z away), the predicted root
            where it counts; NaN where there is no pose.
        target: the same of the ground truth, or None.
        note: a sentence shown below.

    Raises:
        ValueError: other shapes, or no frame.
    """
    shape = (len(predicted), len(skeleton.joints), 3)
    if predicted.shape != shape or not len(predicted):
        raise ValueError(f"{name}: {predicted.shape}. Give (T, {shape[1]}, 3) with T > 0")
    if target is not None and target.shape != shape:
        raise ValueError(f"{name}: ground truth {target.shape}, predictions {shape}")
    data = {
        "name": name,
        "note": note,
        "frames": shape[0],
        "fps": float(fps),
        "joints": list(skeleton.joints),
        "root": skeleton.root,
        "bones": [list(bone) for bone in skeleton.bones],
        "left": list(skeleton.left),
        "right": list(skeleton.right),
        "predicted": _packed(predicted),
    }
    if target is None:
        return data
    root = target[:, skeleton.root : skeleton.root + 1]
    relative = target - root
    errors = 1000 * np.linalg.norm(predicted - relative, axis=-1).mean(axis=1)
    return data | {"target": _packed(relative), "error": _numbers(10 * errors)}


def _packed(poses: np.ndarray) -> str:
    return _numbers(1000 * poses.reshape(-1))


def _numbers(values: np.ndarray) -> str:
    """Base64 of little-endian int16; what is not finite becomes :data:`ABSENT`."""
    rounded = np.clip(np.round(values), -_REACH, _REACH)
    whole = np.where(np.isfinite(values), rounded, ABSENT).astype("<i2")
    return base64.b64encode(whole.tobytes()).decode()


def write_page(
    path: str | Path,
    players: list[dict],
    *,
    title: str,
    facts: list[tuple[str, str]],
    templates: Path = TEMPLATES,
) -> None:
    """Writes a page with players that works from file:// with nothing beside it.

    Args:
        players: of :func:`player_data`.
        facts: pairs of a name and a text, listed above the players.
    """
    environment = jinja_environment(
        templates, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.get_template("demo.html.j2").render(
        title=title, facts=facts, players=players
    )
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")
