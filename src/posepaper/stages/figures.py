"""Draws one figure of a paper: rule ``make_figure``."""

import shutil
import tempfile
from pathlib import Path

from posepaper import files
from posepaper.data.frames import read_videos
from posepaper.data.video_poses import read_video_poses
from posepaper.errors import InputError
from posepaper.reporting.figure_specs import Figures
from posepaper.reporting.figures import make_figures
from posepaper.stages import job, samples


def figure(run: job.Run) -> None:
    """One figure as PDF, PNG and SVG."""
    spec = Figures(paper=run.settings["paper"], figures=[run.settings["figure"]])
    tables = [files.read_json(path) for path in _listed(run.inputs.get("table"))]
    compared = run.inputs.get("comparisons")
    with tempfile.TemporaryDirectory() as folder:
        drawn = make_figures(
            *(spec, tables, histories(run.inputs["curves"]), run.settings["states"], folder),
            compared=files.read_json(compared) if compared else (),
            shown=SHOWN[spec.figures[0].kind](run),
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


def shots(run: job.Run) -> list[dict]:
    """The frames of a video that the study names, with what was found in each.

    Raises:
        InputError: the study names a video or a frame that is not there.
    """
    found, by = read_video_poses(run.inputs["poses"])
    videos = {video.name: video for video in read_videos(run.inputs["data"])}
    shown = []
    for name, frames in run.settings["show"].items():
        if name not in videos:
            what = f"has no video '{name}', which the study shows"
            raise InputError(run.inputs["data"], what, f"There is: {', '.join(videos)}")
        video, poses = videos[name], found[name]
        for frame in frames:
            if not 0 <= frame < len(video):
                what = f"video '{name}' has no frame {frame}, which the study shows"
                raise InputError(run.inputs["data"], what, f"It has 0 to {len(video) - 1}")
            shot = {"video": name, "frame": frame, "image": video.frame(frame), "found": None}
            shot |= {"by": by, "identity": run.settings["identity"]}
            if poses is not None and poses.present[frame]:
                arrays = ("boxes", "detected", "keypoints", "poses")
                shot["found"] = {name: getattr(poses, name)[frame] for name in arrays}
            shown.append(shot)
    return shown


def architecture(run: job.Run) -> list[dict]:
    """A diagram's panels, from the networks as this study builds them."""
    # A figure of numbers starts without torch.
    from posepaper.stages.diagrams import panels

    return panels(run)


def nothing(run: job.Run) -> list[dict]:
    """Figures of numbers show only these."""
    return []


# What a kind of figure shows beside tables, curves and comparisons.
SHOWN = {
    "curves": nothing,
    "actions": nothing,
    "effects": nothing,
    "video": shots,
    "architecture": architecture,
    "panels": samples.heatmaps,
    "detectors": samples.detectors,
    "failures": samples.failures,
}


def _listed(given) -> list[str]:
    return [given] if isinstance(given, str) else list(given or [])


if __name__ == "__main__":
    job.main({"make_figure": figure})
