"""People found in a picture: OpenCV's HOG detector, or YOLOv3 with weights that a user brings.

Both run in OpenCV. HOG with its linear SVM (Dalal and Triggs, 2005) ships with OpenCV 4 and finds
upright people; YOLOv3 (Redmon and Farhadi, 2018), the detector both papers name, is read from
Darknet's own two files. A detector takes (H, W, 3) uint8 RGB and returns (N, 5) float32: x, y,
width, height in pixels and a score above 0, the surest first.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from posepaper.errors import InputError

Detector = Callable[[np.ndarray], np.ndarray]

# The shorter side of the picture HOG searches; its window is 64 x 128 pixels.
_SIDE = 360
# Share of HOG's window that the person fills.
_PERSON = 0.8
_YOLO_SIDE = 416
_YOLO_LEAST = 0.5
_YOLO_OVERLAP = 0.45


def hog(files: dict[str, str]) -> Detector:
    """OpenCV's default people detector; needs no files."""
    descriptor = cv2.HOGDescriptor()
    descriptor.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def find(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        zoom = _SIDE / min(height, width)
        way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, (round(width * zoom), round(height * zoom)), interpolation=way)
        # Colour gradients are the strongest channel's, so the order of channels is no matter.
        boxes, scores = descriptor.detectMultiScale(
            small, winStride=(8, 8), padding=(16, 16), scale=1.05
        )
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4) / zoom
        margin = boxes[:, 2:] * (1 - _PERSON) / 2
        boxes = np.concatenate([boxes[:, :2] + margin, boxes[:, 2:] * _PERSON], axis=1)
        return _ranked(boxes, np.asarray(scores, np.float32).reshape(-1))

    return find


def yolov3(files: dict[str, str]) -> Detector:
    """YOLOv3 by OpenCV's DNN reader.

    Args:
        files: ``yolov3.cfg`` and ``yolov3.weights`` as Darknet publishes them, COCO's 80 classes.

    Raises:
        InputError: OpenCV cannot read them.
    """
    cfg, weights = files["yolov3.cfg"], files["yolov3.weights"]
    try:
        network = cv2.dnn.readNetFromDarknet(cfg, weights)
    except cv2.error as error:
        what = f"is no Darknet network OpenCV can read with {Path(cfg).name} ({error.err})"
        raise InputError(weights, what, "Fetch yolov3.cfg and yolov3.weights again") from None
    ends = network.getUnconnectedOutLayersNames()

    def find(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        size = (_YOLO_SIDE, _YOLO_SIDE)
        network.setInput(cv2.dnn.blobFromImage(image, 1 / 255, size))
        rows = np.concatenate(network.forward(ends))
        # Box centre and size as shares of the picture, objectness, then a score for each class.
        people = rows[(rows[:, 5:].argmax(axis=1) == 0) & (rows[:, 5] > _YOLO_LEAST)]
        sizes = people[:, 2:4] * [width, height]
        boxes = np.concatenate([people[:, :2] * [width, height] - sizes / 2, sizes], axis=1)
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), people[:, 5].tolist(), _YOLO_LEAST, _YOLO_OVERLAP)
        kept = np.asarray(kept, dtype=int).reshape(-1)
        return _ranked(boxes[kept], people[kept, 5])

    return find


DETECTORS = {"hog": hog, "yolov3": yolov3}


def _ranked(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(N, 5), in an order that does not depend on how many threads searched."""
    found = np.concatenate([boxes, scores[:, None]], axis=1).astype(np.float32)
    return found[np.lexsort((*found[:, :4].T, -found[:, 4]))]
