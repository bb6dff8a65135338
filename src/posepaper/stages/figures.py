"""Draws one figure of a paper: rule ``make_figure``."""

import shutil
import tempfile
from pathlib import Path

from posepaper import files
from posepaper.reporting.figures import Figures, make_figures
from posepaper.stages import job


def figure(run: job.Run) -> None:
    """One figure as PDF, PNG and SVG."""
    spec = Figures(paper=run.settings["paper"], figures=[run.settings["figure"]])
    tables = [files.read_json(path) for path in _listed(run.inputs.get("table"))]
    compared = run.inputs.get("comparisons")
    with tempfile.TemporaryDirectory() as folder:
        drawn = make_figures(
            spec,
            tables,
            histories(run.inputs["curves"]),
            run.settings["states"],
            folder,
            files.read_json(compared) if compared else None,
        )[0]
        for kind, path in run.outputs.items():
            shutil.copyfile(drawn["files"][kind], path)


def histories(curves: list[str]) -> dict[str, list[list[dict]]]:
    """Epochs of every seed of every experiment."""
    found = {}
    for path in sorted(curves, key=lambda p: (Path(p).parent, int(Path(p).name[4:].split(".")[0]))):
        curve = files.read_json(path)
        found.setdefault(curve["experiment"], []).append(curve["epochs"])
    return found


def _listed(given) -> list[str]:
    return [given] if isinstance(given, str) else list(given or [])


if __name__ == "__main__":
    job.main({"make_figure": figure})
