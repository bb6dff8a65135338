"""Lifting on a GPU: full-size samples/s against a plain twin, memory, hours of the paper study.

Imported by ``benchmarks/lifting.py``, which runs it where there is a GPU.
"""

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from posepaper import models
from posepaper.config import Experiment
from posepaper.experiments import load_study
from posepaper.models import poseformer
from posepaper.training.lifting import WindowForward, position_loss

# Frames of Human3.6M's training subjects in four cameras, and of MPI-INF-3DHP's; each counts
# twice, for its mirror image.
FRAMES = {"pose3d": 1_559_752, "mpi3dhp": 1_052_736}
# Dense bfloat16 products of an H200, measured with plain matrices: operations a second.
PEAK = 790e12
BATCH = 1024
STEPS = 30
CASES = {
    "videopose3d 243": ("videopose3d", {"frames": 243}),
    "poseformer 81": ("poseformer", {"frames": 81}),
    "ours 81": ("gsam", {"frames": 81}),
}


def _network(name: str, options: dict, device: str) -> torch.nn.Module:
    torch.manual_seed(0)
    network = models.create(name, **options).to(device).train()
    return WindowForward(network) if hasattr(network, "forward_window") else network


def samples_per_second(
    name: str, options: dict, *, fast: bool, device: str = "cuda", batch: int = BATCH, steps=STEPS
) -> tuple[float, float]:
    """Training samples/s and peak GiB: bf16, fused attention and optimiser and torch.compile,
    or (``fast`` false) eager float32 with plain attention and optimiser."""
    network = _network(name, options, device)
    if fast and device == "cuda":
        network.compile()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=fast)
    x = torch.randn(batch, options["frames"], 17, 2, device=device)
    y = torch.randn(batch, 1, 17, 3, device=device)

    def step():
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=fast):
            loss = position_loss(network, (x, y))
        loss.backward()
        optimizer.step()

    used, poseformer.FUSED_ON = poseformer.FUSED_ON, poseformer.FUSED_ON if fast else ()
    try:
        for _ in range(3):
            step()
        _wait(device)
        start = time.perf_counter()
        for _ in range(steps):
            step()
        _wait(device)
        spent = time.perf_counter() - start
    finally:
        poseformer.FUSED_ON = used
    memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0.0
    return batch * steps / spent, memory


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def operations_per_sample(name: str, options: dict) -> float:
    """Floating-point operations of one sample's training step, counted from the shapes."""
    network = _network(name, options, "meta")
    x = torch.empty(2, options.get("frames", 1), 17, 2, device="meta")
    if name == "martinez":
        x = x[:, 0, :16]
    with FlopCounterMode(display=False) as counter:
        network(x).sum().backward()
    return counter.get_total_flops() / len(x)


def samples_of(experiment: Experiment) -> int:
    """Training samples of a whole run."""
    training = experiment.training
    each = FRAMES[experiment.data] * (2 if training.flip else 1)
    return training.epochs * min(each, training.samples_per_epoch or each)


def study_hours(rates: dict[str, float]) -> dict:
    """GPU-hours a seed of the paper study's lifting trainings, and the arithmetic limit.

    An experiment without a measured rate of its own is reckoned at the share of the peak that
    the measured network nearest to it reaches (its own kind, else VideoPose3D).
    """
    hours, limit, shares = 0.0, 0.0, {}
    for case, (name, options) in CASES.items():
        shares[name] = rates[case] * operations_per_sample(name, options) / PEAK
    for experiment in load_study("paper").experiments.values():
        if experiment.kind != "lifting":
            continue
        options = experiment.model.options()
        least = samples_of(experiment) * operations_per_sample(experiment.model.name, options)
        limit += least / PEAK / 3600
        hours += least / PEAK / 3600 / shares.get(experiment.model.name, shares["videopose3d"])
    return {"hours": hours, "arithmetic limit": limit, "times the limit": hours / limit}


def sections() -> dict:
    """Every GPU section."""
    torch.backends.cuda.matmul.allow_tf32 = False
    rows, rates = [], {}
    for case, (name, options) in CASES.items():
        row = {"case": case, "batch": BATCH}
        for kind, fast in (("ours", True), ("twin", False)):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            row[kind], row[f"{kind} GiB"] = samples_per_second(name, options, fast=fast)
        rows.append(row | {"ratio": row["ours"] / row["twin"]})
        rates[case] = row["ours"]
    device = torch.cuda.get_device_name()
    return {"device": device, "training": rows, "paper study": study_hours(rates)}


def show(result: dict) -> None:
    """Prints what :func:`sections` found."""
    print(result["device"])
    for row in result["training"]:
        memory = f"{row['ours GiB']:.1f} and {row['twin GiB']:.1f} GiB"
        print(
            f"{row['case']:20} {row['ours']:10,.0f} {row['twin']:10,.0f} samples/s "
            f"{row['ratio']:5.2f}x  {memory}"
        )
    study = result["paper study"]
    print(
        f"paper study, lifting, a seed: {study['hours']:.1f} GPU-hours, "
        f"{study['times the limit']:.1f} times the arithmetic limit"
    )
