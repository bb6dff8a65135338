"""The report's figures, drawn from plain dicts; the same input gives the same bytes."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from posepaper.errors import InputError
from posepaper.reporting import diagram, pose_panels, video_figure
from posepaper.reporting.figure_files import STYLE, save
from posepaper.reporting.figure_specs import (
    Actions,
    Architecture,
    Curves,
    Effects,
    Figures,
    is_wide,
)
from posepaper.reporting.layout import Part
from posepaper.reporting.view import status_text

# Told apart by eyes of every kind, and in order of use (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def make_figures(
    spec: Figures,
    tables: list[dict],
    histories: dict[str, list[list[dict]]],
    states: dict[str, str],
    folder: str | Path,
    compared: Sequence[dict] = (),
    shown: Sequence[dict] = (),
) -> list[dict]:
    """Draws a paper's figures into ``folder`` as PDF, PNG and SVG.

    Args:
        tables: that paper's built tables.
        histories: experiment -> per seed -> [{"epoch", "loss"}] in order.
        states: experiment -> status, asked where it has no history.
        compared: comparisons as ``comparisons.compare`` gives them.
        shown: what the figure's own drawing takes: frames of a video for
            :func:`posepaper.reporting.video_figure.draw`, panels for
            :func:`posepaper.reporting.diagram.draw`, samples for a function of
            :mod:`posepaper.reporting.pose_panels`.

    Returns:
        [{"id", "caption", "wide", "files": {suffix: path}, "status"}]; a figure for which there
        is nothing to draw has no files and says why in its status.

    Raises:
        InputError: a figure names a table or row that is not there.
    """
    made = []
    for figure in spec.figures:
        given = {"effects": compared, "curves": tables, "actions": tables}.get(figure.kind, shown)
        drawn, status = KINDS[figure.kind](figure, spec.paper, given, histories, states)
        made.append(
            {
                "id": figure.id,
                "caption": figure.caption,
                "wide": is_wide(figure),
                "files": save(drawn, Path(folder), figure.id) if drawn else {},
                "status": status,
            }
        )
    return made


def _new(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _curves(
    spec: Curves, paper: str, tables: list, histories: dict, states: dict
) -> tuple[Figure | None, str]:
    there = [name for name in spec.experiments if any(histories.get(name, ()))]
    if not there:
        return None, states.get(spec.experiments[0], "not-run")
    with mpl.rc_context(STYLE):
        figure, axes = _new(3.5, 2.6)
        for colour, name in zip(COLOURS, spec.experiments, strict=False):
            label = spec.names.get(name, name)
            if name not in there:
                published = "published weights" if name in histories else "not-run"
                why = status_text(states.get(name, published))
                axes.plot([], [], color=colour, linestyle=":", label=f"{label} ({why})")
                continue
            seeds = histories[name]
            length = min(len(seed) for seed in seeds)
            epochs = [step["epoch"] for step in seeds[0][:length]]
            losses = np.array([[step["loss"] for step in seed[:length]] for seed in seeds])
            axes.plot(epochs, losses.mean(axis=0), color=colour, linewidth=1.2, label=label)
            if len(seeds) > 1:
                low, high = losses.min(axis=0), losses.max(axis=0)
                axes.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.set(xlabel="Epoch", ylabel="Training loss", yscale="log")
        axes.legend(fontsize=7)
    return figure, "ok"


def _actions(
    spec: Actions, paper: str, tables: list, histories: dict, states: dict
) -> tuple[Figure, str]:
    table = next((t for t in tables if t["table"] == spec.table), None)
    rows = {row["id"]: row for row in table["rows"]} if table else {}
    for name in spec.rows:
        if name not in rows:
            where = f"{paper}:{spec.id}"
            raise InputError(where, f"table {spec.table} has no row {name}", "Correct figures.yaml")
    columns = [c for c in table["columns"] if c["unit"]]
    with mpl.rc_context(STYLE):
        figure, axes = _new(7.2, 2.6)
        width = 0.8 / (2 * len(spec.rows))
        for i, (colour, name) in enumerate(zip(COLOURS, spec.rows, strict=False)):
            cells = [rows[name]["cells"][c["id"]] for c in columns]
            place = np.arange(len(columns)) - 0.4 + (2 * i + 0.5) * width
            _bars(axes, rows[name]["label"], cells, place, width, colour)
        axes.set_xticks(range(len(columns)), [c["label"] for c in columns], rotation=30)
        axes.set_ylabel(columns[0]["unit"])
        axes.grid(axis="x", visible=False)
        axes.legend(fontsize=7, ncols=2 * len(spec.rows), loc="upper left")
        axes.margins(y=0.22, x=0.01)
    return figure, "ok"


def _bars(axes: Axes, label: str, cells: list[dict], place, width: float, colour: str) -> None:
    def number(value) -> float:
        return float("nan") if value is None else float(value)

    claimed = [number(cell.get("claimed")) for cell in cells]
    values = [number(cell["value"]) for cell in cells]
    claim = {"facecolor": "white", "edgecolor": colour, "hatch": "////", "linewidth": 0.6}
    axes.bar(place, claimed, width, label=f"{label}, claimed", **claim)
    if all(cell["value"] is None for cell in cells):
        why = f"{label}: {status_text(cells[0]['status'])}"
        axes.bar(place + width, values, width, label=why, color="none")
        return
    ends = np.array([cell["ci"] or [number(cell["value"])] * 2 for cell in cells], float)
    reach = np.abs(ends - np.array(values)[:, None]).T
    error = {"elinewidth": 0.6, "ecolor": "#333333"}
    axes.bar(
        *(place + width, values, width),
        yerr=reach,
        color=colour,
        error_kw=error,
        label=f"{label}, this study",
    )


def _effects(
    spec: Effects, paper: str, compared: Sequence, histories: dict, states: dict
) -> tuple[Figure, str]:
    shown = [
        one
        for one in compared
        if one["paper"] == paper and one["id"] in spec.families and one["unit"] == spec.unit
    ]
    lines = [
        (f"{one['column']}: {row['row']} − {one['baseline']['row']}", row)
        for one in shown
        for row in one["rows"]
    ]
    if not lines:
        where = f"{paper}:{spec.id}"
        raise InputError(where, f"no comparison is in {spec.unit}", "Correct figures.yaml")
    with mpl.rc_context(STYLE):
        figure, axes = _new(7.2, 0.5 + 0.17 * len(lines))
        axes.axvline(0, color="#333333", linewidth=0.8)
        for place, (_, row) in enumerate(lines):
            if row["claimed"] is not None:
                axes.plot(row["claimed"], place, "|", color="#888888", markersize=8)
            if row["difference"] is None:
                axes.text(0, place, " not measured", color="#666666", fontsize=6, va="center")
                continue
            sure = row["said"] in ("better", "worse")
            colour = COLOURS[0] if sure else "#777777"
            if row["ci"]:
                axes.plot(row["ci"], [place, place], color=colour, linewidth=1.2)
            filled = {"markerfacecolor": colour if sure else "white"}
            axes.plot(row["difference"], place, "o", color=colour, markersize=3.5, **filled)
        axes.set_yticks(range(len(lines)), [name for name, _ in lines], fontsize=6)
        axes.invert_yaxis()
        axes.set_xlabel(f"difference, {spec.unit}")
    return figure, "ok"


def _architecture(
    spec: Architecture, paper: str, shown: Sequence, histories: dict, states: dict
) -> tuple[Figure, str]:
    return diagram.draw(shown, is_wide=is_wide(spec)), "ok"


def _pictures(
    draw: Callable[[Sequence], Figure],
    spec: Part,
    paper: str,
    shown: Sequence,
    histories: dict,
    states: dict,
) -> tuple[Figure | None, str]:
    if not shown:
        return None, states.get("figure", "not-run")
    with mpl.rc_context(STYLE):
        return draw(shown), "ok"


KINDS = {
    "curves": _curves,
    "actions": _actions,
    "effects": _effects,
    "architecture": _architecture,
    "video": partial(_pictures, video_figure.draw),
    "panels": partial(_pictures, pose_panels.draw_heatmaps),
    "detectors": partial(_pictures, pose_panels.draw_detectors),
    "failures": partial(_pictures, pose_panels.draw_failures),
}
