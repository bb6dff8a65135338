"""Applies trained networks to frames: rules ``detect_keypoints`` and ``detect_video``.

The first runs a 2D network over the 3D dataset's crops, the second all of the way from a person
detector to 3D poses over the unlabelled videos.
"""

import time

import numpy as np

from posepaper.data.crops import transform_points
from posepaper.data.frames import StoredVideo, frame_keys, read_frames, read_videos
from posepaper.data.layout import write_keypoints
from posepaper.data.video_poses import VideoPoses, write_video_poses
from posepaper.progress import Progress
from posepaper.skeleton import COCO_TO_H36M, H36M, coco_to_h36m
from posepaper.stages import job, networks, pipeline


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


def video(run: job.Run) -> None:
    """Person box, 2D keypoints and 3D pose of every frame of the unlabelled videos."""
    videos = read_videos(run.inputs["data"])
    total = 2 * sum(map(len, videos))
    with pipeline.opened(run) as pipe, Progress("detect video", total, "frame") as bar:
        found = {video.name: _follow(pipe, video, bar.update) for video in videos}
    write_video_poses(run.outputs["poses"], found, identity=pipeline.identity(run.settings))


def _follow(pipe: pipeline.Pipeline, video: StoredVideo, count) -> VideoPoses | None:
    footage = pipeline.Footage(video.width, video.height, video.fps, video.frames)
    track, _ = pipe.track(footage, count)
    return None if track is None else pipe.poses(footage, track, count)


if __name__ == "__main__":
    job.main({"detect_keypoints": keypoints, "detect_video": video})
