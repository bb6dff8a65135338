"""BVH motion capture files: hierarchy, channels and forward kinematics."""

import io
from dataclasses import dataclass
from functools import reduce
from typing import NoReturn

import numpy as np

from posepaper.errors import InputError

_AXES = {"X": 0, "Y": 1, "Z": 2}
_CHANNELS = {f"{axis}{kind}" for axis in _AXES for kind in ("position", "rotation")}


@dataclass(frozen=True, eq=False)
class Motion:
    """A BVH file: a tree of joints and its motion.

    ``joints`` names them, parents first; the end site of "Head" is called "Head/end". ``parents``
    indexes into it, -1 for the root. ``offsets`` (J, 3) and the position channels are in the
    file's own length unit; rotations in degrees. ``channels[j]`` lists the channel names of joint
    j, whose values are the columns of ``values`` (T, channels) float64 in that order.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[str, ...], ...]
    values: np.ndarray
    frame_time: float


def parse(file: str, text: str) -> Motion:
    """Reads the text of a BVH file; line ends may be LF, CRLF or mixed.

    Args:
        file: its name, for errors.
        text: its content.

    Raises:
        InputError: the hierarchy is malformed, rows are ragged or not all numbers, or the frame
            count is not the announced one.
    """
    lines = [line.strip() for line in io.StringIO(text, newline=None)]
    lines = [line for line in lines if line]
    if "MOTION" not in lines or lines[0] != "HIERARCHY":
        _fail(file, "has no HIERARCHY and MOTION")
    start = lines.index("MOTION")
    joints, parents, offsets, channels = _hierarchy(file, lines[1:start])
    columns = sum(map(len, channels))
    values, frame_time = _motion(file, lines[start + 1 :], columns)
    offsets = np.array(offsets, dtype=np.float64)
    return Motion(tuple(joints), tuple(parents), offsets, tuple(channels), values, frame_time)


def _fail(file: str, fault: str) -> NoReturn:
    raise InputError(file, fault, "Fetch the file again")


def _hierarchy(file: str, lines: list[str]):
    joints, parents, offsets, channels, stack = [], [], [], [], []
    for line in lines:
        word, *rest = line.split()
        if word == "ROOT" or (word in ("JOINT", "End") and stack):
            parent = stack[-1] if stack else -1
            joints.append(f"{joints[parent]}/end" if word == "End" else " ".join(rest))
            parents.append(parent)
            offsets.append(None)
            channels.append(())
        elif word == "{":
            stack.append(len(joints) - 1)
        elif word == "}" and stack:
            stack.pop()
        elif word == "OFFSET" and len(rest) == 3 and stack:
            offsets[stack[-1]] = _numbers(file, rest)
        elif word == "CHANNELS" and stack and _announced(rest):
            channels[stack[-1]] = tuple(rest[1:])
        else:
            _fail(file, f"has a hierarchy line it should not: {line[:40]}")
    if stack or not joints or any(offset is None for offset in offsets):
        _fail(file, "has a hierarchy that does not close")
    return joints, parents, offsets, channels


def _announced(words: list[str]) -> bool:
    return bool(words) and words[0] == str(len(words) - 1) and set(words[1:]) <= _CHANNELS


def _numbers(file: str, words: list[str]) -> list[float]:
    try:
        return list(map(float, words))
    except ValueError as error:
        _fail(file, f"has a value that is no number ({error})")


def _motion(file: str, lines: list[str], columns: int) -> tuple[np.ndarray, float]:
    heads = [line.split(":") for line in lines[:2]]
    if [head[0] for head in heads if len(head) == 2] != ["Frames", "Frame Time"]:
        _fail(file, "has no Frames and Frame Time")
    (announced,), (frame_time,) = (_numbers(file, [head[1]]) for head in heads)
    rows = [line.split() for line in lines[2:]]
    for number, row in enumerate(rows):
        if len(row) != columns:
            _fail(file, f"frame {number} has {len(row)} values, its joints have {columns} channels")
    if not rows or len(rows) != announced:
        _fail(file, f"has {len(rows)} frames, not the {announced:g} it announces")
    values = np.array([_numbers(file, row) for row in rows], dtype=np.float64)
    if not np.isfinite(values).all():
        _fail(file, "has a value that is not finite")
    return values.reshape(len(rows), columns), frame_time


def positions(motion: Motion) -> np.ndarray:
    """World positions (T, J, 3) float64 of every joint and end site, in the file's length unit.

    A joint's frame is its parent's, moved by its offset and position channels and turned by its
    rotation channels in the order they are listed (the last one acts on a point first).
    """
    frames = len(motion.values)
    rotations, places, column = [], [], 0
    for parent, offset, names in zip(motion.parents, motion.offsets, motion.channels, strict=True):
        block = motion.values[:, column : column + len(names)]
        column += len(names)
        shift = np.tile(offset, (frames, 1))
        turns = []
        for name, value in zip(names, block.T, strict=True):
            axis = _AXES[name[0]]
            if name.endswith("position"):
                shift[:, axis] += value
            else:
                turns.append(_turn(axis, value))
        local = reduce(np.matmul, turns) if turns else None
        if parent < 0:
            rotation, place = np.broadcast_to(np.eye(3), (frames, 3, 3)), shift
        else:
            rotation = rotations[parent]
            place = places[parent] + (rotation @ shift[..., None])[..., 0]
        rotations.append(rotation if local is None else rotation @ local)
        places.append(place)
    return np.stack(places, axis=1)


def _turn(axis: int, degrees: np.ndarray) -> np.ndarray:
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.zeros((len(angle), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1
    matrix[:, first, first] = matrix[:, second, second] = cos
    matrix[:, first, second], matrix[:, second, first] = -sin, sin
    return matrix
