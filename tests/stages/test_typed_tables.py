"""A column takes no number of another kind: planted mistakes are refused before anything runs."""

from pathlib import Path

import pytest

from posepaper.errors import InputError
from posepaper.experiments import load_study
from posepaper.stages.plan import Plan

pytestmark = pytest.mark.usefixtures("project")
ROOT = Path(__file__).parents[2]
PAPERS = "report/papers"
MPJPE = 'label: "MPJPE ↓", unit: mm, better: lower, value: "mpjpe/average"'
RECIPE = "  lift/ours-f9-cpn:\n    recipe: ours\n    source: cpn\n"


def planned(study="smoke", data=()):
    load_study.cache_clear()
    return Plan({"study": study, "data": list(data)})


def edit(path, old, new):
    text = Path(path).read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


MISTAKES = {
    "P-MPJPE shows MPJPE": (
        "gsam/table-4.yaml", 'value: "p_mpjpe/average"', 'value: "mpjpe/average"',
        r"column p2 \(Protocol #2\): is headed P-MPJPE, and mpjpe/average is MPJPE",
    ),
    "the other protocol's block": (
        "lifting/table-2.yaml", "metric: p_mpjpe", "metric: mpjpe",
        "is headed P-MPJPE, and mpjpe/Directions is MPJPE",
    ),
    "N-MPJPE for MPJPE": (
        "gsam/table-7.yaml", MPJPE, MPJPE.replace("mpjpe/", "n_mpjpe/"),
        "is headed MPJPE, and n_mpjpe/average is N-MPJPE",
    ),
    "a percentage in mm": (
        "gsam/table-3.yaml", 'unit: "%", better: higher, value: pck',
        "unit: mm, better: higher, value: pck", "is in mm, and pck is in %",
    ),
    "a PCK as MPJPE": (
        "gsam/table-3.yaml", "better: lower, value: mpjpe", "better: lower, value: pck",
        "is headed MPJPE, and pck is PCK",
    ),
    "cm for mm": (
        "gsam/table-7.yaml", MPJPE, MPJPE.replace("unit: mm", "unit: cm"),
        "is in cm, and mpjpe/average is in mm. Its unit can be: mm",
    ),
    "mm for mm a frame": (
        "gsam/table-4.yaml", "unit: mm/frame", "unit: mm",
        "is in mm, and mpjve/average is in mm/frame",
    ),
    "bytes as millions": (
        "supplement/table-2.yaml", "unit: MB, better: lower, value: checkpoint_bytes",
        "unit: M, better: lower, value: checkpoint_bytes", "is in M, and checkpoint_bytes",
    ),
    "higher errors are better": (
        "gsam/table-7.yaml", MPJPE, MPJPE.replace("lower", "higher"),
        "calls higher better, and of MPJPE it is lower",
    ),
    "another action's number": (
        "lifting/table-3.yaml", '"{metric}/Sitting"', '"{metric}/SittingDown"',
        "shows the number of SittingDown. Its head asks for Sitting",
    ),
    "an action's number as the average": (
        "gsam/table-7.yaml", MPJPE, MPJPE.replace("average", "Walking"),
        "shows the number of Walking. Its head asks for an average",
    ),
    "AP of large people as AP": (
        "lifting/table-1.yaml", "better: higher, value: ap}", "better: higher, value: ap_large}",
        r"is headed AP, and ap_large is AP\^L",
    ),
    "a metric that is not measured": (
        "gsam/table-6.yaml", "value: ap}", "value: mpjpe/average}",
        "shows mpjpe, which its experiment does not measure",
    ),
    "ground-truth boxes": (
        "../../workflow/experiments/pose2d.yaml", "boxes: detector", "boxes: ground-truth",
        "takes numbers with boxes detector, and pose2d/.* with boxes ground-truth",
    ),
    "MPI-INF-3DHP among Human3.6M": (
        "gsam/table-8.yaml", "experiment: lift/ours-f9-cpn", "experiment: lift/ours-f9-3dhp",
        "takes numbers with data pose3d, and lift/ours-f9-3dhp was made with data mpi3dhp",
    ),
    "another 2D source": (
        "gsam/table-7.yaml", "experiment: lift/ours-f81-cpn-sam-before-msa",
        "experiment: lift/ours-f81-gt", "takes numbers with source cpn, and .* with source gt",
    ),
    "a row without a protocol": (
        "gsam/table-7.yaml", ", protocol: human36m}\ncolumns", "}\ncolumns",
        "does not say of which protocol its numbers are",
    ),
    "a row without a dataset": (
        "gsam/table-7.yaml", "requires: {data: pose3d, ", "requires: {",
        "does not say of which data its numbers are",
    ),
    "a row silent on its boxes": (
        "gsam/table-6.yaml", "requires: {data: pose2d, boxes: detector, ",
        "requires: {data: pose2d, ", "does not say of which boxes its numbers are",
    ),
    "a paper's protocol without its flip test": (
        "gsam/table-7.yaml", "settings: {flip: true, root: predicted}", "settings: {}",
        "names protocol human36m without saying flip on or off",
    ),
    "a head that says nothing": (
        "gsam/table-7.yaml", '"MPJPE ↓"', "Error", "has a head that names no quantity",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_refused_before_anything_runs(mistake):
    file, old, new, message = MISTAKES[mistake]
    edit(f"{PAPERS}/{file}", old, new)
    with pytest.raises(InputError, match=message) as caught:
        planned()
    assert "\n" not in str(caught.value) and f"{PAPERS}/" in str(caught.value)


def test_the_flip_test_off_by_another_protocol_is_refused():
    recipes = "workflow/experiments/lifting.yaml"
    edit(recipes, "protocols:\n", "protocols:\n  plain: {kind: human36m, flip: false, "
         "root: predicted, mpjve_weight: T-1}\n")  # fmt: skip
    edit(recipes, RECIPE, RECIPE + "    protocol: plain\n")
    with pytest.raises(InputError, match=r"takes numbers with protocol human36m, and .* plain"):
        planned()


def test_a_column_may_say_what_its_head_leaves_open():
    edit(f"{PAPERS}/gsam/table-7.yaml", '"MPJPE ↓", unit', "Error, quantity: MPJPE, unit")
    planned()
    edit(f"{PAPERS}/gsam/table-7.yaml", "quantity: MPJPE", "quantity: P-MPJPE")
    with pytest.raises(InputError, match="is headed P-MPJPE"):
        planned()


def test_a_study_with_exact_boxes_shows_no_ap_where_a_detectors_are_asked_for(project):
    """The study's choice, not the table's mistake: such cells say why they are empty."""
    files = ("person_keypoints_train2017_open.json", "person_keypoints_val2017_open.json")
    for name in (*files, "train2017/a", "val2017/a"):
        path = project / "own/coco_mini" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    jobs = {j.target: j for j in planned("open", data=["own"]).jobs}
    table = jobs["results/open/tables/gsam/table-6.json"]
    assert table.inputs["metrics"] == []
    states = table.settings["states"]
    assert {*states.values()} == {"not-applicable:the person boxes are the ground truth's"}
    costs = jobs["results/open/tables/supplement/table-2.json"]
    assert costs.inputs["metrics"] and not costs.settings["states"]
    (one, *_) = (j for j in jobs.values() if j.rule == "evaluate_pose2d")
    assert one.settings["roles"]["boxes"] == "ground-truth"
