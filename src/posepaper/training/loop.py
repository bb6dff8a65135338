"""The training loop: resumable to the byte, stopping at the first non-finite loss.

Everything random follows from (seed, epoch) and, for dropout, the step: the order of samples and
augmentation too. So a run continued from any step does what the undisturbed one would have.

Started by torchrun, every process trains on its share of each batch; the gradients are averaged,
batch norm's statistics stay each process's own (as in HRNet's public training on four GPUs), and
the first process keeps the state.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from posepaper.config import Training
from posepaper.errors import InputError, Interrupted, TrainingFailed
from posepaper.lease import Lease
from posepaper.progress import Progress
from posepaper.training import schedule
from posepaper.training.checkpoint import RunFolder, write_checkpoint
from posepaper.training.devices import exact, fabric_of, launched
from posepaper.training.interruption import Interruption
from posepaper.training.speed import Speed

# Reading the loss makes a GPU wait for its queue; on a CPU it costs nothing.
CHECK_EVERY = {"cpu": 1}
CHECK_EVERY_OTHERWISE = 50
# So do processes that ask one another whether a signal came; SLURM may wait for 30 s only.
ASK_EVERY_OTHERWISE = 10


class Batches(Protocol):
    """What is trained on: ``len`` samples, and the batches of an epoch in a given order."""

    def __len__(self) -> int: ...

    def epoch(self, epoch: int, batches: list[Tensor]) -> Iterable[tuple[Tensor, ...]]:
        """One tuple of tensors per (B,) tensor of sample indices.

        A sample is the same in every batch of its epoch: a run may go on with the last few.
        """


def derive_seed(seed: int, *path: int) -> int:
    """A seed for one purpose of a run, unrelated to its neighbours'."""
    return int(np.random.SeedSequence([seed, *path]).generate_state(1, np.uint64)[0])


def batches_of(epoch: int, samples: int, training: Training, seed: int) -> list[Tensor]:
    """Sample indices of an epoch's batches, shuffled by (seed, epoch).

    A last batch that is not full is left out (batch norm cannot do with one sample; the next
    epoch shuffles anew), unless it is the only one.
    """
    if samples == 0:
        raise ValueError("no samples to train on. Check the data of this experiment")
    generator = torch.Generator().manual_seed(derive_seed(seed, epoch, 1))
    order = torch.randperm(samples, generator=generator)[: training.samples_per_epoch]
    parts = list(order.split(training.batch))
    return parts[:-1] if len(parts) > 1 and len(parts[-1]) < training.batch else parts


def fit(
    model: nn.Module,
    batches: Batches,
    loss: Callable[[nn.Module, tuple[Tensor, ...]], Tensor],
    training: Training,
    run_folder: RunFolder,
    *,
    seed: int,
    label: str,
) -> list[dict]:
    """Trains ``model`` in place, from the run folder's last state if there is one.

    A finished run's folder is a cache: its weights are loaded and nothing is trained. The
    initial weights are the caller's, made under the run's seed.

    Args:
        loss: (network, batch on the device) -> scalar.
        label: the experiment and seed, for progress and errors.

    Returns:
        The curve, one {"epoch" from 1, "loss" mean over its batches, "lr"} per epoch.

    Raises:
        TrainingFailed: loss or weights stopped being finite. The last good state is kept and
            the folder's status reads "failed".
        InputError: the batch cannot be shared evenly among torchrun's processes.
        Interrupted: a signal asked it to stop. The state after the step it was at is saved.

    Where another process trains in the folder already, it is waited for. The status of a
    finished run says how fast it was: ``samples_per_second``, without the first batch, and
    ``peak_device_bytes`` on an accelerator.
    """
    alone = launched().rank == 0
    lease = Lease(run_folder.path).held() if alone else contextlib.nullcontext()
    with exact(training.threads), lease, Interruption() as interruption:
        run = _Run(model, batches, loss, training, run_folder, seed, label, interruption)
        return run.train()


