"""What the 2D networks cost, against plain twins in the same run.

    python benchmarks/pose2d.py [--out benchmarks/results/pose2d-cpu.json] [--threads 1]

CPU sections print ratios, which hold across machines; each time is the least of several rounds,
in which the rivals take turns. GPU sections run only where there is one.
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pose2d_gpu
import torch

from posepaper import files, models
from posepaper.config import Training
from posepaper.data.people import PeopleSet
from posepaper.data.person_crops import PersonCrops, read_person_crops, write_person_crops
from posepaper.evaluation.heatmaps import decode
from posepaper.evaluation.oks import SIGMAS, oks_nms
from posepaper.training import pose2d
from posepaper.training.devices import exact
from posepaper.training.loop import batches_of
from posepaper.training.pose2d import PeopleBatches, joint_loss

SIZE = (256, 192)
ROUNDS = 4
REDUCED = {"width": 8, "stem": 16, "modules": (1, 1, 1), "blocks": 1}


def recipe(batch: int, threads: int) -> Training:
    augmentation = {"scale_factor": 0.35, "rotation": 45, "half_body": 0.3}
    return Training(lr=1e-3, epochs=1, batch=batch, threads=threads, **augmentation)


def photos(people: int, seed: int = 0) -> PeopleSet:
    """640 x 480 JPEG photos with the detail of real ones, two people in each."""
    rng = np.random.default_rng(seed)
    count = people // 2
    encoded = []
    for _ in range(count):
        coarse, fine = rng.integers(0, 255, (30, 40, 3)), rng.integers(0, 255, (240, 320, 3))
        layers = [cv2.resize(a.astype(np.uint8), (640, 480)) for a in (coarse, fine)]
        image = cv2.addWeighted(layers[0], 0.8, layers[1], 0.2, 0)
        encoded.append(cv2.imencode(".jpg", image)[1].tobytes())
    # COCO's people: half of them lower than 150 pixels.
    height = np.clip(rng.lognormal(5.0, 0.6, people), 40, 450)
    extent = np.stack([np.clip(height * rng.uniform(0.3, 0.9, people), 20, 600), height], axis=1)
    low = rng.random((people, 2)) * (np.array([640, 480]) - extent)
    keypoints = np.full((people, 17, 3), 2.0, np.float32)
    keypoints[..., :2] = low[:, None] + rng.random((people, 17, 2)) * extent[:, None]
    return PeopleSet(
        file="photos",
        image_ids=np.arange(count),
        sizes=np.tile([640, 480], (count, 1)),
        encoded=encoded,
        annotation_ids=np.arange(people),
        image_index=np.arange(people) // 2,
        boxes=np.concatenate([low, extent], axis=1).astype(np.float32),
        keypoints=keypoints,
        areas=extent.prod(axis=1),
        crowds=np.zeros(people, bool),
    )


def crops_of(people: int) -> PersonCrops:
    """As a training finds them, in a file that outlives this function's folder while it is open."""
    path = Path(tempfile.mkdtemp()) / "crops.h5"
    write_person_crops(path, photos(people), [0.75], identity="benchmark")
    return read_person_crops(path)


def stepper(
    model: torch.nn.Module, *, channels_last: bool = True, bf16: bool = False
) -> Callable[[tuple], None]:
    """One training step on a batch, as ``training.loop`` does it."""
    if channels_last:
        model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step(batch):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = joint_loss(model, batch)
        loss.backward()
        optimizer.step()

    return step


def least(
    rivals: dict[str, Callable[[], None]], rounds: int = ROUNDS, clock=time.perf_counter
) -> dict[str, float]:
    """The least seconds of each rival, taking turns; a first round warms up."""
    times = {name: [] for name in rivals}
    for _ in range(rounds + 1):
        for name, rival in rivals.items():
            start = clock()
            rival()
            times[name].append(clock() - start)
    return {name: min(taken[1:]) for name, taken in times.items()}


def loader(
    people: PersonCrops, batch: int, steps: int, threads: int, options: dict, rounds: int = ROUNDS
) -> dict:
    """Steps on what the real loader brings, and as many on one batch that lies ready."""
    torch.manual_seed(0)
    values = recipe(batch, threads)
    batches = PeopleBatches(people, SIZE, values, seed=0)
    step = stepper(models.create("hrnet_w32", **options).train())
    cached = next(iter(batches.epoch(0, batches_of(0, len(people), values, 0)[:1])))
    epochs = iter(range(1, 100))

    def real():
        epoch = next(epochs)
        for found in batches.epoch(epoch, batches_of(epoch, len(people), values, 0)[:steps]):
            step(found)

    def ready():
        for _ in range(steps):
            step(cached)

    times = least({"loader": real, "cached": ready}, rounds)
    rates = {name: batch * steps / seconds for name, seconds in times.items()}
    return {
        "samples_per_second": rates,
        "workers": batches.loader.num_workers,
        "ratio": rates["loader"] / rates["cached"],
    }


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    info = Path("/proc/cpuinfo")
    words = set(info.read_text().split()) if info.exists() else set()
    return bool(words & {"avx512_bf16", "amx_bf16"})


