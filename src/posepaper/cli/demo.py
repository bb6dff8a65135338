"""Trying the trained networks on a video."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, Study, print_lines


def demo(
    video: Annotated[Path, typer.Argument(help="a video of one person")],
    out: Annotated[
        Path | None, typer.Option(help="folder for what is made; default: results/STUDY/demo/VIDEO")
    ] = None,
    study: Study = "",
    pose2d: Annotated[str, typer.Option(help="2D experiment; default: the papers' own")] = "",
    lift: Annotated[str, typer.Option(help="3D experiment; default: the papers' own")] = "",
    seed: Annotated[int, typer.Option(help="whose checkpoints")] = 0,
    detector: Annotated[str, typer.Option(help="hog or yolov3; default: the best there")] = "",
    kind: Annotated[str, typer.Option(help="annotated video: .mp4, .avi or .webm")] = ".mp4",
    force: Annotated[bool, typer.Option("--force", help="overwrite earlier outputs")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the trained 2D and 3D networks over a video: annotated video and 3D player."""
    # What is wrong with a file we say ourselves, in one line; read when OpenCV is imported.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    from posepaper.stages import demo as room

    wanted = room.Wanted(
        *(video, out, study, pose2d, lift, seed, detector, f".{kind.lstrip('.')}", force)
    )
    made = room.demo(wanted, len(os.sched_getaffinity(0)))
    if as_json:
        print(json.dumps(made, indent=1))
        return
    print_lines(
        [
            f"a person in {made['present']} of {made['frames']} frames "
            f"({made['detector']}, {made['pose2d']}, {made['lifting']})",
            *(made[name] for name in ("video", "player", "poses")),
        ]
    )
