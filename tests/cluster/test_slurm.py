"""The whole DAG on a real SLURM: every rule, each job its own devices, the local run's bytes."""

import itertools
import re

import pytest
import torch

from posepaper import files, models
from posepaper.provenance import record
from posepaper.training.checkpoint import read_checkpoint

LOCAL = {"evaluate_pose2d", "evaluate_lifting", "make_table", "make_figure", "make_report"}
LOCAL |= {"make_pdf", "make_parameters", "make_ledger", "make_details", "track_results"}
LOCAL |= {"all", "draft"}
# Hold times and machines, or name the study's experiments.
UNEQUAL = ("results/smoke/report/", "results/smoke/costs.json")
ALONE = "results/smoke/checkpoints/lift/alone/seed0.safetensors"
# Sharing a batch changes the order of float sums: of the loss this much, and of the way the
# weights went in training (Adam takes a gradient of nearly zero for a step all the same) this much.
LOSS, WAY = 1e-5, 0.01


def stamps(copy) -> list[dict]:
    found = sorted((copy.root / "results/smoke/stamps").rglob("*.json"))
    return [files.read_json(p) for p in found if p.name != "tracked.json"]


def outputs(copy) -> dict[str, str]:
    """The rule of every artefact of a study."""
    return {path: s["job"]["rule"] for s in stamps(copy) for path in s["job"]["outputs"].values()}


def machines(copy) -> list[tuple[str, dict]]:
    """(rule, record) of every job of a study."""
    return [(s["job"]["rule"], record.read(copy.root / s["job"]["target"])) for s in stamps(copy)]


def trained(copy, name: str) -> tuple[torch.Tensor, list[float], dict]:
    """Weights as one vector, the loss of each epoch, the record."""
    path = copy.root / f"results/smoke/checkpoints/lift/{name}/seed0.safetensors"
    weights, _ = read_checkpoint(path)
    curve = files.read_json(path.with_suffix(".curve.json"))["epochs"]
    flat = torch.cat([weights[k].flatten().double() for k in sorted(weights)])
    return flat, [epoch["loss"] for epoch in curve], record.read(path)


def forget(copy, target: str) -> None:
    """Takes a checkpoint away, with the folder that would bring it back."""
    path = copy.root / target
    for left in path.parent.glob(f"{path.stem}*"):
        left.unlink()
    runs = copy.root / target.replace("/checkpoints/", "/runs/").removesuffix(".safetensors")
    for left in sorted(runs.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()


def test_every_rule_ran_in_a_job_of_its_own_or_beside_snakemake(submitted, slurm):
    copy, shown = submitted
    done, ended = machines(copy), slurm.jobs()
    assert len({rule for rule, _ in done}) >= 17
    for rule, made in done:
        job = made["machine"]["slurm_job"]
        assert (job is None) == (rule in LOCAL), rule
        if job is not None:
            assert ended[job]["JobState"] == "COMPLETED"
    assert len(re.findall(r"has been submitted with SLURM jobid", shown)) == len(
        [rule for rule, _ in done if rule not in LOCAL]
    )


def test_the_study_is_then_at_rest(submitted, on_slurm):
    done = on_slurm(submitted[0], "all")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout, done.stdout


def test_a_job_of_one_process_ends_in_the_local_run_s_bytes(submitted, local):
    first = local.result()
    made = [path for path in outputs(first) if not path.startswith(UNEQUAL)]
    assert len(made) > 80
    different = [p for p in made if files.md5(first.root / p) != files.md5(submitted[0].root / p)]
    assert not different


def test_networks_run_on_the_gpu_partition_and_see_their_own_devices_only(submitted, slurm):
    ended, taken = slurm.jobs(), []
    for rule, made in machines(submitted[0]):
        machine = made["machine"]
        if machine["slurm_job"] is None:
            continue
        job, seen = ended[machine["slurm_job"]], machine["visible_gpus"]
        if rule.startswith(("train", "detect", "predict", "evaluate_epochs")):
            training = made["settings"].get("training") or {}
            assert job["Partition"] == "gpu"
            assert len(seen.split(",")) == training.get("devices", 1)
            if job["NodeCnt"] == "1":
                taken += [
                    (job["NodeList"], gpu, made["start"], made["end"]) for gpu in seen.split(",")
                ]
        else:
            assert job["Partition"] == "cpu" and seen is None
    assert {gpu for _, gpu, _, _ in taken} == {"0", "1"}
    for one, other in itertools.combinations(taken, 2):
        if one[:2] == other[:2]:
            assert one[3] < other[2] or other[3] < one[2], f"two jobs on one GPU: {one}, {other}"


@pytest.mark.parametrize(("name", "processes", "nodes"), [("pair", 2, 1), ("quartet", 4, 2)])
def test_several_processes_train_what_one_does(submitted, slurm, name, processes, nodes):
    copy, _ = submitted
    alone, losses, first = trained(copy, "alone")
    weights, shared, made = trained(copy, name)
    assert first["measured"]["processes"] == 1 and made["measured"]["processes"] == processes
    assert slurm.jobs()[made["machine"]["slurm_job"]]["NodeCnt"] == str(nodes)
    assert made["settings"]["training"]["batch"] == first["settings"]["training"]["batch"]
    assert shared == pytest.approx(losses, rel=LOSS)
    torch.manual_seed(0)
    options = dict(first["settings"]["model"])
    fresh = models.create(options.pop("name"), **options).state_dict()
    start = torch.cat([fresh[k].flatten().double() for k in sorted(fresh)])
    assert 0 < (weights - alone).norm() < WAY * (alone - start).norm()


def test_one_machine_trains_a_recipe_of_several_devices_in_one_process(spare):
    target = ALONE.replace("alone", "pair")
    forget(spare, target)
    done = spare.snakemake(target)
    assert done.returncode == 0, done.stdout
    alone, _, _ = trained(spare, "alone")
    weights, _, made = trained(spare, "pair")
    assert made["measured"]["processes"] == 1 and torch.equal(weights, alone)
