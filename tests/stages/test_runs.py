"""What ran where, and what a cluster was taken for beside the work."""

import json
from pathlib import Path

import pytest

from posepaper import files
from posepaper.provenance import record
from posepaper.stages import diary, runs

WORLD = "results/smoke/data/world.json"
BASE = "results/smoke"


@pytest.fixture(autouse=True)
def made(tmp_path, monkeypatch):
    """A study of one job that SLURM ran, as its record says."""
    monkeypatch.chdir(tmp_path)
    path = Path(WORLD)
    path.parent.mkdir(parents=True)
    path.write_text("made")
    record.write({"manifest": path}, {"rule": "prepare_world", "target": WORLD}, record.now())
    found = files.read_json(record.path_of(WORLD))
    found |= {"start": record.utc(1020.0), "end": record.utc(1050.0)}
    found["machine"] |= {"slurm_job": "7", "slurm_submitted": record.utc(1000)}
    found["machine"] |= {"slurm_started": record.utc(1015), "process_started": record.utc(1018)}
    files.write_json(record.path_of(WORLD), found)
    return found


def test_queue_and_start_are_in_the_record():
    (job,) = runs.ran(BASE)
    assert [job[part] for part in runs.PARTS] == [15.0, 3.0, 2.0, None, None]
    assert runs.where(job).endswith(" job 7") and job["seconds"] == 30.0
    (row,) = [row for row in runs.overhead([job]) if row["rule"] == "all"]
    assert row["beside"] == [3.0, 3.0] and row["after"] is None


def test_what_follows_is_in_the_driver_s_diary():
    path = diary.path_of(BASE)
    path.parent.mkdir()
    told = ({"target": WORLD, "seen": 1060.5}, {"slurm_job": "7", "ended": 1052})
    # A killed driver's last line is half a line.
    path.write_text("".join(json.dumps(entry) + "\n" for entry in told) + '{"target": "res')
    rule, whole = runs.overhead(runs.ran(BASE))
    assert rule["rule"] == "prepare_world" and whole["rule"] == "all"
    assert whole["beside"] == [5.0, 5.0] and whole["after"] == [2.0, 2.0]
    assert whole["seen"] == [8.5, 8.5] and whole["seconds"] == 30.0


def test_without_a_cluster_there_is_no_such_time(made):
    for name in ("slurm_job", "slurm_submitted", "slurm_started"):
        made["machine"][name] = None
    files.write_json(record.path_of(WORLD), made)
    (job,) = runs.ran(BASE)
    assert job["before"] is None and not runs.overhead([job])


def test_a_process_knows_when_it_began(made):
    assert record.nanoseconds(record.machine()["process_started"]) < record.nanoseconds(
        record.now()
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (8.4, "8 s"), (185, "3:05 min"), (97_800, "27:10 h")]
)
def test_durations_are_short(seconds, text):
    assert runs.duration(seconds) == text
