"""What lifting costs, against plain twins in the same run.

    python benchmarks/lifting.py [--out benchmarks/results/lifting-cpu.json]

CPU sections print ratios, which hold across machines; each time is the least of several rounds,
in which the rivals take turns, on one thread. GPU sections run only where there is one.
"""

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import lifting_gpu
import numpy as np
import torch
from torch.utils.data import Dataset, default_collate

from posepaper import files, models
from posepaper.skeleton import H36M
from posepaper.training.lifting import position_loss
from posepaper.training.prediction import predict_lifting
from posepaper.training.windows import Windows, mirror, pad_edges

REDUCED = {"spatial_width": 8, "depth": 2, "heads": 2}
ROUNDS = 5


class PerSampleLoader(Dataset):
    """A window cut, padded and mirrored per sample in numpy, in float64, as the public trainers do;
    float32 once the batch is whole."""

    def __init__(self, keypoints, poses, receptive_field: int):
        self.keypoints, self.poses, self.margin = keypoints, poses, receptive_field // 2
        self.index = [
            (number, frame, flip)
            for flip in (False, True)
            for number, sequence in enumerate(keypoints)
            for frame in range(len(sequence))
        ]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, sample: int) -> tuple[np.ndarray, np.ndarray]:
        number, frame, flip = self.index[sample]
        sequence, pose = self.keypoints[number], self.poses[number][frame : frame + 1]
        first, last = frame - self.margin, frame + self.margin + 1
        low, high = max(first, 0), min(last, len(sequence))
        window = sequence[low:high]
        if (low, high) != (first, last):
            window = np.pad(window, ((low - first, last - high), (0, 0), (0, 0)), "edge")
        pose = pose - pose[:, :1]
        return tuple((_mirrored(a) if flip else a).astype(np.float64) for a in (window, pose))


def _mirrored(joints: np.ndarray) -> np.ndarray:
    joints = joints[:, list(H36M.flip)]
    joints[..., 0] *= -1
    return joints


def sequences(lengths, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Random 2D keypoints (T, 17, 2) and 3D poses (T, 17, 3), float32."""
    rng = np.random.default_rng(seed)
    make = [[rng.standard_normal((t, 17, c)).astype(np.float32) for t in lengths] for c in (2, 3)]
    return make[0], make[1]


def least(rivals: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of CPU of each rival's fastest round; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, run in rivals.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: min(spent) for name, spent in times.items()}


def batch_assembly(frames: int, batch: int) -> dict:
    """One batch of windows and targets, against a per-sample loader."""
    keypoints, poses = sequences(np.random.default_rng(0).integers(300, 1500, 40))
    windows = Windows(keypoints, poses, receptive_field=frames, skeleton=H36M, flip=True)
    loader = PerSampleLoader(keypoints, poses, frames)
    index = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))[:batch]

    def ours():
        return windows.gather(index), windows.targets(index)

    def twin():
        return [part.float() for part in default_collate([loader[i] for i in index.tolist()])]

    for mine, theirs in zip(ours(), twin(), strict=True):
        assert torch.equal(mine, theirs)
    spent = least({"ours": ours, "twin": twin}, rounds=15)
    return {
        "case": f"batch assembly, {frames} frames, batch {batch}",
        "ours": batch / spent["ours"],
        "twin": batch / spent["twin"],
        "unit": "samples/s",
        "ratio": spent["twin"] / spent["ours"],
        "aim": ">= 20",
    }


@torch.inference_mode()
def windowed(network: torch.nn.Module, keypoints, frames: int) -> list[np.ndarray]:
    """The whole network on every window of a sequence in one batch, flip included."""
    found = []
    for sequence in keypoints:
        view = pad_edges(torch.from_numpy(sequence), frames).unfold(0, frames, 1)
        windows = view.permute(0, 3, 1, 2)
        joints = network(windows) + mirror(network(mirror(windows, H36M)), H36M)
        found.append((joints / 2).squeeze(1).numpy())
    return found


def evaluation(name: str, options: dict, lengths: list[int]) -> dict:
    """A test set through a transformer, against every window on its own."""
    torch.manual_seed(0)
    network = models.create(name, frames=81, **options).eval()
    keypoints, _ = sequences(lengths)
    found = {}

    def ours():
        found["ours"] = list(predict_lifting(network, keypoints, skeleton=H36M, flip=True))

    def twin():
        found["twin"] = windowed(network, keypoints, 81)

    spent = least({"ours": ours, "twin": twin}, rounds=2)
    pairs = zip(found["ours"], found["twin"], strict=True)
    return {
        "case": f"evaluation, {name} 81, {_size(options)}, sequences of {max(lengths)}",
        "ours": sum(lengths) / spent["ours"],
        "twin": sum(lengths) / spent["twin"],
        "unit": "frames/s",
        "ratio": spent["twin"] / spent["ours"],
        "aim": ">= 1.5, same output",
        "largest difference": max(float(np.abs(a - b).max()) for a, b in pairs),
    }


def training_step(options: dict, batch: int) -> dict:
    """A training step of ours at 81 frames against PoseFormer's."""
    x, y = torch.randn(batch, 81, 17, 2), torch.randn(batch, 1, 17, 3)
    spent = least({name: _step(name, options, x, y) for name in ("gsam", "poseformer")}, rounds=7)
    return {
        "case": f"training step, ours against PoseFormer, 81 frames, {_size(options)}",
        "ours": batch / spent["gsam"],
        "twin": batch / spent["poseformer"],
        "unit": "samples/s",
        "ratio": spent["gsam"] / spent["poseformer"],
        "aim": "<= 1.10" if not options else "none: the aim is for the full size",
    }


def _step(name: str, options: dict, x, y) -> Callable[[], None]:
    torch.manual_seed(0)
    network = models.create(name, frames=81, **options).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step():
        optimizer.zero_grad()
        position_loss(network, (x, y)).backward()
        optimizer.step()

    step()
    return step


def _size(options: dict) -> str:
    return f"width {options['spatial_width']} depth {options['depth']}" if options else "full size"


def cpu_sections() -> list[dict]:
    """Every CPU section's row."""
    short = np.random.default_rng(1).integers(36, 48, 40).tolist()
    return [
        *(batch_assembly(frames, batch) for frames in (27, 81) for batch in (256, 1024)),
        evaluation("poseformer", {}, [150, 90]),
        evaluation("poseformer", {}, short[:4]),
        evaluation("poseformer", REDUCED, [600, 400]),
        evaluation("poseformer", REDUCED, short),
        training_step({}, 16),
        training_step(REDUCED, 32),
    ]


def show(rows: list[dict]) -> None:
    """Prints the rows as a table."""
    for row in rows:
        numbers = f"{row['ours']:12,.1f} {row['twin']:12,.1f} {row['unit']:10}"
        print(f"{row['case']:64} {numbers} {row['ratio']:6.2f}x  aim {row['aim']}")


def main() -> None:
    """Runs what this machine can run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the numbers here, as JSON")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'':64} {'ours':>12} {'twin':>12} {'':10} {'ratio':>6}")
    rows = cpu_sections()
    show(rows)
    facts = {"processor": platform.machine(), "torch": torch.__version__, "threads": 1}
    result = {"machine": facts, "cpu": rows}
    if torch.cuda.is_available():
        result["gpu"] = lifting_gpu.sections()
        lifting_gpu.show(result["gpu"])
    if given.out:
        files.write_json(given.out, result)


if __name__ == "__main__":
    main()
