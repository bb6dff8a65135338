"""What figures show is chosen by rule, and drawn from a study's networks as it builds them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml

from posepaper.data.frames import write_frames
from posepaper.data.layout import PoseSequence, write_keypoints, write_poses, write_predictions
from posepaper.data.people import PeopleSet
from posepaper.errors import InputError
from posepaper.reporting import diagram, diagram_layout
from posepaper.skeleton import H36M, MPI3DHP
from posepaper.stages import diagrams, samples
from posepaper.stages.job import Run
from posepaper.stages.plan import Plan

ROOT = Path(__file__).parents[2]
KEYS = ("S9/Eating/0", "S9/Walking/0")
FRAMES = 5


def run(inputs=None, **settings):
    return Run("t", inputs or {}, {}, {}, settings, Path())


# -- people and frames -------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path):
    """Test sequences, and two detectors' keypoints and predictions.

    The first is off by a frame's number in centimetres, the second is exact but for one frame.
    """
    rng, sequences = np.random.default_rng(0), []
    for key in KEYS:
        positions = rng.normal(0, 0.3, (FRAMES, 17, 3)).astype(np.float32)
        sequences.append(PoseSequence(*key.split("/"), "test", positions, 1000, 1000, 50.0))
    paths = {name: str(tmp_path / f"{name}.h5") for name in ("data", "exact", "frames", "a", "b")}
    write_poses(paths["data"], sequences, identity="toy", joints=H36M.joints, root=H36M.root)
    points = {key: np.full((FRAMES, 17, 2), 100.0) for key in KEYS}
    identity = {"identity": "toy", "joints": H36M.joints}
    write_keypoints(paths["exact"], points, **identity)
    by = {"experiment": "lift/toy", "seed": 0, "protocol": {"root": "predicted"}}
    far = np.arange(FRAMES, dtype=np.float32)[:, None, None] / 100
    for name, shifts in (("a", (far, far + 0.1)), ("b", (far * 0, far * 0))):
        found = {
            s.key: s.positions - s.positions[:, :1] + shift * np.float32([1, 0, 0])
            for s, shift in zip(sequences, shifts, strict=True)
        }
        write_predictions(paths[name], found, identity=by)
        write_keypoints(str(tmp_path / f"2d-{name}.h5"), points, **identity)
    images = np.zeros((FRAMES, 64, 48, 3), np.uint8)
    images += np.arange(FRAMES, dtype=np.uint8)[:, None, None, None] * 40
    # A crop pixel is two of the frame, and the crop starts at (50, 60).
    to_frame = np.tile(np.array([[2.0, 0, 50], [0, 2.0, 60]]), (FRAMES, 1, 1))
    write_frames(paths["frames"], [(key, images, to_frame) for key in KEYS], identity="toy")
    return tmp_path, paths


def test_failures_are_frames_at_percentiles_of_the_error(study):
    _, paths = study
    inputs = {"data": paths["data"], "predictions": [paths["a"]]}
    shown = samples.failures(run(inputs, figure={"percentiles": [10, 50, 100]}))
    # The errors are 0 to 4 cm and 10 to 14 cm; by the nearest rank of ten.
    assert [one["error"] for one in shown] == pytest.approx([0, 40, 140], abs=0.01)
    assert [one["told"].splitlines()[0] for one in shown] == [
        "percentile 10", "percentile 50", "worst frame",
    ]  # fmt: skip
    assert shown[2]["told"].endswith("S9/Walking\n0, frame 4") and shown[2]["image"] is None
    far = np.linalg.norm(shown[2]["pose"] - shown[2]["truth"], axis=-1).mean()
    assert 1000 * far == pytest.approx(140, abs=0.01)
    pictured = samples.failures(
        run(inputs | {"frames": paths["frames"]}, figure={"percentiles": [100]})
    )
    assert pictured[0]["image"].mean() == pytest.approx(160, abs=2)


def test_detectors_are_compared_where_they_differ_most_and_at_the_median(study):
    folder, paths = study
    inputs = {
        "data": paths["data"], "exact": paths["exact"], "frames": paths["frames"],
        "predictions": [paths["a"], paths["b"]],
        "keypoints": [str(folder / "2d-a.h5"), str(folder / "2d-b.h5")],
    }  # fmt: skip
    most, middle = samples.detectors(run(inputs, figure={"names": ["plain", "attention"]}))
    assert most["told"] == "errors differ most\nS9/Walking/0, frame 4"
    assert most["errors"] == pytest.approx([140, 0], abs=0.01)
    assert middle["errors"] == pytest.approx([40, 0], abs=0.01)
    # Frame pixels as the crop shows them.
    assert most["labelled"] == pytest.approx(np.tile([25, 20], (17, 1)))
    assert most["names"] == ["plain", "attention"] and most["image"].shape == (64, 48, 3)


def test_files_that_share_nothing_are_named(study):
    folder, paths = study
    write_frames(str(folder / "other.h5"), [], identity="toy")
    inputs = {"data": paths["data"], "exact": paths["exact"], "frames": str(folder / "other.h5")}
    inputs |= {"predictions": [paths["a"]] * 2, "keypoints": [paths["exact"]] * 2}
    with pytest.raises(InputError, match=r"other\.h5: shares no test sequence"):
        samples.detectors(run(inputs, figure={"names": ["a", "b"]}))


def test_other_joints_than_the_drawn_are_refused(study):
    folder, _ = study
    sequence = PoseSequence("S9", "Eating", "0", "test", np.zeros((2, 17, 3)), 9, 9, 50.0)
    path = str(folder / "mpi3dhp.h5")
    write_poses(path, [sequence], identity="toy", joints=MPI3DHP.joints, root=MPI3DHP.root)
    with pytest.raises(InputError, match=r"mpi3dhp\.h5: has the joints .*, figures draw "):
        samples.failures(run({"data": path, "predictions": []}, figure={"percentiles": [99]}))


def test_percentiles_by_the_nearest_rank():
    values = {"b": np.array([5.0, 1.0]), "a": np.array([3.0, 5.0])}
    assert samples.at_percentile(values, 100) == ("b", 0)
    assert samples.at_percentile(values, 75) == ("a", 1)
    assert samples.at_percentile(values, 50) == ("a", 0)
    assert samples.at_percentile(values, 0) == ("b", 1)


def test_the_person_is_the_first_usable_of_the_smallest_image_id():
    def people(crowds):
        keypoints = np.full((4, 17, 3), 2.0, np.float32)
        keypoints[0, :, 2] = 0
        return PeopleSet(
            file="pose2d.h5", image_ids=np.array([9, 4]), sizes=np.full((2, 2), 64), encoded=[],
            annotation_ids=np.array([1, 3, 8, 7]), image_index=np.array([1, 0, 1, 1]),
            boxes=np.ones((4, 4)), keypoints=keypoints, areas=np.ones(4), crowds=np.array(crowds),
        )  # fmt: skip

    assert samples.first_person(people([False] * 4)) == 3
    assert samples.first_person(people([False, False, False, True])) == 2
    with pytest.raises(InputError, match=r"pose2d\.h5: has nobody annotated"):
        samples.first_person(people([True] * 4))


# -- jobs --------------------------------------------------------------------------------------


def figures_of(study) -> dict[str, object]:
    """Figure jobs by "paper/figure", and the report's."""
    plan = Plan({"study": study, "data": []})
    found = {"/".join(j.wildcards.values()): j for j in plan.jobs if j.rule == "make_figure"}
    (found["report"],) = (j for j in plan.jobs if j.rule == "make_report")
    return found


