"""The people and frames that figures show, each chosen by a written rule."""

import numpy as np

from posepaper.data import crops
from posepaper.data.frames import frame_keys, read_frames
from posepaper.data.layout import read_keypoints, read_poses, read_predictions
from posepaper.data.people import PeopleSet, read_people
from posepaper.errors import InputError
from posepaper.evaluation.metrics import joint_errors
from posepaper.skeleton import COCO, H36M
from posepaper.stages import job, lifting_data

MM = 1000.0


def heatmaps(run: job.Run) -> list[dict]:
    """What a 2D network makes of the first annotated person of the smallest image id.

    Raises:
        InputError: nobody is annotated in the validation split.
    """
    # Figures of numbers start without torch.
    import torch

    from posepaper.evaluation.heatmaps import decode, flip_back
    from posepaper.stages import networks
    from posepaper.training.heatmaps import gaussian_targets
    from posepaper.training.pose2d import predict_heatmaps

    people, settings = read_people(run.inputs["data"], "val"), run.settings
    person, (height, width) = first_person(people), settings["image"]
    centre, scale = crops.box_to_centre_scale(people.boxes[[person]], aspect=width / height)
    to_crop = crops.affine(centre, scale, np.zeros(1), (width, height))
    image = crops.crop(people.image(people.image_index[person]), to_crop[0], (width, height))
    with networks.trained(run, run.inputs["checkpoint"]) as model:
        ((maps, mirrored),) = predict_heatmaps(model, image[None], flip=settings["flip"])
    if mirrored is not None:
        maps = (maps + flip_back(mirrored, COCO.flip, shift=True)) / 2
    labelled = people.keypoints[person].copy()
    labelled[:, :2] = crops.transform_points(labelled[None, :, :2], to_crop)[0]
    given = torch.from_numpy(labelled[None].astype(np.float32))
    truth, _ = gaussian_targets(given[..., :2], given[..., 2], maps.shape[-2:])
    shown = people.image_ids[people.image_index[person]]
    return [
        {
            "image": image,
            "truth": truth[0].numpy(),
            "predicted": maps[0],
            "joint": COCO.joints.index(settings["figure"]["joint"]),
            "keypoints": decode(maps, settings["decoder"])[0][0] * networks.STRIDE,
            "labelled": labelled,
            "told": f"image {shown}, person {people.annotation_ids[person]}",
        }
    ]


def first_person(people: PeopleSet) -> int:
    """The usable person of the smallest annotation id in the smallest image id.

    Raises:
        InputError: there is none.
    """
    usable = np.flatnonzero(people.usable)
    if not len(usable):
        raise InputError(people.file, "has nobody annotated in split 'val'", "Add annotations")
    images = people.image_ids[people.image_index[usable]]
    return int(usable[np.lexsort((people.annotation_ids[usable], images))[0]])


def detectors(run: job.Run) -> list[dict]:
    """Two frames of which two detectors' lifted errors differ: most, and as the median frame's.

    Raises:
        InputError: the files share no test sequence.
    """
    truth = _truth(run.inputs["data"])
    predictions = [read_predictions(path)[0] for path in run.inputs["predictions"]]
    keypoints = [read_keypoints(path) for path in run.inputs["keypoints"]]
    exact = read_keypoints(run.inputs["exact"])
    pictured = frame_keys(run.inputs["frames"])
    keys = [
        k for k in pictured if all(k in files for files in (truth, exact, *predictions, *keypoints))
    ]
    if not keys:
        what = "shares no test sequence with the predictions"
        raise InputError(run.inputs["frames"], what, "Prepare it again")
    errors = [_errors({k: found[k] for k in keys}, truth) for found in predictions]
    apart = {k: np.abs(errors[0][k] - errors[1][k]) for k in keys}
    chosen = {
        "errors differ most": at_percentile(apart, 100),
        "median difference": at_percentile(apart, 50),
    }
    shown = []
    for rule, (key, frame) in chosen.items():
        images, to_frame = read_frames(run.inputs["frames"], key)
        to_crop = crops.invert(to_frame[[frame]])
        points = [found[key][[frame]] for found in (*keypoints, exact)]
        *found, labelled = (crops.transform_points(p, to_crop)[0] for p in points)
        shown.append(
            {
                "image": images[frame],
                "told": f"{rule}\n{key}, frame {frame}",
                "names": run.settings["figure"]["names"],
                "keypoints": found,
                "labelled": labelled,
                "poses": [p[key][frame] for p in predictions],
                "truth": truth[key][frame],
                "errors": [float(e[key][frame]) for e in errors],
            }
        )
    return shown


def failures(run: job.Run) -> list[dict]:
    """Test frames at the figure's percentiles of the error."""
    truth, found = _truth(run.inputs["data"]), read_predictions(run.inputs["predictions"][0])[0]
    errors = _errors(found, truth)
    frames = run.inputs.get("frames")
    pictured = frame_keys(frames) if frames else []
    shown = []
    for percentile in run.settings["figure"]["percentiles"]:
        key, frame = at_percentile(errors, percentile)
        name = "worst frame" if percentile == 100 else f"percentile {percentile:g}"
        take, _, camera = key.rpartition("/")
        shown.append(
            {
                "told": f"{name}\n{take}\n{camera}, frame {frame}",
                "pose": found[key][frame],
                "truth": truth[key][frame],
                "error": float(errors[key][frame]),
                "image": read_frames(frames, key)[0][frame] if key in pictured else None,
            }
        )
    return shown


def at_percentile(values: dict[str, np.ndarray], percentile: float) -> tuple[str, int]:
    """The key and index of the value at a percentile, by the nearest rank (100: the largest).

    Among equals the first by key, then by index.
    """
    keys = sorted(values)
    every = np.concatenate([values[key] for key in keys])
    rank = max(1, int(np.ceil(percentile / 100 * len(every))))
    place = int(np.argsort(every, kind="stable")[rank - 1])
    for key in keys:
        if place < len(values[key]):
            return key, place
        place -= len(values[key])
    raise AssertionError("a rank beyond the last value")


def _truth(path: str) -> dict[str, np.ndarray]:
    """Root-relative poses (T, 17, 3) of the test sequences, metres.

    Raises:
        InputError: the joints are not Human3.6M's, whose bones figures draw.
    """
    skeleton = lifting_data.skeleton_of(path)
    if skeleton.name != H36M.name:
        todo = "Name an experiment of pose3d in figures.yaml"
        raise InputError(path, f"has the joints {skeleton.name}, figures draw {H36M.name}", todo)
    root = skeleton.root
    sequences = read_poses(path, "test")
    return {s.key: s.positions - s.positions[:, root : root + 1] for s in sequences}


def _errors(found: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """MPJPE of every frame, mm."""
    return {key: MM * joint_errors(poses, truth[key]).mean(axis=-1) for key, poses in found.items()}