class _Run:
    def __init__(self, model, batches, loss, training, folder, seed, label, interruption):
        self.interruption = interruption
        self.batches, self.loss, self.training = batches, loss, training
        self.folder, self.seed, self.label = folder, seed, label
        self.launch = launched()
        if training.batch % self.launch.processes:
            what = f"{training.batch} samples do not share out to {self.launch.processes} processes"
            raise InputError("batch", what, "Start torchrun with a divisor of the batch")
        self.fabric = fabric_of(training.precision)
        self.fabric.launch()
        self.model = model.to(self.fabric.device)
        self.optimizer = _optimizer(self.model, training)
        wrapped = _compiled(self.model) if training.compile else self.model
        self.wrapped, self.wrapped_optimizer = self.fabric.setup(wrapped, self.optimizer)
        self.scaler = self.fabric.strategy.precision
        kind = self.fabric.device.type
        self.check_every = CHECK_EVERY.get(kind, CHECK_EVERY_OTHERWISE)
        self.ask_every = CHECK_EVERY.get(kind, ASK_EVERY_OTHERWISE)
        self.curve: list[dict] = []
        self.begun: list[float] = []
        self.speed = Speed()

    def train(self) -> list[dict]:
        self._restore()
        epochs = self.training.epochs
        if len(self.curve) < epochs:
            self._note("running")
            try:
                self._epochs()
            except TrainingFailed as failure:
                self._note("failed", error=str(failure))
                raise
            except Interrupted as stopped:
                self._note("stopped", error=str(stopped))
                raise
            self._note("finished", **self._measured())
        elif self.folder.status["state"] != "finished":
            self._note("finished")
        self.model.eval()
        return self.curve

    def _note(self, state: str, **facts) -> None:
        if self.launch.rank == 0:
            self.folder.set_status(state, **facts)

    def _measured(self) -> dict:
        processes = self.launch.processes
        facts = {"samples_per_second": self.speed.rate * processes, "processes": processes}
        if self.fabric.device.type == "cuda":
            facts["peak_device_bytes"] = torch.cuda.max_memory_allocated(self.fabric.device)
        return facts

    def _epochs(self) -> None:
        training, done = self.training, len(self.curve)
        steps = len(self._order(0))
        shown = self.launch.rank == 0
        with Progress(self.label, training.epochs * steps, shown=shown) as progress:
            progress.skip(done * steps + len(self.begun))
            for epoch in range(done, training.epochs):
                mean = self._epoch(epoch, progress)
                rate = schedule.learning_rate(training, epoch)
                self.curve.append({"epoch": epoch + 1, "loss": mean, "lr": rate})
                # Before the state: who goes on from that one does not come by here again.
                if training.validate_every and (epoch + 1) % training.validate_every == 0:
                    self._keep(epoch + 1)
                last = epoch + 1 == training.epochs
                stop = not last and self._asked_to_stop(0)
                if stop or last or (epoch + 1) % training.save_every == 0:
                    self._save()
                if stop:
                    where = f"epoch {epoch + 1}, step {steps} of {steps}"
                    raise self.interruption.error(self.label, where)

    def _epoch(self, epoch: int, progress: Progress) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate(self.training, epoch)
        momentum = schedule.batchnorm_momentum(self.training, epoch)
        if momentum is not None:
            schedule.set_batchnorm_momentum(self.model, momentum)
        self.wrapped.train()
        order, first = self._order(epoch), len(self.begun)
        losses = torch.zeros(len(order), device=self.fabric.device)
        losses[:first] = torch.tensor(self.begun)
        self.begun = []
        shown = {"loss": self.curve[-1]["loss"]} if self.curve else {}
        for step, batch in enumerate(self.batches.epoch(epoch, order[first:]), first):
            torch.manual_seed(derive_seed(self.seed, epoch, 0, step, self.launch.rank))
            losses[step] = self._step(self.fabric.to_device(batch))
            self.speed.step(step - first, len(batch[0]))
            if (step + 1) % self.check_every == 0:
                self._check(losses, epoch, step + 1 - self.check_every)
            progress.update(1, epoch=epoch + 1, **shown)
            if step + 1 < len(order) and self._asked_to_stop(step):
                self._check(losses, epoch, 0)
                self._save(losses[: step + 1])
                where = f"epoch {epoch + 1}, step {step + 1} of {len(order)}"
                raise self.interruption.error(self.label, where)
        self._check(losses, epoch, 0)
        mean = self.fabric.all_reduce(losses.double().mean()).item()
        self.speed.end()
        return mean

    def _asked_to_stop(self, step: int) -> bool:
        """Whether a signal came, to any process: all of them stop after the same step."""
        asked = self.interruption.signal is not None
        if self.launch.processes == 1:
            return asked
        if step and (step + 1) % self.ask_every:
            return False
        return bool(self.fabric.all_reduce(torch.tensor(float(asked)), reduce_op="sum").item())

    def _step(self, batch: tuple[Tensor, ...]) -> Tensor:
        self.wrapped_optimizer.zero_grad()
        loss = self.loss(self.wrapped, batch)
        self.fabric.backward(loss)
        self.wrapped_optimizer.step()
        return loss.detach()

    def _order(self, epoch: int) -> list[Tensor]:
        batches = batches_of(epoch, len(self.batches), self.training, self.seed)
        return [batch[self.launch.rank :: self.launch.processes] for batch in batches]

    def _check(self, losses: Tensor, epoch: int, first: int) -> None:
        finite = torch.isfinite(losses[first:])
        if not finite.all():
            batch = first + int((~finite).nonzero()[0]) + 1
            what = f"the loss is {losses[batch - 1].item()}"
            raise TrainingFailed(f"{self.label}: {what} at epoch {epoch + 1}, batch {batch}")

    def _check_weights(self, epoch: int) -> None:
        for name, value in self.model.state_dict().items():
            if not torch.isfinite(value).all():
                what = f"{name} is not finite after epoch {epoch}, its last batch"
                raise TrainingFailed(f"{self.label}: {what}")

    def _save(self, losses: Tensor | None = None) -> None:
        """Keeps the state after an epoch, or within one after the steps that gave ``losses``."""
        epoch, step = len(self.curve), 0 if losses is None else len(losses)
        self._check_weights(epoch)
        state = {"epoch": epoch, "step": step, "curve": self.curve}
        # (processes, steps): their mean is taken at the epoch's end, or it would round otherwise.
        shared = [] if losses is None else self.fabric.all_gather(losses).reshape(-1, step)
        state["losses"] = [row.tolist() for row in shared]
        state["model"] = self.model.state_dict()
        if epoch < self.training.epochs:
            state["optimizer"] = self.optimizer.state_dict()
            state["scaler"] = self.scaler.state_dict()
        if self.launch.rank == 0:
            self.folder.save(state)

    def _keep(self, epoch: int) -> None:
        self._check_weights(epoch)
        if self.launch.rank == 0:
            write_checkpoint(self.folder.kept(epoch), self.model, {"epoch": epoch})

    def _restore(self) -> None:
        # One process chooses: what another node sees of the folder may be older.
        name = self.fabric.broadcast(self.folder.newest() if self.launch.rank == 0 else None)
        if name is None:
            return
        state = self.folder.load(name)
        self.model.load_state_dict(state["model"])
        self.curve, losses = state["curve"], torch.tensor(state["losses"])
        if len(losses):
            same = len(losses) == self.launch.processes
            self.begun = (losses[self.launch.rank] if same else losses.mean(dim=0)).tolist()
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])


def _compiled(model: nn.Module) -> nn.Module:
    # The compiler's own kernels are to be deterministic too.
    torch.use_deterministic_algorithms(True)
    return torch.compile(model)


def _optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if training.optimizer == "adamw" else torch.optim.Adam
    return kind(
        model.parameters(),
        lr=training.lr,
        weight_decay=training.weight_decay,
        amsgrad=training.optimizer == "amsgrad",
        fused=True,
    )
