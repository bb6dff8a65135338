"""From a frame to a person's box, to 2D keypoints, to a 3D pose: lifting Fig. 5."""

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from posepaper.skeleton import COCO, H36M, Skeleton

LEFT, RIGHT, MIDDLE = "#d55e00", "#0072b2", "#333333"
_BOX = "#f0e442"
_HEADS = ("frame", "person box", "2D keypoints", "3D pose")
# Inches: the figure's width, between panels, above the first row and below the last.
_WIDTH, _MARGIN, _HEAD, _FOOT = 7.2, 0.12, 0.25, 0.25
# Width by height of what the 2D network sees.
_CROP = 0.75
# Pictures are shown at this height; more would only swell the page.
_PIXELS = 300
# COCO's chain of faces and limbs has no trunk; these lines draw one.
COCO_LINES = tuple(
    (COCO.joints.index(a), COCO.joints.index(b))
    for a, b in (
        ("nose", "left_ear"),
        ("nose", "right_ear"),
        ("left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip"),
        *(
            (f"{side}_{a}", f"{side}_{b}")
            for side in ("left", "right")
            for a, b in (
                ("shoulder", "elbow"),
                ("elbow", "wrist"),
                ("shoulder", "hip"),
                ("hip", "knee"),
                ("knee", "ankle"),
            )
        ),
    )
)
_NAMES = {"hog": "OpenCV's HOG people detector", "yolov3": "YOLOv3"}


def side_colour(skeleton: Skeleton, line: tuple[int, int]) -> str:
    """The colour of a bone: the person's left, right, or neither."""
    if set(line) & set(skeleton.left) and not set(line) & set(skeleton.right):
        return LEFT
    if set(line) & set(skeleton.right) and not set(line) & set(skeleton.left):
        return RIGHT
    return MIDDLE


def draw(shots: Sequence[dict]) -> Figure:
    """One row a frame.

    Args:
        shots: {"video", "frame", "image" (H, W, 3) uint8 RGB, "identity" of the video, "by":
            {"boxes", "pose2d", "lifting"}, "found": None where nobody is, else {"boxes" (4,)
            xywh pixels, "detected", "keypoints" (17, 2) pixels, "poses" (17, 3) metres}}.
    """
    height, width = shots[0]["image"].shape[:2]
    widths = np.array([width / height, width / height, _CROP, _CROP * 1.2])
    row = (_WIDTH - _MARGIN * 5) / widths.sum()
    tall = len(shots) * (row + _MARGIN) + _HEAD + _FOOT
    figure = Figure(figsize=(_WIDTH, tall))
    FigureCanvasAgg(figure)
    left = 2 * _MARGIN + np.concatenate([[0], np.cumsum(widths * row + _MARGIN)[:-1]])
    for index, shot in enumerate(shots):
        bottom = tall - _HEAD - (index + 1) * row - index * _MARGIN
        place = [(x / _WIDTH, bottom / tall, w * row / _WIDTH, row / tall)
                 for x, w in zip(left, widths, strict=True)]  # fmt: skip
        _row(figure, place, shot, heads=index == 0)
    by = shots[0]["by"]
    made = f"box: {_NAMES[by['boxes']]}; 2D: {by['pose2d']}; 3D: {by['lifting']}"
    told = f"Video: {shots[0]['identity']}; {made}"
    figure.text(0.5, 0.06 / tall, told, ha="center", va="bottom", fontsize=6.5)
    return figure


def _row(figure: Figure, place: list[tuple], shot: dict, *, heads: bool) -> None:
    image, zoom = _shrunk(shot["image"])
    found = shot["found"]
    for column, head in enumerate(_HEADS):
        in_space = column == 3 and found is not None
        axes = figure.add_axes(place[column], projection="3d" if in_space else None)
        if heads:
            x, y, w, h = place[column]
            figure.text(x + w / 2, y + h + 0.01, head, ha="center", va="bottom", fontsize=8)
        if in_space:
            solid(axes, found["poses"])
            continue
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        if column == 0:
            axes.set_ylabel(f"{shot['video']}, frame {shot['frame']}", fontsize=7)
        if column and found is None:
            axes.text(0.5, 0.5, "no person found", ha="center", va="center", fontsize=7)
            continue
        if column == 2:
            _keypoints(axes, shot["image"], found)
            continue
        axes.imshow(image, interpolation="none")
        if column == 1:
            x, y, w, h = found["boxes"] * zoom
            style = "-" if found["detected"] else (0, (3, 2))
            corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]])
            axes.plot(*corners.T, color="black", linewidth=2.2)
            axes.plot(*corners.T, color=_BOX, linewidth=1.4, linestyle=style)
            axes.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))


def _shrunk(image: np.ndarray) -> tuple[np.ndarray, float]:
    zoom = min(1.0, _PIXELS / image.shape[0])
    if zoom == 1.0:
        return image, zoom
    size = round(image.shape[1] * zoom), round(image.shape[0] * zoom)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), zoom


def _keypoints(axes: Axes, image: np.ndarray, found: dict) -> None:
    """What the 2D network saw: the box at the crop's aspect, a quarter larger."""
    x, y, w, h = found["boxes"]
    zoom = _PIXELS / (1.25 * max(h, w / _CROP))
    shift = np.array([_CROP, 1]) * _PIXELS / 2 - zoom * np.array([x + w / 2, y + h / 2])
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
    size = round(_PIXELS * _CROP), _PIXELS
    cut = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA)
    axes.imshow(cut, interpolation="none")
    points = zoom * found["keypoints"] + shift
    for line in COCO_LINES:
        axes.plot(*points[list(line)].T, color="white", linewidth=2.2)
        axes.plot(*points[list(line)].T, color=side_colour(COCO, line), linewidth=1.2)
    axes.set(xlim=(-0.5, size[0] - 0.5), ylim=(size[1] - 0.5, -0.5))


def solid(axes, pose: np.ndarray, truth: np.ndarray | None = None) -> None:
    """A 3D pose (J, 3), over the true one in grey where it is known.

    Camera axes (x right, y down, z away) become matplotlib's (right, away, up).
    """
    every = []
    for shown, colour, line_width in ((truth, "#999999", 2.4), (pose, None, 1.6)):
        if shown is None:
            continue
        points = np.stack([shown[:, 0], shown[:, 2], -shown[:, 1]], axis=1)
        every.append(points)
        for line in H36M.bones:
            mine = colour or side_colour(H36M, line)
            axes.plot(*points[list(line)].T, color=mine, linewidth=line_width)
    points = np.concatenate(every)
    middle, reach = (points.min(0) + points.max(0)) / 2, max(0.5, np.ptp(points, axis=0).max() / 2)
    limits = [(m - reach, m + reach) for m in middle]
    axes.set(xlim=limits[0], ylim=limits[1], zlim=limits[2])
    axes.set_box_aspect((1, 1, 1), zoom=1.12)
    axes.view_init(elev=12, azim=-65)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_ticklabels([])
        axis.set_tick_params(length=0)
