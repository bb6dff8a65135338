"""Two processes that torchrun started train what one does alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from posepaper.config import Training
from posepaper.errors import InputError
from posepaper.training.checkpoint import RunFolder, read_checkpoint, write_checkpoint
from posepaper.training.devices import check_granted, device, fabric_of, launched
from posepaper.training.loop import fit

torch.set_num_threads(1)
TORCHRUN = ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "RANK")


class Samples:
    def __init__(self):
        generator = torch.Generator().manual_seed(5)
        self.x = torch.randn(48, 6, generator=generator)
        self.y = self.x @ torch.randn(6, 2, generator=generator)

    def __len__(self):
        return len(self.x)

    def epoch(self, epoch, batches):
        yield from ((self.x[index], self.y[index]) for index in batches)


def train(path, epochs=4):
    """A network without batch norm or dropout, for which sharing a batch changes nothing."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Linear(16, 2))
    recipe = Training(lr=1e-2, epochs=epochs, batch=8, threads=1)

    def loss(model, batch):
        return (model(batch[0]) - batch[1]).square().mean()

    curve = fit(model, Samples(), loss, recipe, RunFolder(path), seed=0, label="toy")
    if launched().rank == 0:
        write_checkpoint(path / "end.safetensors", model, {"curve": curve})


def torchrun(path, epochs):
    script = path.parent / "main.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\nfrom test_devices import train\n"
        f"train(Path({str(path)!r}), epochs={epochs})\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    environment = {k: v for k, v in os.environ.items() if k not in TORCHRUN}
    environment |= {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*command, "--nproc-per-node=2", str(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_equal_one_and_resume(tmp_path):
    train(tmp_path / "one")
    torchrun(tmp_path / "two", epochs=4)
    weights, facts = read_checkpoint(tmp_path / "one" / "end.safetensors")
    shared, shared_facts = read_checkpoint(tmp_path / "two" / "end.safetensors")
    for name, value in weights.items():
        torch.testing.assert_close(shared[name], value, rtol=1e-4, atol=1e-6)
    for ours, theirs in zip(shared_facts["curve"], facts["curve"], strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
    assert RunFolder(tmp_path / "two").status["state"] == "finished"


def test_alone_is_the_default(monkeypatch):
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    assert launched() == (1, 1, 0)
    values = {"LOCAL_WORLD_SIZE": "4", "GROUP_WORLD_SIZE": "2", "RANK": "5"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert launched() == (4, 2, 5) and launched().processes == 8


def test_a_batch_that_does_not_share_out_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(InputError, match="8 samples do not share out to 3 processes"):
        train(tmp_path)


def test_a_gpu_that_torch_cannot_use_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("POSEPAPER_CPU", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    check_granted()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for refused in (check_granted, device, fabric_of):
        with pytest.raises(InputError, match=r"GPU 0,1 of SLURM job 7: cannot be used by torch"):
            refused()
    monkeypatch.setenv("POSEPAPER_CPU", "1")
    assert device() == torch.device("cpu")
    monkeypatch.delenv("POSEPAPER_CPU")
    for none in ("", "NoDevFiles"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        check_granted()
