"""Draws networks as boxes and arrows, from what ``posepaper.models.structure`` tells of them."""

import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch

from posepaper.reporting.diagram_layout import (
    FRAME,
    JOIN,
    LINE,
    TEXT,
    Box,
    Laid,
    across,
    down,
    wide,
)

TITLE, _SIGN = 7.5, 8.0
WIDTHS = {False: 3.5, True: 7.2}
_BELOW, _UNDER_TITLE = 0.12, 0.14
_INK, _SOFT = "#111111", "#555555"
# Every kind says in words what it is; colour only helps to find it.
_FILLS = (
    (r"(Image|Sequence|Channel|Spatial)Attention", "#fbdcb9"),
    (r"SelfAttention|matmul|softmax", "#cfe3f3"),
    (r"conv|Bottleneck|BasicBlock", "#d5ecdf"),
    (r"linear|MLP", "#e6def0"),
    (r"^(input|output)$", "#ffffff"),
)
_OTHER = "#eeeeee"


def draw(panels: Sequence[dict], *, is_wide: bool) -> Figure:
    """Panels below one another, or beside the one before.

    Args:
        panels: {"title", "told" (what it is drawn from), "flow": "across" or "down", "beside",
            "columns" (of a panel that flows down), "graph": as ``structure.diagram`` gives it}.
        is_wide: whether it spans both columns of a page.
    """
    rows: list[list[Laid]] = []
    for panel in panels:
        laid = across(panel, WIDTHS[is_wide]) if panel["flow"] == "across" else down(panel)
        if panel["beside"] and rows:
            rows[-1].append(laid)
        else:
            rows.append([laid])
    width, heads = WIDTHS[is_wide], [max(map(_head, row)) for row in rows]
    talls = [max(laid.height for laid in row) + _BELOW for row in rows]
    tall = sum(heads) + sum(talls)
    figure = Figure(figsize=(width, tall))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(tall, 0))
    axes.set_axis_off()
    top = 0.0
    for row, head, height in zip(rows, heads, talls, strict=True):
        rooms = [max(laid.width, _titled(laid)) for laid in row]
        spare = (width - sum(rooms)) / (len(row) + 1)
        left = spare
        for laid, room in zip(row, rooms, strict=True):
            _title(axes, laid.panel, left + room / 2, top)
            _paint(axes, laid, left + (room - laid.width) / 2, top + head)
            left += room + spare
        top += head + height
    return figure


def _head(laid: Laid) -> float:
    return _UNDER_TITLE + LINE * len(laid.panel["told"]) + 0.14


def _titled(laid: Laid) -> float:
    # Bold is a tenth wider.
    return max([wide(laid.panel["title"], TITLE) * 1.1, *map(wide, laid.panel["told"])])


def _title(axes: Axes, panel: dict, middle: float, top: float) -> None:
    text = {"ha": "center", "va": "center"}
    bold = {"fontsize": TITLE, "weight": "bold", "color": _INK}
    axes.text(middle, top + 0.08, panel["title"], **bold, **text)
    for number, line in enumerate(panel["told"]):
        place = top + _UNDER_TITLE + LINE * (number + 0.5)
        axes.text(middle, place, line, fontsize=TEXT, color=_SOFT, **text)


def _paint(axes: Axes, laid: Laid, left: float, top: float) -> None:
    for frame in laid.panel["graph"]["frames"]:
        _frame(axes, laid, frame, left, top)
    for line in laid.lines:
        xs, ys = ([p[k] + shift for p in line] for k, shift in ((0, left), (1, top)))
        axes.plot(xs, ys, color=_SOFT, linewidth=0.6, solid_joinstyle="round", zorder=2)
        axes.annotate(
            "", (xs[-1], ys[-1]), (xs[-2], ys[-2]), zorder=2,
            arrowprops={"arrowstyle": "-|>,head_width=0.1,head_length=0.2", "color": _SOFT,
                        "linewidth": 0.6, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    for box in laid.boxes:
        _box(axes, box, left, top)


def _box(axes: Axes, box: Box, left: float, top: float) -> None:
    x, y, label = box.x + left, box.y + top, box.node["label"]
    style = {"edgecolor": _INK, "linewidth": 0.5, "zorder": 3}
    if box.is_join:
        axes.add_patch(Ellipse((x, y), JOIN, JOIN, facecolor="#ffffff", **style))
    else:
        fill = next((c for pattern, c in _FILLS if re.search(pattern, label)), _OTHER)
        corner = (x - box.width / 2, y - box.height / 2)
        shape = "round,pad=0,rounding_size=0.03"
        axes.add_patch(
            FancyBboxPatch(corner, box.width, box.height, boxstyle=shape, facecolor=fill, **style)
        )
    lines = [label] if box.is_join else box.lines
    for number, line in enumerate(lines):
        place = y + (number - (len(lines) - 1) / 2) * LINE
        size = _SIGN if box.is_join else TEXT
        axes.text(x, place, line, fontsize=size, ha="center", va="center_baseline",
                  color=_INK, zorder=4)  # fmt: skip


def _frame(axes: Axes, laid: Laid, frame: dict, left: float, top: float) -> None:
    """A dashed line around the children of a module that stand for ``times`` of them."""
    own = [laid.boxes[n] for n in frame["nodes"]]
    alike = [f for f in laid.panel["graph"]["frames"] if f["name"] == frame["name"]]
    total, name = sum(f["times"] for f in alike), frame["name"]
    if len(alike) > 1:
        last = frame["first"] + frame["times"]
        span = f"{frame['first'] + 1}–{last}" if frame["times"] > 1 else f"{last}"
        name = f"{name}: {span} of {total}"
    elif frame["times"] > 1:
        name = f"{name} ×{frame['times']}"
    x0, x1 = min(b.x - b.width / 2 for b in own), max(b.x + b.width / 2 for b in own)
    y0, y1 = min(b.y - b.height / 2 for b in own), max(b.y + b.height / 2 for b in own)
    corner = (left + x0 - FRAME, top + y0 - FRAME)
    size = (x1 - x0 + 2 * FRAME, y1 - y0 + 2 * FRAME)
    shape = "round,pad=0,rounding_size=0.04"
    dashed = {"edgecolor": "#888888", "linewidth": 0.5, "linestyle": (0, (3, 2)), "zorder": 1}
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=shape, facecolor="#fafafa", **dashed))
    if laid.panel["flow"] == "down":
        # Beside: the arrow into the frame comes from above.
        place = (corner[0] - 0.03, corner[1] + size[1] / 2)
        how = {"ha": "right", "va": "center", "rotation": 90}
    else:
        place, how = (corner[0], corner[1] - 0.02), {"ha": "left", "va": "bottom"}
    axes.text(*place, name, fontsize=TEXT, color=_INK, **how)
