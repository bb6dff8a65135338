import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from posepaper.config import Training
from posepaper.errors import Interrupted, TrainingFailed
from posepaper.training.checkpoint import RunFolder, read_checkpoint, write_checkpoint
from posepaper.training.devices import exact
from posepaper.training.loop import batches_of, derive_seed, fit

torch.set_num_threads(1)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


class Samples:
    """Noisy samples of a linear map; calls ``before(epoch, step)`` ahead of every batch."""

    def __init__(self, before=lambda epoch, step: None, poison=None):
        generator = torch.Generator().manual_seed(5)
        self.x = torch.randn(41, 6, generator=generator)
        self.y = self.x @ torch.randn(6, 2, generator=generator)
        self.before, self.poison = before, poison

    def __len__(self):
        return len(self.x)

    def epoch(self, epoch, batches):
        for step, index in enumerate(batches):
            self.before(epoch, step)
            x = self.x[index]
            yield (x * float("nan") if (epoch, step) == self.poison else x), self.y[index]


def loss(model, batch):
    x, y = batch
    return (model(x) - y).square().mean()


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2)
    )


def recipe(**values):
    base = {"lr": 1e-2, "epochs": 5, "batch": 8, "threads": 1, "lr_decay": 0.9}
    return Training(**base | {"optimizer": "amsgrad", "bn_momentum": (0.1, 0.01)} | values)


def run(path, samples=None, seed=0, **values):
    model = network(seed)
    curve = fit(
        model, samples or Samples(), loss, recipe(**values), RunFolder(path), seed=seed, label="toy"
    )
    write_checkpoint(path / "end.safetensors", model, {"curve": curve})
    return (path / "end.safetensors").read_bytes(), curve


def kill_at(moment):
    def before(epoch, step):
        if (epoch, step) == moment:
            raise Killed

    return before


@pytest.mark.parametrize("moment", [(0, 2), (1, 0), (3, 4), (4, 1)])
@pytest.mark.parametrize(
    "values",
    [{}, {"optimizer": "adamw", "save_every": 2}, {"optimizer": "adam", "precision": "bf16-mixed"}],
)
def test_a_killed_run_ends_in_the_same_bytes(tmp_path, moment, values):
    undisturbed, _ = run(tmp_path / "a", **values)
    with pytest.raises(Killed):
        run(tmp_path / "b", Samples(kill_at(moment)), **values)
    assert RunFolder(tmp_path / "b").status == {"state": "running"}
    assert run(tmp_path / "b", **values)[0] == undisturbed
    status = RunFolder(tmp_path / "b").status
    assert status["state"] == "finished" and status["samples_per_second"] > 0


def signal_at(moment, number):
    def before(epoch, step):
        if (epoch, step) == moment:
            os.kill(os.getpid(), number)

    return before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.parametrize("moment", [(0, 0), (2, 3), (3, 4), (4, 3)])
def test_a_signal_stops_after_the_step_it_meets(tmp_path, moment, number):
    """The first and a middle step, the last of an epoch, and the last but one of all."""
    undisturbed, curve = run(tmp_path / "a")
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=f"toy: stopped by {number.name} at epoch .*Run again"):
        run(tmp_path / "b", Samples(signal_at(moment, number)))
    assert signal.getsignal(number) == before
    assert RunFolder(tmp_path / "b").status["state"] == "stopped"
    trained = []
    again = run(tmp_path / "b", Samples(lambda epoch, step: trained.append((epoch, step))))
    assert again == (undisturbed, curve)
    assert len(trained) == 5 * 5 - (5 * moment[0] + moment[1] + 1)


@pytest.mark.parametrize(("batch", "epochs"), [(8, 2), (41, 10)])
def test_a_run_may_be_stopped_at_every_step(tmp_path, batch, epochs):
    """Ten of them, five an epoch or one."""
    undisturbed = run(tmp_path / "a", batch=batch, epochs=epochs)

    def always(epoch, step):
        os.kill(os.getpid(), signal.SIGTERM)

    stops = 0
    while True:
        try:
            assert run(tmp_path / "b", Samples(always), batch=batch, epochs=epochs) == undisturbed
            break
        except Interrupted:
            stops += 1
    assert stops == 9, "after the last step nothing is left"


SIGKILLED = """
import os, signal, sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from test_loop import Samples, run

def before(epoch, step):
    if (epoch, step) == (2, 3):
        os.kill(os.getpid(), signal.SIGKILL)

run(Path({path!r}), Samples(before))
"""


def test_a_process_killed_outright_ends_in_the_same_bytes(tmp_path):
    script = SIGKILLED.format(folder=str(Path(__file__).parent), path=str(tmp_path / "b"))
    child = subprocess.run([sys.executable, "-c", script], env={**os.environ}, check=False)
    assert child.returncode == -signal.SIGKILL
    assert run(tmp_path / "b")[0] == run(tmp_path / "a")[0]


