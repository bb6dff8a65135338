"""What ``posepaper prune`` takes for orphans, and what only waits for its data."""

import json
import os
import time
from pathlib import Path

import pytest

from posepaper import lease
from posepaper.experiments import load_study
from posepaper.stages import prune
from posepaper.stages.plan import Plan, stamp_path

pytestmark = pytest.mark.usefixtures("project")
BASE = Path("results/paper")
RUN = "runs/lift/ours-f81-cpn/seed0/0123456789abcdef"
# Outputs of jobs that are planned only where Human3.6M and COCO are there.
WAITING = (
    *("checkpoints/lift/ours-f81-cpn/seed0.safetensors", "predictions/lift/ours-f81-cpn/seed1.h5"),
    *("metrics/pose2d/hrnet-w32/seed0.json", "data/pose3d.h5", "data/pose2d-crops.h5"),
    *("keypoints/cpn.h5", "predictions/video.h5"),
)
GONE = "checkpoints/lift/renamed/seed0.safetensors"
GONE_RUN = "runs/lift/renamed/seed0/0123456789abcdef"


def put(*paths):
    """Artefacts of the paper study, each with its record and its stamp."""
    for path in paths:
        target = BASE / path
        for file in (target, Path(f"{target}.record.json"), Path(stamp_path(str(target)))):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")


def leave(run, base=BASE):
    """A run folder with a training's state."""
    (base / run).mkdir(parents=True)
    (base / run / "state.pt").touch()


def orphans(study="paper") -> set[str]:
    """What is offered for deletion, below the study's results."""
    load_study.cache_clear()
    found = prune.orphans(Plan({"study": study, "data": ["not-mounted"]}))
    return {str(p.relative_to(f"results/{study}")) for paths in found.values() for p in paths}


def test_a_data_root_that_is_not_mounted_makes_no_orphans():
    put(*WAITING, GONE)
    leave(RUN)
    leave(GONE_RUN)
    assert orphans() == {GONE, f"{GONE}.record.json", f"stamps/{GONE}.json", GONE_RUN}


def test_what_the_study_does_not_run_is_an_orphan_without_data_too():
    study = Path("workflow/studies/paper.yaml")
    study.write_text(
        study.read_text() + "\nnot_run: {lift/ours-f81-cpn: too long}\n", encoding="utf-8"
    )
    put(*WAITING)
    leave(RUN)
    assert {*WAITING[:2], RUN} < orphans() and not {*WAITING[2:]} & orphans()


@pytest.mark.parametrize(
    ("holder", "age", "kept"),
    [
        ({}, 0, True),
        ({"started": "1"}, 0, False),
        ({"host": "n1", "boot": "another"}, 60, True),
        ({"host": "n1", "boot": "another"}, 86_400, False),
    ],
    ids=["alive", "dead", "elsewhere", "elsewhere, long silent"],
)
def test_a_run_folder_that_somebody_works_in_is_kept(holder, age, kept):
    base = Path("results/smoke")
    leave(RUN, base)
    path = base / RUN / "lease.json"
    path.write_text(json.dumps({**lease.me(), **holder}))
    os.utime(path, (time.time() - age,) * 2)
    assert (RUN in orphans("smoke")) != kept
