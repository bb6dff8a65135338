"""Frames of a video file, one at a time, and writing one."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from posepaper.errors import InputError

# What OpenCV writes by itself, by the file's suffix.
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".webm": "VP80"}
# For files that do not say.
_FPS = 25.0


@dataclass(frozen=True)
class VideoFacts:
    """Size in pixels, frames per second, and how many frames the file claims (0: unknown)."""

    width: int
    height: int
    fps: float
    frames: int


def read_video(path: str | Path) -> tuple[Iterator[np.ndarray], float]:
    """Opens a video and returns its frames, (H, W, 3) uint8 RGB each, and its frames per second.

    The first frame is decoded at once, so that a file without any fails here.

    Raises:
        InputError: the file is absent, no video that OpenCV reads, or without frames.
    """
    if not Path(path).is_file():
        raise InputError(path, "is not there", "Check the path, or fetch the video")
    if not Path(path).stat().st_size:
        raise InputError(path, "is empty", "Fetch or record the video again")
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise InputError(path, "is no video OpenCV can read", "Convert it to MP4 or MJPG AVI")
    fps = capture.get(cv2.CAP_PROP_FPS)
    found, first = capture.read()
    if not found:
        capture.release()
        raise InputError(path, "has no frame that decodes", "Fetch or record the video again")
    return _frames(capture, first), float(fps)


def _frames(capture: cv2.VideoCapture, first: np.ndarray) -> Iterator[np.ndarray]:
    try:
        found, frame = True, first
        while found:
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            found, frame = capture.read()
    finally:
        capture.release()


def describe_video(path: str | Path) -> VideoFacts:
    """What a video is like, its first frame decoded to make sure.

    Raises:
        InputError: as :func:`read_video`.
    """
    frames, fps = read_video(path)
    height, width = next(frames).shape[:2]
    frames.close()
    capture = cv2.VideoCapture(str(path))
    claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    known = np.isfinite(fps) and 0 < fps <= 1000
    return VideoFacts(width, height, fps if known else _FPS, max(0, int(claimed)))


@contextlib.contextmanager
def video_writer(
    path: str | Path, size: tuple[int, int], fps: float
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yields a function that appends a frame (H, W, 3) uint8 RGB of ``size`` (width, height).

    Raises:
        InputError: the suffix is none of :data:`CODECS`, or OpenCV cannot write such a file here.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CODECS:
        raise InputError(path, f"'{suffix}' is no video OpenCV writes", f"Use {', '.join(CODECS)}")
    codec = cv2.VideoWriter.fourcc(*CODECS[suffix])
    writer = cv2.VideoWriter(str(path), codec, fps, size)
    if not writer.isOpened():
        raise InputError(path, "cannot be written by this OpenCV", "Use .avi, or another folder")
    try:
        yield lambda frame: writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()