def test_a_run_whose_newest_state_is_damaged_still_ends_in_the_same_bytes(tmp_path):
    undisturbed, _ = run(tmp_path / "a")
    with pytest.raises(Killed):
        run(tmp_path / "b", Samples(kill_at((3, 1))))
    max((tmp_path / "b").glob("state-*")).write_bytes(b"PK\x03\x04")
    assert run(tmp_path / "b")[0] == undisturbed


def test_epochs_are_kept_where_the_recipe_asks(tmp_path):
    undisturbed, _ = run(tmp_path / "a")
    with pytest.raises(Killed):
        run(tmp_path / "b", Samples(kill_at((3, 1))), validate_every=2)
    assert run(tmp_path / "b", validate_every=2)[0] == undisturbed
    kept = [RunFolder(tmp_path / "b").kept(epoch) for epoch in (2, 4)]
    assert sorted((tmp_path / "b").glob("epoch-*")) == kept
    first, early = read_checkpoint(kept[0])[0], read_checkpoint(kept[1])[0]
    last = read_checkpoint(tmp_path / "b" / "end.safetensors")[0]
    assert not torch.equal(first["0.weight"], last["0.weight"])
    assert not torch.equal(early["0.weight"], last["0.weight"])


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a compiler")
def test_a_compiled_network_trains_alike(tmp_path):
    curves = []
    for name in "ab":
        model = network()
        # Compiled dropout draws in another order.
        model[3].p = 0.0
        values = recipe(epochs=2, compile=name == "b")
        folder = RunFolder(tmp_path / name)
        curves.append(fit(model, Samples(), loss, values, folder, seed=0, label="toy"))
        assert model.state_dict().keys() == network().state_dict().keys()
    for plain, compiled in zip(*curves, strict=True):
        assert compiled["loss"] == pytest.approx(plain["loss"], rel=1e-3)


def test_seed_decides_the_bytes(tmp_path):
    first, curve = run(tmp_path / "a")
    assert run(tmp_path / "b") == (first, curve)
    assert run(tmp_path / "c", seed=1)[0] != first


def test_a_finished_run_is_a_cache(tmp_path):
    trained, curve = run(tmp_path)
    untouched = Samples(kill_at((0, 0)))
    assert run(tmp_path, untouched) == (trained, curve)


def test_the_curve_tells_epoch_loss_and_rate(tmp_path):
    _, curve = run(tmp_path, epochs=12)
    assert [set(point) for point in curve] == [{"epoch", "loss", "lr"}] * 12
    assert [point["epoch"] for point in curve] == list(range(1, 13))
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]
    assert curve[2]["lr"] == pytest.approx(1e-2 * 0.81)


def test_a_loss_that_is_not_finite_stops_at_once(tmp_path):
    with pytest.raises(TrainingFailed, match=r"toy: the loss is nan at epoch 3, batch 2$"):
        run(tmp_path, Samples(poison=(2, 1)))
    folder = RunFolder(tmp_path)
    assert folder.status == {"state": "failed", "error": "toy: the loss is nan at epoch 3, batch 2"}
    state = folder.load(folder.newest())
    assert state["epoch"] == 2
    assert all(torch.isfinite(v).all() for v in state["model"].values())


def test_the_first_bad_batch_is_named_when_the_check_comes_late(tmp_path, monkeypatch):
    monkeypatch.setattr("posepaper.training.loop.CHECK_EVERY", {"cpu": 50})
    with pytest.raises(TrainingFailed, match=r"epoch 3, batch 2$"):
        run(tmp_path, Samples(poison=(2, 1)))


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    with pytest.raises(TrainingFailed, match=r"toy: .* is not finite after epoch 1"):
        run(tmp_path, lr=1e38, weight_decay=1e30, epochs=1, batch=41, validate_every=1)
    assert RunFolder(tmp_path).newest() is None and not RunFolder(tmp_path).kept(1).exists()


def test_order_of_an_epoch():
    values = recipe(samples_per_epoch=20, batch=8)
    first = batches_of(0, 41, values, seed=0)
    assert [len(b) for b in first] == [8, 8]
    drawn = torch.cat(first)
    assert len(drawn.unique()) == 16
    assert not torch.equal(drawn, torch.cat(batches_of(1, 41, values, seed=0)))
    assert not torch.equal(drawn, torch.cat(batches_of(0, 41, values, seed=1)))
    assert torch.equal(drawn, torch.cat(batches_of(0, 41, values, seed=0)))
    assert [len(b) for b in batches_of(0, 5, values, seed=0)] == [5]
    with pytest.raises(ValueError, match="no samples"):
        batches_of(0, 0, values, seed=0)


def test_seeds_of_purposes_differ():
    seeds = {derive_seed(s, e, p) for s in range(3) for e in range(20) for p in range(3)}
    assert len(seeds) == 180


def test_exact_is_undone():
    with exact(2):
        assert torch.get_num_threads() == 2
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()
