"""Damaged input through the whole command: one line, exit code 1, nothing half written."""

import json
import resource
import shutil
import zipfile

import numpy as np
import pytest

from posepaper import files

WORLD = "results/smoke/data/world"
POSES = ("prepare", "results/smoke/data/pose3d.h5")
PEOPLE = ("prepare", "results/smoke/data/pose2d.h5")


@pytest.fixture(scope="module")
def run(first, tmp_path_factory):
    """One finished study for all tests here; each puts back what it damages."""
    copy = first.duplicate(tmp_path_factory.mktemp("bad") / "run")
    yield copy
    shutil.rmtree(copy.root)


@pytest.fixture
def damaged(run):
    """``damaged(path)``: a file that may be changed, put back at the end."""
    kept = {}

    def take(name):
        path = run.root / name
        kept[path] = path.read_bytes()
        return path

    yield take
    for path, content in kept.items():
        path.write_bytes(content)


def refused(copy, one_line, stage, target, **options) -> str:
    """The line of a stage that must fail; its old output must stay as it was."""
    path = copy.root / target
    before = files.md5(path), path.stat().st_mtime_ns, sorted(p.name for p in path.parent.iterdir())
    line = one_line(copy.stage(stage, target, **options))
    after = files.md5(path), path.stat().st_mtime_ns, sorted(p.name for p in path.parent.iterdir())
    assert before == after, "the old output is not as it was"
    return line


def arrays(path) -> dict:
    with np.load(path, allow_pickle=True) as archive:
        return {name: archive[name].item() for name in archive.files}


def test_a_truncated_npz(run, damaged, one_line):
    path = damaged(f"{WORLD}/data_3d_h36m.npz")
    path.write_bytes(path.read_bytes()[:2000])
    assert f"{WORLD}/data_3d_h36m.npz" in refused(run, one_line, *POSES)


def test_nan_coordinates(run, damaged, one_line):
    path = damaged(f"{WORLD}/data_3d_h36m.npz")
    poses = arrays(path)
    poses["positions_3d"]["S1"]["Walking"][3, 2, 1] = np.nan
    np.savez_compressed(path, **poses)
    line = refused(run, one_line, *POSES)
    assert "data_3d_h36m.npz" in line and "S1" in line


def test_a_wrong_joint_count(run, damaged, one_line):
    path = damaged(f"{WORLD}/data_3d_h36m.npz")
    poses = arrays(path)
    poses["positions_3d"]["S1"]["Walking"] = poses["positions_3d"]["S1"]["Walking"][:, :30]
    np.savez_compressed(path, **poses)
    line = refused(run, one_line, *POSES)
    assert "data_3d_h36m.npz" in line and "30" in line and "32" in line


class Hostile:
    """Unpickles to whatever a shell command returns."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        import os

        return os.system, (self.command,)


def test_a_pickle_that_tries_to_run_code(run, damaged, one_line, tmp_path):
    path = damaged(f"{WORLD}/data_3d_h36m.npz")
    victim = tmp_path / "ran"
    np.savez(path, positions_3d=np.array(Hostile(f"touch {victim}"), dtype=object))
    line = refused(run, one_line, *POSES)
    assert "data_3d_h36m.npz" in line and "system" in line
    assert not victim.exists()


def test_a_missing_image(run, damaged, one_line):
    path = damaged(f"{WORLD}/coco/train2017.zip")
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    name = next(n for n in kept if n.endswith(".jpg"))
    del kept[name]
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in kept.items():
            archive.writestr(member, content)
    assert name.split("/")[-1] in refused(run, one_line, *PEOPLE)


def test_an_empty_annotation_file(run, damaged, one_line):
    path = damaged(f"{WORLD}/coco/annotations/person_keypoints_train2017.json")
    path.write_text("")
    assert "person_keypoints_train2017.json" in refused(run, one_line, *PEOPLE)
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    assert "person_keypoints_train2017.json" in refused(run, one_line, *PEOPLE)


def test_a_damaged_checkpoint(run, damaged, one_line):
    path = damaged("results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors")
    path.write_bytes(path.read_bytes()[:5000])
    target = "results/smoke/predictions/lift/ours-f81-cpn/seed0.h5"
    assert "seed0.safetensors" in refused(run, one_line, "evaluate", target)


def test_damaged_predictions(run, damaged, one_line):
    path = damaged("results/smoke/predictions/lift/ours-f81-cpn/seed0.h5")
    path.write_bytes(path.read_bytes()[:5000])
    target = "results/smoke/metrics/lift/ours-f81-cpn/seed0.json"
    assert "predictions/lift/ours-f81-cpn/seed0.h5" in refused(run, one_line, "evaluate", target)


def test_a_file_of_other_poses_than_planned(run, damaged, one_line):
    """The record of a parent is not the one the job was planned with."""
    path = damaged("results/smoke/data/pose3d.h5.record.json")
    made = json.loads(path.read_text())
    path.write_text(json.dumps(made | {"fingerprint": "0" * 64}))
    line = refused(run, one_line, "prepare", "results/smoke/keypoints/gt.h5")
    assert "pose3d.h5: not what" in line and "Run snakemake again" in line


def limited():
    """In the child: no file may grow beyond 20 kB, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.parametrize(
    ("stage", "target"),
    [
        POSES,
        PEOPLE,
        ("train", "results/smoke/checkpoints/lift/ours-f81-cpn/seed0.safetensors"),
        ("report", "results/smoke/report/index.html"),
    ],
)
def test_a_disk_that_is_full(run, one_line, stage, target):
    line = refused(run, one_line, stage, target, preexec_fn=limited)
    assert target in line and "Free disk space" in line
