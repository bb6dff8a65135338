"""Frames of a video file, one at a time."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from posepaper.errors import InputError


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
