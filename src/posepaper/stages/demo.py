"""A study's trained networks applied to a user's video: ``posepaper demo``."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepaper import files
from posepaper.config import Config, Experiment, nearest, parse, read_yaml
from posepaper.data.video import CODECS, describe_video, read_video, video_writer
from posepaper.data.video_poses import VideoPoses, write_video_poses
from posepaper.errors import InputError
from posepaper.experiments import load_study, network_settings
from posepaper.progress import Progress
from posepaper.reporting.annotation import Annotator
from posepaper.reporting.player import player_data, write_page
from posepaper.skeleton import H36M
from posepaper.stages import jobs, pipeline
from posepaper.stages.job import Run

PAGE, POSES = "player.html", "poses.h5"


@dataclass(frozen=True)
class Wanted:
    """What a user asks for; an empty name leaves the choice to the study.

    ``out`` is by default ``results/{study}/demo/{video}``. ``kind`` is the annotated video's
    suffix. ``force`` overwrites earlier outputs.
    """

    video: Path
    out: Path | None = None
    study: str = ""
    pose2d: str = ""
    lifting: str = ""
    seed: int = 0
    detector: str = ""
    kind: str = ".mp4"
    force: bool = False


def demo(wanted: Wanted, threads: int) -> dict:
    """Writes annotated video, player and poses of a video into a folder, all or none.

    Returns:
        {"video", "player", "poses": paths, "frames", "present": frames with the person,
        "detector", "pose2d", "lifting"}.

    Raises:
        InputError: the video cannot be read or shows nobody, an output is there already, or the
            study has no such experiment or has not trained it.
    """
    builder = builder_of(wanted.study)
    outputs = _outputs(wanted, wanted.out or Path(builder.base, "demo", wanted.video.stem))
    run = planned(builder, wanted, threads)
    facts = describe_video(wanted.video)
    footage = pipeline.Footage(
        facts.width, facts.height, facts.fps, lambda: read_video(wanted.video)[0]
    )
    with pipeline.opened(run) as pipe:
        with Progress("1/3 person", facts.frames, "frame") as bar:
            track, frames = pipe.track(footage, bar.update)
        if track is None:
            what = f"shows no person that {run.settings['detector']} finds in {frames} frames"
            raise InputError(wanted.video, what, "Film one upright person, large in the picture")
        with Progress("2/3 pose", frames, "frame") as bar:
            found = pipe.poses(footage, track, bar.update)
    by = pipeline.identity(run.settings)
    with contextlib.ExitStack() as stack:
        parts = {n: stack.enter_context(files.atomic(path)) for n, path in outputs.items()}
        with Progress("3/3 annotated video", frames, "frame") as bar:
            annotate(parts["video"], footage, found, bar.update)
        name = wanted.video.stem
        write_video_poses(parts["poses"], {name.replace("/", "_"): found}, identity=by)
        _page(parts["player"], wanted, run, found)
    present = int(found.present.sum())
    told = {"detector": by["boxes"], "pose2d": by["pose2d"], "lifting": by["lifting"]}
    paths = {n: str(path) for n, path in outputs.items()}
    return {**paths, "frames": frames, "present": present, **told}


def annotate(path: Path, footage: pipeline.Footage, found: VideoPoses, count) -> None:
    """Writes the video with what was found in every frame."""
    lengths = np.linalg.norm(found.poses[found.present], axis=-1)
    drawing = Annotator(found.width, found.height, float(lengths.max()))
    names = ("boxes", "detected", "keypoints", "scores", "poses")
    with video_writer(path, drawing.size, found.fps) as write:
        for frame, image in enumerate(footage.frames()):
            there = {name: getattr(found, name)[frame] for name in names}
            write(drawing.draw(image, there if found.present[frame] else None))
            count()


def builder_of(study: str) -> jobs.Builder:
    """The jobs of a study, '' for config.yaml's.

    Raises:
        InputError: there is no such study, or a setting is wrong.
    """
    config = read_yaml("config.yaml")
    given = parse(Config, config | ({"study": study} if study else {}), "config.yaml")
    roots = [given.data] if isinstance(given.data, str) else list(given.data)
    return jobs.Builder(load_study(given.study), roots)


def planned(builder: jobs.Builder, wanted: Wanted, threads: int) -> Run:
    """The run of the pipeline that the study's checkpoints allow.

    Raises:
        InputError: the study has no such experiment or detector, or has not trained it.
    """
    inputs, settings = {}, {}
    for kind in ("pose2d", "lifting"):
        experiment = _experiment(builder, kind, getattr(wanted, kind), wanted.seed)
        path = builder.artefact("checkpoints", experiment.name, wanted.seed, ".safetensors")
        if not Path(path).exists():
            raise InputError(path, "is not trained yet", _way_to(builder, experiment.name, path))
        inputs[kind] = path
        settings[kind] = {**network_settings(experiment), "threads": threads}
    settings["detector"], raw = builder.detector(wanted.detector)
    return Run("demo", inputs, raw, {}, settings, Path())


def _experiment(builder: jobs.Builder, kind: str, name: str, seed: int) -> Experiment:
    known = builder.study.experiments
    fitting = [n for n, e in known.items() if e.kind == kind and e.data in ("pose2d", "pose3d")]
    if name and name not in fitting:
        what = f"is no {kind} experiment of study '{builder.study.name}' on people in its joints"
        raise InputError(name, what, f"Nearest: '{nearest(name, fitting)}'")
    if name:
        return known[name]
    choice = [n for n in jobs.SYSTEM[kind] if n in known]
    made = [n for n in choice if _trained(builder, n, seed)]
    planned = [n for n in choice if not builder.states[n]]
    return known[next(iter([*made, *planned, *choice, *fitting]))]


def _way_to(builder: jobs.Builder, name: str, path: str) -> str:
    study = builder.study.name
    if state := builder.states[name]:
        return f"The study says {state}; see posepaper doctor --study {study}, or choose another"
    return f"Type: snakemake {path} --cores 2 --config study={study}"


def _trained(builder: jobs.Builder, name: str, seed: int) -> bool:
    return Path(builder.artefact("checkpoints", name, seed, ".safetensors")).exists()


def _outputs(wanted: Wanted, folder: Path) -> dict[str, Path]:
    if wanted.kind not in CODECS:
        what = f"'{wanted.kind}' is no video OpenCV writes"
        raise InputError("--kind", what, f"Use {', '.join(CODECS)}")
    names = {"video": f"annotated{wanted.kind}", "player": PAGE, "poses": POSES}
    outputs = {kind: folder / name for kind, name in names.items()}
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, "is no folder", "Name another with --out")
    there = [path for path in outputs.values() if path.exists()]
    if there and not wanted.force:
        raise InputError(there[0], "is there already", "Add --force, or name another --out")
    return outputs


def _page(path: Path, wanted: Wanted, run: Run, found: VideoPoses) -> None:
    by, count = pipeline.identity(run.settings), len(found)
    facts = [
        ("Video", f"{wanted.video.name}, {count} frames, {found.width} x {found.height}"),
        ("Person found in", f"{int(found.present.sum())} frames"),
        ("Box", f"{by['boxes']}, in {int(found.detected.sum())} frames; interpolated in between"),
        ("2D", f"{by['pose2d']}, {run.inputs['pose2d']}"),
        ("3D", f"{by['lifting']}, {run.inputs['lifting']}"),
    ]
    note = "Predicted from one camera; there is no ground truth, so nobody knows the error."
    data = player_data(
        wanted.video.name, found.poses, None, skeleton=H36M, fps=found.fps, note=note
    )
    write_page(path, [data], title=f"3D pose: {wanted.video.name}", facts=facts)
