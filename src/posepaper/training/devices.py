"""What a process trains and predicts on, alone or as one of torchrun's: devices and kernels."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch

from posepaper.errors import InputError

if TYPE_CHECKING:
    import lightning_fabric


class Launch(NamedTuple):
    """The processes of one training, as torchrun tells each of them."""

    devices: int
    nodes: int
    rank: int

    @property
    def processes(self) -> int:
        """Of all nodes."""
        return self.devices * self.nodes


def launched() -> Launch:
    """How this process was started; alone, where not by torchrun."""
    given = (os.environ.get(name) for name in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "RANK"))
    devices, nodes, rank = given
    return Launch(int(devices or 1), int(nodes or 1), int(rank or 0))


@contextlib.contextmanager
def exact(threads: int) -> Iterator[None]:
    """Deterministic kernels only, on a fixed number of threads; undone at the end."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    torch.set_num_threads(threads)
    # use_deterministic_algorithms would load torch's compiler, for a second and for nothing.
    torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_deterministic_debug_mode(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = fill


def on_cpu() -> bool:
    """Whether the user wants the CPU whatever else there is, by ``POSEPAPER_CPU=1``."""
    return os.environ.get("POSEPAPER_CPU", "") not in ("", "0")


def check_granted() -> None:
    """Refuses to do a GPU's work on a CPU, for days and unseen.

    Raises:
        InputError: SLURM gave this job GPUs that torch cannot use, and ``POSEPAPER_CPU`` is unset.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "") if "SLURM_JOB_ID" in os.environ else ""
    if given in ("", "NoDevFiles") or torch.cuda.is_available() or on_cpu():
        return
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    raise InputError(
        f"GPU {given} of SLURM job {os.environ['SLURM_JOB_ID']}",
        f"cannot be used by torch {torch.__version__}, {built}",
        "Remove .venv and make it again without a CPU TORCH_INDEX, look at the node's driver with"
        " nvidia-smi, or set POSEPAPER_CPU=1 to train on the CPU",
    )


def fabric_of(precision: str = "32-true") -> "lightning_fabric.Fabric":
    """Devices and precision of this process: its accelerator, or the CPU.

    Raises:
        InputError: as :func:`check_granted`.
    """
    check_granted()
    # It loads torch's compiler, which takes as long as torch itself and which few jobs need.
    import lightning_fabric
    from lightning_fabric.plugins.environments import LightningEnvironment

    launch = launched()
    # Alone, nothing is to be found out from SLURM's variables, which speak of the whole job.
    plugins = [LightningEnvironment()] if launch.processes == 1 else None
    return lightning_fabric.Fabric(
        accelerator="cpu" if on_cpu() else "auto",
        devices=launch.devices,
        num_nodes=launch.nodes,
        # torch would share gradients out anew after the first step, and a run that goes on would
        # add them up in another order; where it looks for unused ones, it does not.
        strategy="ddp_find_unused_parameters_true" if launch.processes > 1 else "auto",
        precision=precision,
        plugins=plugins,
    )


def device() -> torch.device:
    """The device training and prediction run on: this process's accelerator, or the CPU.

    Raises:
        InputError: as :func:`check_granted`.
    """
    check_granted()
    alone = on_cpu() or not torch.accelerator.is_available()
    return torch.device("cpu") if alone else fabric_of().device
