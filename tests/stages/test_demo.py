"""``posepaper demo`` over a small film, with networks as their seeds make them."""

import json
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posepaper import models
from posepaper.data.tracking import Track
from posepaper.data.video import describe_video, read_video, video_writer
from posepaper.data.video_poses import read_video_poses
from posepaper.errors import InputError
from posepaper.experiments import load_study, network_settings
from posepaper.geometry import normalise_screen
from posepaper.skeleton import H36M
from posepaper.stages import demo, pipeline
from posepaper.stages.demo import Wanted
from posepaper.training.checkpoint import write_checkpoint
from posepaper.training.prediction import predict_lifting
from posepaper.world.footage import write_factory

ROOT = Path(__file__).parents[2]
NAMES = {"pose2d": "pose2d/hrnet-w32-am4", "lifting": "lift/ours-f81-cpn"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkout in which the smoke study's two networks have weights, and a film."""
    root = tmp_path_factory.mktemp("demo")
    for name in ("config.yaml", "workflow", "report"):
        (root / name).symlink_to(ROOT / name)
    study = load_study("smoke", ROOT)
    for seed, name in enumerate(NAMES.values()):
        settings = network_settings(study.experiments[name])
        torch.manual_seed(seed)
        options = dict(settings["model"])
        model = models.create(options.pop("name"), **options)
        path = root / "results/smoke/checkpoints" / name / "seed0.safetensors"
        path.parent.mkdir(parents=True)
        write_checkpoint(path, model, {"experiment": name})
    write_factory(root / "film.avi", seed=20170)
    return root


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def made(folder):
    """What the command line made of the film, and what it said."""
    words = ("demo", "film.avi", "--study", "smoke", "--out", "out", "--kind", "avi", "--json")
    return posepaper(folder, *words)


def posepaper(folder, *words):
    return subprocess.run(
        [sys.executable, "-c", "from posepaper.cli import main; main()", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_film_becomes_a_video_a_player_and_poses(folder, made):
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert {told["detector"], told["pose2d"], told["lifting"]} == {"hog", *NAMES.values()}
    assert told["frames"] == told["present"] == 60
    assert sorted(p.name for p in (folder / "out").iterdir()) == [
        "annotated.avi",
        "player.html",
        "poses.h5",
    ]
    video = describe_video(folder / told["video"])
    assert (video.frames, video.fps, video.height) == (60, 25.0, 240) and video.width > 320
    before, after = (next(read_video(folder / p)[0]) for p in ("film.avi", told["video"]))
    assert 2 < np.abs(after[:, :320].astype(int) - before).mean() < 30
    page = (folder / told["player"]).read_text(encoding="utf-8")
    data = json.loads(page.split('data-part="data">')[1].split("</script>")[0])
    assert data["frames"] == 60 and data["fps"] == 25.0 and "error" not in data
    for step in ("1/3 person", "2/3 pose", "3/3 annotated video"):
        assert f"{step} 60/60 frames 100% 00:00 left" in made.stderr


def test_the_poses_are_the_networks_own(folder, made, here):
    found, by = read_video_poses("out/poses.h5")
    poses = found["film"]
    assert by == {"boxes": "hog", **NAMES}
    assert np.isfinite(poses.keypoints).all() and not poses.poses[:, H36M.root].any()
    run = demo.planned(demo.builder_of("smoke"), Wanted(Path("film.avi")), 1)
    with pipeline.opened(run) as pipe:
        model = pipe.lifting["network"]
        screen = normalise_screen(poses.points, 320, 240)
        (whole,) = predict_lifting(model, [screen], skeleton=H36M, flip=pipe.lifting["flip"])
    np.testing.assert_allclose(poses.poses, whole - whole[:, :1], atol=1e-5)


def test_long_sequences_are_lifted_in_pieces_without_seams(here, monkeypatch):
    run = demo.planned(demo.builder_of("smoke"), Wanted(Path("film.avi")), 1)
    points = np.random.default_rng(0).uniform(0, 240, (50, 17, 2)).astype(np.float32)
    present = np.ones(50, bool)
    present[20:23] = False
    footage = pipeline.Footage(320, 240, 25.0, lambda: iter(()))
    with pipeline.opened(run) as pipe:
        whole = pipe.lift(points, present, footage)
        monkeypatch.setattr(pipeline, "PIECE", 7)
        pieces = pipe.lift(points, present, footage)
    np.testing.assert_allclose(pieces, whole, atol=1e-4)
    np.testing.assert_array_equal(np.isnan(whole).any(axis=(1, 2)), ~present)


def test_frames_are_let_go(here):
    """No more than the frame at hand and the one before is ever alive."""
    run, alive, most = demo.planned(demo.builder_of("smoke"), Wanted(Path("film.avi")), 1), [], 0

    def frames():
        nonlocal most
        for _ in range(70):
            image = np.zeros((240, 320, 3), np.uint8)
            alive.append(weakref.ref(image))
            yield image
            del image
            most = max(most, sum(ref() is not None for ref in alive))

    footage = pipeline.Footage(320, 240, 25.0 * pipeline.LOOKS, frames)
    boxes = np.tile(np.float32([100, 40, 80, 160]), (70, 1))
    track = Track(boxes, np.ones(70, bool), np.ones(70, bool))
    with pipeline.opened(run) as pipe:
        assert pipe.track(footage) == (None, 70)
        assert pipe.keypoints(footage, track)[0].shape == (70, 17, 2)
    assert len(alive) == 140 and most <= 2


def still(path, frames=8, fps=25.0):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (320, 240))
    for _ in range(frames):
        video.write(np.full((240, 320, 3), 127, np.uint8))
    video.release()


BAD = [
    (lambda p: None, {}, r"v\.avi: is not there"),
    (lambda p: p.write_bytes(b""), {}, r"v\.avi: is empty"),
    (lambda p: p.write_bytes(b"no video " * 99), {}, r"v\.avi: is no video OpenCV can read"),
    (still, {}, r"v\.avi: shows no person that hog finds in 8 frames"),
    (still, {"detector": "yolo"}, r"--detector: there is no 'yolo'\. Nearest valid: 'yolov3'"),
    (still, {"detector": "yolov3"}, r"weights/yolov3\.cfg: is in no data root, yolov3 needs it"),
    (still, {"kind": ".gif"}, r"--kind: '\.gif' is no video OpenCV writes"),
    (still, {"lifting": "lift/ours-f9-3dhp"}, r"lift/ours-f9-3dhp: is no lifting experiment"),
    (still, {"pose2d": NAMES["lifting"]}, r"is no pose2d experiment .* Nearest: 'pose2d/"),
    (
        still,
        {"lifting": "lift/ours-f81-gt"},
        r"ours-f81-gt/seed0\.safetensors: is not trained yet\. Type: snakemake \S+ --cores 2",
    ),
    (
        still,
        {"pose2d": "pose2d/hrnet-w48"},
        r"hrnet-w48/seed0\.safetensors: is not trained yet\. The study says not-run; see posepaper",
    ),
    (still, {"study": "smoky"}, r"smoky\.yaml: is not there\. Nearest valid: 'smoke'"),
]


@pytest.mark.parametrize(("make", "wanted", "fault"), BAD, ids=[b[-1][:24] for b in BAD])
def test_a_user_s_mistake_is_one_line_and_leaves_nothing(here, tmp_path, make, wanted, fault):
    video, out = tmp_path / "v.avi", tmp_path / "out"
    make(video)
    with pytest.raises(InputError, match=fault) as caught:
        demo.demo(Wanted(video, out, **{"study": "smoke"} | wanted), 1)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_earlier_outputs_stay_unless_forced(here, made, tmp_path):
    earlier, other = tmp_path / "annotated.mp4", tmp_path / "mine.txt"
    for path in (earlier, other):
        path.write_text("mine", encoding="utf-8")
    wanted = Wanted(Path("film.avi"), tmp_path, "smoke")
    with pytest.raises(InputError, match=r"annotated\.mp4: is there already. Add --force"):
        demo.demo(wanted, 1)
    assert earlier.read_text(encoding="utf-8") == other.read_text(encoding="utf-8") == "mine"
    demo.demo(replace(wanted, force=True), 1)
    assert describe_video(earlier).frames == 60
    assert other.read_text(encoding="utf-8") == "mine"
    again, first = (read_video_poses(p)[0]["film"] for p in (tmp_path / "poses.h5", "out/poses.h5"))
    np.testing.assert_allclose(again.poses, first.poses, atol=1e-3)


def test_the_command_line_says_a_mistake_in_one_line(folder, tmp_path):
    cut = tmp_path / "cut.mp4"
    with video_writer(cut, (64, 48), 12.0) as write:
        for _ in range(9):
            write(np.zeros((48, 64, 3), np.uint8))
    cut.write_bytes(cut.read_bytes()[:300])
    done = posepaper(folder, "demo", str(cut), "--study", "smoke")
    assert done.returncode == 2 and done.stdout == ""
    what = "is no video OpenCV can read. Convert it to MP4 or MJPG AVI"
    assert done.stderr == f"posepaper: {cut}: {what}\n"
