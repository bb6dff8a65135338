"""Pictures with poses: heatmaps, two detectors on one frame, failures."""

from collections.abc import Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from posepaper.reporting.video_figure import COCO_LINES, side_colour, solid
from posepaper.skeleton import COCO, H36M, Skeleton

_WIDTH, _MARGIN, _HEAD, _FOOT = 7.2, 0.12, 0.2, 0.15
_TRUTH = "#999999"
# Pictures are shown at this height; more would only swell the page.
_PIXELS = 240
_SIDES = "prediction: left orange, right blue; ground truth: grey"


def draw_heatmaps(shown: Sequence[dict]) -> Figure:
    """What a 2D network sees, is to find, finds, and what is read from that; one row a person.

    Args:
        shown: {"image" (H, W, 3) uint8 RGB crop, "truth" and "predicted" (17, h, w) heatmaps,
            "joint": index of the one shown alone, "keypoints" (17, 2) and "labelled" (17, 3) with
            visibility, crop pixels, "told"}.
    """
    alone = COCO.joints[shown[0]["joint"]].replace("_", " ")
    kinds = [f"{made}, {what}" for made in ("target", "output") for what in ("all", alone)]
    aspect = shown[0]["image"].shape[1] / shown[0]["image"].shape[0]
    heads = ("input", *kinds, "keypoints")
    figure, places = _grid(len(shown), [aspect] * 6, heads, below=0.1)
    for one, row in zip(shown, places, strict=True):
        picture, *heat, read = (_picture(figure, place) for place in row)
        _show(picture, one["image"])
        picture.set_ylabel(one["told"], fontsize=6)
        maps = [
            m
            for name in ("truth", "predicted")
            for m in (one[name].max(0), one[name][one["joint"]])
        ]
        for axes, heatmap in zip(heat, maps, strict=True):
            axes.imshow(heatmap, cmap="cividis", vmin=0, vmax=1, interpolation="none")
            axes.set_xlabel(f"highest {heatmap.max():.2f}", fontsize=6, labelpad=2)
        zoom = _show(read, one["image"])
        seen = one["labelled"][:, 2] > 0
        _lines(read, zoom * one["labelled"][:, :2], COCO, _TRUTH, seen)
        _lines(read, zoom * one["keypoints"], COCO)
    _foot(figure, f"all: the highest of the 17 joints' heatmaps at each pixel. Right: {_SIDES}")
    return figure


def draw_detectors(shown: Sequence[dict]) -> Figure:
    """The same frame through two 2D detectors, and the 3D pose lifted from each; a row a frame.

    Args:
        shown: {"image" (H, W, 3) uint8 RGB crop, "told", "names": two, "keypoints": two (17, 2)
            crop pixels, "labelled" (17, 2) exact ones, "poses": two (17, 3) and "truth" (17, 3)
            root-relative metres, "errors": two, mm}.
    """
    first, second = shown[0]["names"]
    heads = [f"{part}, {name}" for part in ("2D", "3D") for name in (first, second)]
    aspect = shown[0]["image"].shape[1] / shown[0]["image"].shape[0]
    figure, places = _grid(len(shown), [aspect, aspect, 1, 1], heads)
    for one, row in zip(shown, places, strict=True):
        for number in (0, 1):
            axes = _picture(figure, row[number])
            zoom = _show(axes, one["image"])
            _lines(axes, zoom * one["labelled"], H36M, _TRUTH)
            _lines(axes, zoom * one["keypoints"][number], H36M)
            if number == 0:
                axes.set_ylabel(one["told"], fontsize=6)
            _pose(
                figure, row[2 + number], one["poses"][number], one["truth"], one["errors"][number]
            )
    _foot(figure, f"Numbers: MPJPE of the frame. {_SIDES.capitalize()}")
    return figure


def draw_failures(shown: Sequence[dict]) -> Figure:
    """Frames of given ranks of error, prediction over ground truth, each below its picture.

    Args:
        shown: {"told", "pose" and "truth" (17, 3) root-relative metres, "error" mm, "image"
            (H, W, 3) uint8 RGB crop or None}.
    """
    pictured = [one for one in shown if one["image"] is not None]
    aspects = [1.0] * len(shown)
    figure, places = _grid(2 if pictured else 1, aspects, [one["told"] for one in shown])
    for column, one in enumerate(shown):
        if pictured:
            axes = _picture(figure, places[0][column])
            if one["image"] is not None:
                _show(axes, one["image"])
        _pose(figure, places[-1][column], one["pose"], one["truth"], one["error"])
    _foot(figure, f"Numbers: MPJPE of the frame. {_SIDES.capitalize()}")
    return figure


def _grid(
    rows: int, aspects: list[float], heads: Sequence[str], below: float = 0.0
) -> tuple[Figure, list[list[tuple]]]:
    """A figure, and where in it the panels of every row stand, with heads above the first."""
    row = min(1.9, (_WIDTH - _MARGIN * (len(aspects) + 1) - 0.2) / sum(aspects))
    head = _HEAD + 0.11 * max(text.count("\n") for text in heads)
    tall = rows * (row + _MARGIN + below) + head + _FOOT
    figure = Figure(figsize=(_WIDTH, tall))
    FigureCanvasAgg(figure)
    spare = (_WIDTH - 0.2 - row * sum(aspects)) / (len(aspects) + 1)
    lefts = 0.2 + spare + np.cumsum([0, *(a * row + spare for a in aspects[:-1])])
    lows = [tall - head - (n + 1) * row - n * (_MARGIN + below) for n in range(rows)]
    places = [
        [
            (x / _WIDTH, low / tall, a * row / _WIDTH, row / tall)
            for x, a in zip(lefts, aspects, strict=True)
        ]
        for low in lows
    ]
    for (x, y, w, h), text in zip(places[0], heads, strict=True):
        figure.text(x + w / 2, y + h + 0.03 / tall, text, ha="center", va="bottom", fontsize=6.5)
    return figure, places


def _picture(figure: Figure, place: tuple) -> Axes:
    axes = figure.add_axes(place)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return axes


def _show(axes: Axes, image: np.ndarray) -> float:
    """Shows an image; how much smaller it is shown than it is."""
    zoom = min(1.0, _PIXELS / image.shape[0])
    if zoom < 1:
        size = round(image.shape[1] * zoom), round(image.shape[0] * zoom)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    axes.imshow(image, interpolation="none")
    axes.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    return zoom


def _lines(
    axes: Axes,
    points: np.ndarray,
    skeleton: Skeleton,
    colour: str | None = None,
    there: np.ndarray | None = None,
) -> None:
    lines = COCO_LINES if skeleton is COCO else skeleton.bones
    for a, b in lines:
        if there is None or (there[a] and there[b]):
            axes.plot(*points[[a, b]].T, color="white", linewidth=2.0 if colour is None else 2.6)
            mine = colour or side_colour(skeleton, (a, b))
            axes.plot(*points[[a, b]].T, color=mine, linewidth=1.2 if colour is None else 1.8)


def _pose(figure: Figure, place: tuple, pose: np.ndarray, truth: np.ndarray, error: float) -> None:
    axes = figure.add_axes(place, projection="3d")
    solid(axes, pose, truth)
    axes.text2D(0.5, 0.0, f"{error:.1f} mm", transform=axes.transAxes, ha="center", fontsize=6.5)


def _foot(figure: Figure, text: str) -> None:
    tall = figure.get_size_inches()[1]
    figure.text(0.5, 0.05 / tall, text, ha="center", va="bottom", fontsize=6.5)
