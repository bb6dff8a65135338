"""The GPU sections of ``pose2d.py``: full-size HRNet-W32 at 256 x 192 in bf16."""

import time
from collections.abc import Callable

import torch

from posepaper import models
from posepaper.config import Training
from posepaper.data.person_crops import PersonCrops
from posepaper.models import costs
from posepaper.training.loop import batches_of
from posepaper.training.pose2d import PeopleBatches, joint_loss, normalise

SIZE, BATCH = (256, 192), 128
PEOPLE, EPOCHS = 149_813, 210
# A backward pass multiplies twice as much as the forward pass.
PASSES = 3


def sections(people: PersonCrops) -> dict:
    """Training and inference speed, memory, and their distance from the arithmetic limit."""
    torch.backends.cudnn.benchmark = True
    rate = matmul_rate()
    gmac = costs.gmac(models.create("hrnet_w32"), SIZE)
    found = {"bf16 matrix products": {"tflops": rate / 1e12}}
    for compiled in (False, True):
        found[f"training{', compiled' * compiled}"] = training(people, compiled, gmac, rate)
    found["inference"] = inference(gmac, rate)
    return found


def matmul_rate(side: int = 8192) -> float:
    """Floating point operations a second of a large bf16 matrix product."""
    a, b = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / seconds(lambda: a @ b, 50)


def seconds(function: Callable[[], object], times: int) -> float:
    """Mean seconds of a call, after five of them to warm up."""
    for _ in range(5):
        function()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        function()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / times


def training(people: PersonCrops, compiled: bool, gmac: float, rate: float) -> dict:
    """Steps on one cached batch and on what the real loader brings."""
    torch.manual_seed(0)
    torch.cuda.reset_peak_memory_stats()
    augmentation = {"scale_factor": 0.35, "rotation": 45, "half_body": 0.3}
    recipe = Training(lr=1e-3, epochs=1, batch=BATCH, threads=4, **augmentation)
    batches = PeopleBatches(people, SIZE, recipe, seed=0)
    model = models.create("hrnet_w32").cuda().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    network = torch.compile(model) if compiled else model

    def step(batch):
        batch = [part.to("cuda", non_blocking=True) for part in batch]
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            loss = joint_loss(network, batch)
        loss.backward()
        optimizer.step()

    def epoch(number):
        order = batches_of(number, len(people), recipe, 0)
        for found in batches.epoch(number, order):
            step(found)
        return len(order) * BATCH

    cached = next(iter(batches.epoch(0, batches_of(0, len(people), recipe, 0)[:1])))
    cached = [part.cuda() for part in cached]
    ready = BATCH / seconds(lambda: step(cached), 30)
    epoch(1)
    torch.cuda.synchronize()
    start = time.perf_counter()
    samples = epoch(2) + epoch(3)
    torch.cuda.synchronize()
    real = samples / (time.perf_counter() - start)
    limit = rate / (PASSES * 2 * gmac * 1e9)
    return {
        "cached_images_per_second": ready,
        "loader_images_per_second": real,
        "loader_to_cached": real / ready,
        "workers": batches.loader.num_workers,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
        "hours_of_210_epochs": PEOPLE * EPOCHS / real / 3600,
        "times_the_arithmetic_limit": limit / real,
    }


def inference(gmac: float, rate: float) -> dict:
    """Heatmaps of a batch of crops that lies on the device."""
    model = models.create("hrnet_w32").cuda().to(memory_format=torch.channels_last).eval()
    images = torch.randint(0, 255, (BATCH, *SIZE, 3), dtype=torch.uint8, device="cuda")

    @torch.inference_mode()
    def predict():
        with torch.autocast("cuda", torch.bfloat16):
            return model(normalise(images))

    torch.cuda.reset_peak_memory_stats()
    speed = BATCH / seconds(predict, 50)
    return {
        "images_per_second": speed,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
        "times_the_arithmetic_limit": rate / (2 * gmac * 1e9) / speed,
    }