def precision(people: PersonCrops, batch: int, threads: int) -> dict:
    """A full-size HRNet-W32 step: plain float32 against channels_last and bf16."""
    batches = PeopleBatches(people, SIZE, recipe(batch, threads), seed=0)
    order = batches_of(0, len(people), batches.training, 0)[:1]
    images, keypoints = next(iter(batches.epoch(0, order)))
    plain = stepper(models.create("hrnet_w32").train(), channels_last=False)
    fast = stepper(models.create("hrnet_w32").train(), bf16=True)
    found = images, keypoints
    times = least({"float32": lambda: plain(found), "channels_last_bf16": lambda: fast(found)})
    rates = {name: batch / seconds for name, seconds in times.items()}
    return {
        "samples_per_second": rates,
        "processor_has_bf16": has_bf16(),
        "ratio": rates["channels_last_bf16"] / rates["float32"],
    }


def postprocessing(crops: int = 640, per_image: int = 20, batch: int = 128) -> dict:
    """Decoding batch by batch and suppression at the end, as the stage evaluates COCO, against
    loops over people and joints.

    COCO's box file has 104,125 boxes on 5,000 photos. Seconds of this one thread's processor time,
    so that what else runs on the machine counts for neither.
    """
    rng = np.random.default_rng(0)
    heatmaps = rng.random((crops, 17, 64, 48), dtype=np.float32) * 0.1
    y, x = rng.integers(5, 59, (crops, 17)), rng.integers(5, 43, (crops, 17))
    heatmaps[np.arange(crops)[:, None], np.arange(17), y, x] = 1
    areas, scores = rng.uniform(500, 5000, crops), rng.random(crops)
    photo = np.arange(crops) // per_image
    results = {}

    def batched():
        parts = [decode(heatmaps[s : s + batch])[0] for s in range(0, crops, batch)]
        keypoints = np.concatenate(parts)
        results["batched"] = keypoints, oks_nms(keypoints, scores, areas, image_index=photo)

    def looped():
        keypoints = np.array([[_decode_joint(joint) for joint in maps] for maps in heatmaps])
        groups = np.arange(crops).reshape(-1, per_image).tolist()
        kept = [_loop_nms(group, keypoints, scores, areas) for group in groups]
        results["looped"] = keypoints, np.concatenate(kept)

    times = least({"batched": batched, "looped": looped}, rounds=15, clock=time.process_time)
    (ours, kept), (theirs, kept_too) = results["batched"], results["looped"]
    assert np.array_equal(ours, theirs) and np.array_equal(kept, kept_too)
    return {"seconds": times, "ratio": times["looped"] / times["batched"]}


def _decode_joint(heatmap: np.ndarray) -> tuple[float, float]:
    if not np.isfinite(heatmap).all():
        raise ValueError("a value is not finite")
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    px, py = float(x), float(y)
    if 1 < x < heatmap.shape[1] - 1 and 1 < y < heatmap.shape[0] - 1:
        px += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
        py += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return px, py


def _loop_nms(people: list[int], keypoints, scores, areas, threshold: float = 0.9) -> list[int]:
    waiting, kept = sorted(people, key=lambda d: -scores[d]), []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        waiting = [o for o in waiting if _loop_oks(best, o, keypoints, areas) <= threshold]
    return kept


def _loop_oks(first: int, second: int, keypoints, areas) -> float:
    area, total = (areas[first] + areas[second]) / 2, 0.0
    for joint in range(17):
        dx = keypoints[first, joint, 0] - keypoints[second, joint, 0]
        dy = keypoints[first, joint, 1] - keypoints[second, joint, 1]
        total += np.exp(-(dx**2 + dy**2) / (2 * SIGMAS[joint]) ** 2 / area / 2)
    return total / 17


def cpu(threads: int) -> dict:
    """Every CPU section; the loader streams, as it does for a set that memory cannot hold."""
    pose2d.RESIDENT_BYTES = 0
    cv2.setNumThreads(threads)
    people = crops_of(192)
    with exact(threads):
        return {
            "loader, HRNet-W32": loader(people, 2, 3, threads, {}) | {"aim": 0.9},
            "loader, reduced HRNet": loader(people, 16, 8, threads, REDUCED, 10) | {"aim": 0.9},
            "channels_last + bf16": precision(people, 2, threads) | {"aim": 1.5},
            "decode + NMS": postprocessing() | {"aim": 20},
        }


def main() -> None:
    """Runs what this machine can and prints a line a section."""
    parser = argparse.ArgumentParser(description="Costs of the 2D networks.")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads on a CPU")
    given = parser.parse_args()
    if torch.cuda.is_available():
        pose2d.RESIDENT_BYTES = 0
        found = pose2d_gpu.sections(crops_of(4096))
        facts = {"device": torch.cuda.get_device_name()}
    else:
        found = cpu(given.threads)
        facts = {"device": platform.processor() or platform.machine(), "threads": given.threads}
    for name, section in found.items():
        shown = {k: round(v, 3) for k, v in section.items() if isinstance(v, float | int)}
        print(f"{name:<28}{shown}")
    if given.out:
        files.write_json(given.out, {**facts, "torch": torch.__version__, "sections": found})


if __name__ == "__main__":
    main()
