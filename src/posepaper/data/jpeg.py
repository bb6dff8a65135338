"""JPEG bytes to and from pixels, at the quality this project stores crops in."""

import cv2
import numpy as np

QUALITY = 95


def encode(image: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB to JPEG."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes()


def decode(data: bytes | np.ndarray) -> np.ndarray | None:
    """Bytes of any image file to (H, W, 3) uint8 RGB as stored (EXIF ignored), None if damaged."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if len(data) else None
