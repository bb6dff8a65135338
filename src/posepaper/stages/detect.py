"""Applies a trained 2D network to the 3D dataset's frames: rule ``detect_keypoints``."""

import time

import numpy as np

from posepaper.data.crops import transform_points
from posepaper.data.frames import frame_keys, read_frames
from posepaper.data.layout import write_keypoints
from posepaper.progress import Progress
from posepaper.skeleton import COCO_TO_H36M, H36M, coco_to_h36m
from posepaper.stages import job, networks


def keypoints(run: job.Run) -> None:
    """A 2D keypoint file like an imported one, in Human3.6M's joints and frame pixels."""
    settings, found = run.settings, {}
    keys = frame_keys(run.inputs["frames"])
    with (
        networks.trained(run, run.inputs["checkpoint"]) as model,
        Progress(f"detect {settings['experiment']}", len(keys), "sequence") as bar,
    ):
        start = time.monotonic()
        for key in keys:
            crops, to_frame = read_frames(run.inputs["frames"], key)
            in_crop, _ = networks.keypoints_in_crops(
                model, crops, flip=settings["flip"], decoder=settings["decoder"]
            )
            in_frame = transform_points(in_crop, to_frame)
            found[key] = coco_to_h36m(in_frame).astype(np.float32)
            bar.update()
    seconds = time.monotonic() - start
    run.measured["images_per_second"] = sum(len(f) for f in found.values()) / seconds
    run.measured.update(networks.peak_memory())
    write_keypoints(
        run.outputs["keypoints"],
        found,
        identity=f"detected by {settings['experiment']}",
        joints=H36M.joints,
        mapping=COCO_TO_H36M,
    )


if __name__ == "__main__":
    job.main({"detect_keypoints": keypoints})