def test_diagrams_need_no_data_and_the_others_say_what_they_lack(project):
    made = figures_of("paper")
    drawn = {"gsam/figure-1", "gsam/figure-2", "gsam/figure-4"}
    drawn |= {"lifting/figure-1", "lifting/figure-2", "lifting/figure-3"}
    assert {name for name in made if name.split("-")[-1].isdigit()} == drawn
    assert made["gsam/figure-1"].input_paths() == []
    lacking = made["report"].settings["absent"]
    states = {"/".join(Path(t).with_suffix("").parts[-2:]): why for t, why in lacking.items()}
    assert states["gsam/figure-3"] == "missing-data:COCO 2017"
    assert states["lifting/figure-4"] == states["gsam/figure-failures"] == "missing-data:Human3.6M"
    made = figures_of("smoke")
    assert "lifting/figure-4" not in made and "gsam/figure-3" in made
    assert len(made["gsam/figure-failures"].inputs["predictions"]) == 1
    made = figures_of("mini")
    assert made["lifting/figure-4"].inputs["keypoints"] == [
        "results/mini/keypoints/hrnet-w32.h5", "results/mini/keypoints/hrnet-w32-am4.h5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("figure", "keys"),
    [("figure-1", ("panels", 0, "network")), ("figure-3", ("experiment",)),
     ("figure-2", ("panels", 0, "system", "lifting"))],
)  # fmt: skip
def test_a_network_that_is_no_experiment_is_one_line(project, figure, keys):
    path = project / "report/papers/gsam/figures.yaml"
    layout = yaml.safe_load(path.read_text(encoding="utf-8"))
    place = next(f for f in layout["figures"] if f["id"] == figure)
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = "lift/ours-f81-ct"
    path.write_text(yaml.safe_dump(layout), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"figures\.yaml: no experiment 'lift/ours-f81-ct'.*f81-gt"
    ):
        Plan({"study": "smoke", "data": []})


# -- diagrams ----------------------------------------------------------------------------------


@pytest.mark.parametrize("study", ["mini", "paper"])
def test_every_declared_diagram_holds_all_parameters_and_fits_the_page(project, study):
    for name, made in figures_of(study).items():
        if name == "report" or made.settings["figure"]["kind"] != "architecture":
            continue
        panels = diagrams.panels(run(**made.settings))
        # With its caption on one page.
        assert diagram.draw(panels, is_wide=True).get_size_inches()[1] < 8, name
        for panel in panels:
            graph = panel["graph"]
            parts = (*graph["nodes"], *graph["edges"])
            assert sum(p["parameters"] * p["times"] for p in parts) == graph["parameters"] > 0
            across = panel["flow"] == "across"
            laid = diagram_layout.across(panel, 7.2) if across else diagram_layout.down(panel)
            assert laid.width <= 7.2 and laid.height < 5, name
            for one, two in itertools.combinations(laid.boxes, 2):
                apart = abs(one.x - two.x) - (one.width + two.width) / 2
                above = abs(one.y - two.y) - (one.height + two.height) / 2
                assert max(apart, above) > 0, (name, one.node, two.node)


def test_a_recipe_edited_is_another_diagram(project):
    settings = figures_of("smoke")["gsam/figure-1"].settings
    (experiment,) = settings["models"]
    wider = {experiment: settings["models"][experiment] | {"spatial_width": 16}}
    (before,) = diagrams.panels(run(**settings))
    (after,) = diagrams.panels(run(**settings | {"models": wider}))
    assert before["told"] != after["told"] and before["graph"] != after["graph"]


def test_a_module_that_a_network_lacks_is_one_line(project):
    settings = figures_of("smoke")["gsam/figure-1"].settings
    settings["figure"]["panels"][0]["within"] = "blocks.9"
    with pytest.raises(InputError, match=r"gsam:figure-1: lift/.*: there is no module 'blocks\.9'"):
        diagrams.panels(run(**settings))
