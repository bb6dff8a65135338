"""A rehearsal keeps what decides memory and speed, touches no study, and is judged rightly."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from posepaper.cli import app
from posepaper.config.cluster import Need
from posepaper.errors import InputError
from posepaper.experiments import load_study
from posepaper.provenance import cost
from posepaper.reporting import verdicts
from posepaper.stages import rehearsal, rehearsed, work
from posepaper.stages.cost import all_there
from posepaper.stages.fit import Fit
from posepaper.stages.plan import Plan

pytestmark = pytest.mark.usefixtures("project")
ROOT = Path(__file__).parents[2]
WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}
STUDIES = ("smoke", "mini", "open", "paper")
GB = 10**9


def planned(study, **config):
    return Plan({"study": study, "data": ["data"], **config})


@pytest.mark.parametrize("study", STUDIES)
def test_a_rehearsal_shares_nothing_with_its_study(study):
    before = planned(study)
    other = planned(study, rehearse=True)
    assert other.study.name == f"{study}-rehearsal" and other.rehearses and not before.rehearses
    assert all(path.startswith(f"results/{study}-rehearsal/") for path in other.targets())
    after = planned(study, rehearse=False)
    assert after.fingerprints == before.fingerprints and after.study == before.study
    # Videos are prepared, parameters counted and networks drawn as ever.
    drawn = {j.target for j in other.jobs if j.settings.get("figure", {}).get("panels")}
    same = ("/data/video", "/tables/parameters", *drawn)
    own = [f for t, f in other.fingerprints.items() if not any(part in t for part in same)]
    assert not set(own) & set(before.fingerprints.values()) or not before.study.world
    trained = {f for t, f in other.fingerprints.items() if "/checkpoints/" in t}
    assert not trained & set(before.fingerprints.values())


def test_its_name_is_enough_to_plan_it():
    one, two = planned("smoke", rehearse=True), planned("smoke-rehearsal")
    assert one.fingerprints == two.fingerprints
    with pytest.raises(InputError, match="'smoke'"):
        planned("smke-rehearsal")
    with pytest.raises(InputError, match="'rehearse'"):
        planned("smoke", rehearse="perhaps")


def test_what_decides_memory_and_speed_is_the_study_s():
    full, short = planned("paper").study, planned("paper", rehearse=True).study
    assert full.experiments.keys() == short.experiments.keys() and short.seeds == 1
    changed = {"epochs", "samples_per_epoch", "validate_every", "save_every"}
    for name, experiment in full.experiments.items():
        other = short.experiments[name]
        assert other.model_copy(update={"training": experiment.training}) == experiment
        one, two = experiment.training.model_dump(), other.training.model_dump()
        assert {key for key in one if one[key] != two[key]} <= changed
        assert two["samples_per_epoch"] == 3 * one["batch"] and two["epochs"] <= 2
    assert full.needs == short.needs


def test_every_rule_of_the_paper_study_is_rehearsed_without_its_data():
    rehearsal_rules = {job.rule for job in planned("paper", rehearse=True).jobs}
    full = {job.rule for job in all_there("paper").jobs}
    assert rehearsal_rules == full | {"prepare_world", "prepare_few"}
    trainings = {j.wildcards["experiment"] for j in planned("paper", rehearse=True).jobs
                 if j.rule.startswith("train_")}  # fmt: skip
    assert trainings == set(load_study("paper").experiments)


@pytest.mark.parametrize("study", STUDIES)
def test_generated_batches_are_full(study):
    short = planned(study, rehearse=True).study
    if short.world is None:
        return
    batches = {e.data: e.training.batch for e in short.experiments.values()}
    trained = [s for s in short.world.subjects or ("S1", "S5", "S6", "S7", "S8")
               if s not in ("S9", "S11")]  # fmt: skip
    actions = len(short.world.actions or range(15))
    frames = 4 * short.world.frames[0] * short.world.takes * actions * len(trained)
    assert frames >= 3 * batches["pose3d"] and short.world.coco_images["train"] >= batches["pose2d"]


def put(project, study, role, *names):
    dataset = load_study(study).datasets[role]
    for name in names or dataset.files:
        path = project / "data" / dataset.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("there")


def test_data_that_are_there_are_used_and_the_rest_is_stood_in_for(project):
    put(project, "paper", "pose3d")
    put(project, "paper", "pose3d", "data_2d_h36m_cpn_ft_h36m_dbb.npz")
    plan = planned("paper", rehearse=True)
    whole = plan.made_by["results/paper-rehearsal/data/pose3d-whole.h5"]
    assert set(whole.raw) == set(load_study("paper").datasets["pose3d"].files)
    sources = plan.study.keypoints
    assert sources["cpn"].file == "data_2d_h36m_cpn_ft_h36m_dbb.npz"
    for source in ("hourglass", "hrnet-w32"):
        assert sources[source].file == "data_2d_h36m_gt.npz" and not sources[source].experiment
        assert sources[source].identity.startswith("rehearsal: exact keypoints in place of")
    assert plan.study.datasets["pose2d"].folder == "world/coco", "COCO is not there"
    assert not any(plan.builder.states.values())
    put(project, "paper", "pose3d", "S1/Videos")
    found = planned("paper", rehearse=True)
    assert found.study.keypoints["hrnet-w32"].experiment == "pose2d/hrnet-w32"
    assert "detect_keypoints" in {job.rule for job in found.jobs}


def test_what_a_study_cannot_have_stays_so():
    full, short = planned("open"), planned("open", rehearse=True)
    cannot = [n for n, why in full.builder.states.items() if why.startswith("not-applicable")]
    assert cannot and all(short.builder.states[n] == full.builder.states[n] for n in cannot)


def test_no_number_of_a_rehearsal_is_comparable(project):
    for role in ("pose3d", "mpi3dhp", "pose2d", "video"):
        put(project, "paper", role)
    wanted = []
    for file in sorted((project / "report/papers").glob("*/table-*.yaml")):
        layout = yaml.safe_load(file.read_text(encoding="utf-8"))
        wanted += [row["paper_identity"] for row in layout["rows"] if row.get("paper_identity")]
        wanted += [layout["paper_identity"]] if layout.get("paper_identity") else []
    wanted = [w for w in wanted if "data" in w]
    assert len(wanted) > 5
    jobs = [j for j in planned("paper", rehearse=True).jobs if j.rule.startswith("evaluate_")]
    jobs = [j for j in jobs if "identity" in j.settings]
    assert len(jobs) == 50
    for job in jobs:
        assert job.settings["identity"]["study"] == "paper-rehearsal"
        assert job.settings["identity"]["data"].startswith("rehearsal: a few of ")
        assert not any(verdicts.agrees(job.settings["identity"], w) for w in wanted)


def log(plan, target, *lines):
    path = rehearsed.log_of(plan, plan.made_by[target])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))
    return rehearsed.state(plan, plan.made_by[target])


def test_a_job_s_end_is_read_off_its_log():
    plan = planned("smoke-rehearsal")
    target = "results/smoke-rehearsal/checkpoints/lift/ours-f81-gt/seed0.safetensors"
    job = plan.made_by[target]
    assert rehearsed.log_of(plan, job) == Path(
        "results/smoke-rehearsal/logs/train/lift/ours-f81-gt/seed0.log"
    )
    assert rehearsed.state(plan, job) == ("not-run", "")
    assert log(plan, target, "step 1/3", "posepaper: no such option") == (
        "failed", "no such option")  # fmt: skip
    what = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert log(plan, target, "Traceback (most recent call last):", what, "") == ("failed", what)
    assert log(plan, target, "step 2/3 8.1 samples/s") == ("failed", rehearsed.SILENT)
    written = rehearsed.log_of(plan, job).stat().st_mtime
    assert rehearsed.state(plan, job, since=written - 1) == ("running", "")
    assert rehearsed.state(plan, job, since=written + 1)[0] == "failed", "of an earlier start"
    assert "lift/ours-f81-gt" in rehearsed.failed_experiments(plan)
    paths = [rehearsed.log_of(plan, job) for job in plan.jobs]
    assert len(set(paths)) == len(paths), "every job has a log of its own"


TRAINING = "results/paper/checkpoints/lift/ours-f81-gt/seed0.safetensors"


def judged(fit, job, *, device="gpu", memory=5 * GB, step=0.5, took=10 * GB, has=80 * GB):
    """What a rehearsal of three steps of ``step`` seconds says of a training."""
    training = job.settings["training"]
    short = {**training, "epochs": 1, "samples_per_epoch": 3 * training["batch"]}
    rate = training["batch"] / step
    made = {
        "target": job.target, "rule": job.rule, "inputs": job.input_paths(),
        "settings": {**job.settings, "training": short}, "peak_memory_bytes": memory,
        "peak_worker_bytes": GB, "machine": {"gpus": ["a GPU"], "cpu": "a CPU"},
        "measured": {"samples_per_second": rate, "processes": 1, "peak_device_bytes": took,
                     "device_bytes": has},
    }  # fmt: skip
    counts = work.Counts("none", {"pose3d": {"train": 2000, "test": 200}})
    names = ("target", "rule", "settings", "inputs")
    done = work.need(*(made[n] for n in names), counts, fit.networks.of)
    measured = {**done, "device": device, "loop": 3 * step, "seconds": 3 * step + 20,
                "memory": memory, "bytes": 1e6}  # fmt: skip
    return fit.of(job, made, measured)


def test_a_training_is_held_against_what_it_will_be_granted():
    full = all_there("paper")
    job = full.made_by[TRAINING] if TRAINING in full.made_by else next(
        j for j in full.jobs if j.target == TRAINING)  # fmt: skip
    fit = Fit(full, "slurm")
    row = judged(fit, job, step=0.1)
    steps = 130 * -(-2 * 1559752 // 1024)
    assert row["whole"]["seconds"] == pytest.approx(20 + 0.1 * steps, rel=0.01)
    assert row["step_seconds"] == pytest.approx(0.1) and not row["misfits"] and not row["notes"]
    frames = 2 * (1559752 - 2000) * work.POSE
    assert row["whole"]["memory"] == pytest.approx(5 * GB + frames, rel=0.01), "all the windows"
    assert row["whole"]["device_memory"] == pytest.approx(10 * GB + frames, rel=0.01)
    assert row["granted"]["memory"] == 16 * GB and not fit.corrections()

    slow = Fit(full, "slurm")
    row = judged(slow, job, step=1.0, memory=40 * GB, took=79.5 * GB)
    assert [what.split(",")[0].split(" of ")[-1] for what in row["misfits"]][1:] == [
        "memory", "device memory"]  # fmt: skip
    assert row["misfits"][0].startswith("takes about 110")
    wanted = {c["key"]: c for c in slow.corrections()}
    assert wanted["train_lifting.memory"]["now"] == 16000
    assert wanted["train_lifting.memory"]["wanted"] == 52000, "a quarter more, in whole GB"
    minutes = wanted["train_lifting.epoch_minutes"]
    assert minutes["now"] == 8 and minutes["because"] == TRAINING
    assert 1.25 * (1.0 * steps / 60 - 30) / 130 == pytest.approx(minutes["wanted"], abs=0.2)


def test_what_the_rehearsal_cannot_tell_is_not_judged():
    full = all_there("paper")
    job = next(j for j in full.jobs if j.target == TRAINING)
    fit = Fit(full, "slurm")
    row = judged(fit, job, device="cpu", memory=90 * GB)
    assert not row["misfits"] and "will run on a GPU" in row["notes"][0]
    several = {**job.settings, "training": {**job.settings["training"], "devices": 4}}
    row = judged(fit, type(job)(**{**vars(job), "settings": several}), memory=90 * GB)
    assert not row["misfits"] and "in 1 processes, will in 4" in row["notes"][0]
    assert not fit.corrections()
    alone = Fit(full, "default")
    alone.machine = {**alone.machine, "gpu_rules": []}
    row = judged(alone, job, device="cpu", memory=90 * GB, step=100)
    assert [what.startswith("takes 9") for what in row["misfits"]] == [True], "no time limit"


def test_a_need_many_times_too_large_is_named_where_all_were_judged(project):
    full = all_there("paper")
    full.study.needs["martinez"] = Need(epoch_minutes=500)
    fit = Fit(full, "slurm")
    jobs = [j for j in full.jobs if j.rule == "train_lifting" and "martinez" in j.target]
    seeds = {seed: [j for j in jobs if j.wildcards["seed"] == seed] for seed in "01"}
    judged(fit, seeds["0"][0], step=0.01)
    assert not fit.corrections(), "the other one may need it"
    judged(fit, seeds["1"][1], step=0.01)
    found = {c["key"]: (c["now"], c["wanted"]) for c in fit.corrections()}
    assert found.keys() == {"martinez.epoch_minutes"} and found["martinez.epoch_minutes"][0] == 500


def test_without_a_profile_slurm_s_limits_are_those_of_the_profile_slurm():
    here, there = ({"machine": {"slurm_job": job}} for job in (None, "7"))
    assert rehearsed._profile([here]) == "default" and rehearsed._profile([here, there]) == "slurm"
    # No record tells of another profile, so the help must not promise it.
    told = " ".join(CliRunner().invoke(app, ["rehearsal", "--help"], env=WIDE).output.split())
    assert "slurm where it ran under any SLURM, else default" in told


def test_the_command_needs_a_rehearsal():
    with pytest.raises(InputError, match=r"'smoke': was not rehearsed.*rehearse=true"):
        rehearsed.find("smoke")
    assert cost.REHEARSED == "rehearsed" and rehearsal.STEPS == 3
