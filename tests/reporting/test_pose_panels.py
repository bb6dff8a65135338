"""Pictures with poses show what they were given, with its error."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from posepaper.reporting import figure_specs, figures, pose_panels, video_figure
from posepaper.skeleton import COCO, H36M


def pose(shift=0.0):
    rng = np.random.default_rng(3)
    return rng.normal(size=(17, 3)) / 3 + shift


def crop(height=64, width=48):
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return noise // 2 + 60


def points(height=64):
    return np.random.default_rng(2).uniform(4, 0.7 * height, (17, 2))


def detectors(**more):
    one = {
        "image": crop(), "told": "median\nS9/Eating, frame 3", "names": ["plain", "attention"],
        "keypoints": [points(), points() + 2], "labelled": points() + 1, "truth": pose(),
        "poses": [pose(0.01), pose(0.02)], "errors": [17.3, 34.6],
    }  # fmt: skip
    return [one | more]


def heatmaps():
    wrist, maps = COCO.joints.index("left_wrist"), np.zeros((17, 16, 12), np.float32)
    maps[wrist, 5, 6] = 0.75
    labelled = np.concatenate([points(), np.full((17, 1), 2.0)], axis=1)
    return [
        {"image": crop(), "truth": maps, "predicted": maps / 3, "joint": wrist,
         "keypoints": points(), "labelled": labelled, "told": "image 1, person 10"}
    ]  # fmt: skip


def failures(image=None):
    told = ("percentile 99\nS9/Eating\n1, frame 3", "worst frame\nS9/Eating\n2, frame 4")
    return [
        {"told": one, "pose": pose(0.1), "truth": pose(), "error": 173.2, "image": image}
        for one in told
    ]


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_both_detectors_stand_over_the_truth_with_their_errors():
    drawn = pose_panels.draw_detectors(detectors())
    assert {"2D, plain", "3D, attention", "17.3 mm", "34.6 mm"} <= set(words(drawn))
    first, *_ = drawn.axes
    # Each bone of the truth and of the prediction, on white.
    assert len(first.lines) == 2 * 2 * len(H36M.bones)
    sizes = [text.get_fontsize() for text in drawn.findobj(Text) if text.get_text()]
    assert len(sizes) > 6 and min(sizes) >= 6


def test_heatmaps_show_all_joints_and_one():
    drawn = pose_panels.draw_heatmaps(heatmaps())
    shown = words(drawn)
    assert {"target, all", "output, left wrist", "highest 0.75", "highest 0.25"} <= set(shown)
    assert len(drawn.axes) == 6


def test_failures_have_pictures_where_there_are_any():
    assert len(pose_panels.draw_failures(failures()).axes) == 2
    drawn = pose_panels.draw_failures(failures(crop()))
    assert len(drawn.axes) == 4 and words(drawn).count("173.2 mm") == 2


def test_a_video_shows_its_person_or_that_there_is_none():
    by = {"boxes": "hog", "pose2d": "pose2d/a", "lifting": "lift/a"}
    shot = {"video": "factory", "frame": 12, "image": crop(120, 160), "identity": "toy", "by": by}
    found = {
        "boxes": np.array([20.0, 10, 40, 90]), "detected": True, "keypoints": points(),
        "poses": pose(),
    }  # fmt: skip
    drawn = video_figure.draw([shot | {"found": found}, shot | {"found": None}])
    assert words(drawn).count("no person found") == 3
    assert [axes.name for axes in drawn.axes].count("3d") == 1
    (solid,) = (axes for axes in drawn.axes if axes.name == "3d")
    assert len(solid.lines) == len(H36M.bones)


def made(tmp_path, kind, shown, **more):
    one = {"id": kind, "kind": kind, "caption": "c", **more}
    spec = figure_specs.Figures(paper="lifting", figures=[one])
    return figures.make_figures(spec, [], {}, {"figure": "not-run"}, tmp_path, shown=shown)[0]


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for kind, shown, more in (
        ("panels", heatmaps(), {"experiment": "pose2d/a", "joint": "left_wrist"}),
        ("detectors", detectors(), {"experiments": ["lift/a", "lift/b"], "names": ["a", "b"]}),
        ("failures", failures(crop()), {"experiment": "lift/a", "percentiles": [99, 100]}),
    ):
        one, two = (made(tmp_path / name, kind, shown, **more)["files"] for name in "ab")
        for suffix in ("pdf", "png", "svg"):
            assert Path(one[suffix]).read_bytes() == Path(two[suffix]).read_bytes()


def test_nothing_to_show_says_why(tmp_path):
    more = {"experiment": "lift/a", "percentiles": [99]}
    assert made(tmp_path, "failures", (), **more)["status"] == "not-run"


def test_photos_in_the_page_are_small_and_small_maps_stay_exact(tmp_path):
    large = made(
        *(tmp_path, "detectors", detectors(image=crop(240, 180))),
        **{"experiments": ["lift/a", "lift/b"], "names": ["a", "b"]},
    )["files"]["svg"]
    text = Path(large).read_text(encoding="utf-8")
    photos = re.findall(r"data:image/jpeg;base64,([^\"]+)", text)
    assert len(photos) == 2 and "image/png" not in text
    assert all(base64.b64decode(photo)[:2] == b"\xff\xd8" for photo in photos)
    more = {"experiment": "pose2d/a", "joint": "left_wrist"}
    small = made(tmp_path, "panels", heatmaps(), **more)["files"]["svg"]
    assert "image/jpeg" not in Path(small).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("figure", "fault"),
    [
        ({"kind": "panels", "experiment": "a", "joint": "left_wrst"}, "joint"),
        ({"kind": "failures", "experiment": "a", "percentiles": [101]}, "percentiles"),
        ({"kind": "detectors", "experiments": ["a"], "names": ["a", "b"]}, "experiments"),
        ({"kind": "architecture", "panels": [{"title": "t"}]}, "network or a system"),
        (
            {"kind": "architecture", "panels": [{"title": "t", "network": "a", "flow": "up"}]},
            "flow",
        ),
    ],
)
def test_a_wrong_figure_is_refused(figure, fault):
    with pytest.raises(ValueError, match=fault):
        figure_specs.Figures(paper="gsam", figures=[{"id": "a", "caption": "c", **figure}])
