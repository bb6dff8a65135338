"""A video's frames with what was found in them: box and 2D keypoints, the 3D pose beside."""

import cv2
import numpy as np

from posepaper.reporting.video_figure import COCO_LINES, LEFT, RIGHT, side_colour
from posepaper.skeleton import COCO, H36M

# Annotated videos are no higher; what is larger is shrunk.
HEIGHT = 720
_BOX = (240, 228, 66)
_PAPER, _INK = (255, 255, 255), (90, 90, 90)
# Keypoints with less confidence are not drawn.
_SURE = 0.1
# The 3D pose is turned this far about the vertical, and seen from a little above, radians.
_YAW, _PITCH = -0.5, 0.2


class Annotator:
    """Draws on frames of one size.

    Args:
        width, height: the frames', pixels.
        reach: metres from the root to the farthest joint that the 3D panel shows.
    """

    def __init__(self, width: int, height: int, reach: float):
        self.zoom = min(1.0, HEIGHT / height)
        # Encoders want even sizes.
        self.width, self.height = (max(2, round(n * self.zoom) // 2 * 2) for n in (width, height))
        self.panel = max(self.height * 3 // 8 * 2, 2)
        self.reach = max(reach, 0.5)
        self.line = max(1, round(self.height / 240))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what :meth:`draw` returns."""
        return self.width + self.panel, self.height

    def draw(self, image: np.ndarray, found: dict | None) -> np.ndarray:
        """(H, W, 3) uint8 RGB with the panel to its right.

        Args:
            found: {"boxes" (4,) xywh pixels, "detected", "keypoints" (17, 2) pixels, "scores"
                (17,), "poses" (17, 3) metres}, None where nobody is.
        """
        picture = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA)
        panel = np.full((self.height, self.panel, 3), _PAPER, np.uint8)
        if found is None:
            place = (self.panel // 12, self.height // 2)
            size = self.panel / 420
            cv2.putText(panel, "nobody found", place, 0, size, _INK, self.line, cv2.LINE_AA)
        else:
            self._flat(picture, found)
            self._solid(panel, found["poses"])
        return np.concatenate([picture, panel], axis=1)

    def _flat(self, picture: np.ndarray, found: dict) -> None:
        x, y, w, h = (int(v) for v in np.round(found["boxes"] * self.zoom))
        thickness = self.line * 2 if found["detected"] else self.line
        cv2.rectangle(picture, (x, y), (x + w, y + h), _BOX, thickness, cv2.LINE_AA)
        points = found["keypoints"] * self.zoom
        for line in COCO_LINES:
            if found["scores"][list(line)].min() > _SURE:
                a, b = (tuple(int(v) for v in np.round(points[j])) for j in line)
                cv2.line(picture, a, b, (255, 255, 255), self.line * 3, cv2.LINE_AA)
                cv2.line(picture, a, b, _rgb(side_colour(COCO, line)), self.line * 2, cv2.LINE_AA)

    def _solid(self, panel: np.ndarray, pose: np.ndarray) -> None:
        x, y, z = pose.T
        across = np.cos(_YAW) * x + np.sin(_YAW) * z
        away = np.cos(_YAW) * z - np.sin(_YAW) * x
        down = np.cos(_PITCH) * y - np.sin(_PITCH) * away
        scale = 0.46 * min(self.panel, self.height) / self.reach
        flat = np.stack([self.panel / 2 + scale * across, self.height / 2 + scale * down], axis=1)
        for line in sorted(H36M.bones, key=lambda bone: -away[list(bone)].sum()):
            a, b = (tuple(int(v) for v in np.round(flat[j])) for j in line)
            cv2.line(panel, a, b, _rgb(side_colour(H36M, line)), self.line * 2, cv2.LINE_AA)
        left, right = self.line * 6, self.height - self.line * 6
        for word, colour, place in (("left", LEFT, left), ("right", RIGHT, left + self.panel // 4)):
            size = self.height / 700
            cv2.putText(panel, word, (place, right), 0, size, _rgb(colour), self.line, cv2.LINE_AA)


def _rgb(colour: str) -> tuple[int, int, int]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
