"""Which devices a process trains and predicts on, alone or as one of torchrun's processes."""

import os
from typing import TYPE_CHECKING, NamedTuple

import torch

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


def fabric_of(precision: str = "32-true") -> "lightning_fabric.Fabric":
    """Devices and precision of this process: its accelerator, or the CPU."""
    # It loads torch's compiler, which takes as long as torch itself and which few jobs need.
    import lightning_fabric
    from lightning_fabric.plugins.environments import LightningEnvironment

    launch = launched()
    # Alone, nothing is to be found out from SLURM's variables, which speak of the whole job.
    plugins = [LightningEnvironment()] if launch.processes == 1 else None
    return lightning_fabric.Fabric(
        accelerator="auto",
        devices=launch.devices,
        num_nodes=launch.nodes,
        # torch would share gradients out anew after the first step, and a run that goes on would
        # add them up in another order; where it looks for unused ones, it does not.
        strategy="ddp_find_unused_parameters_true" if launch.processes > 1 else "auto",
        precision=precision,
        plugins=plugins,
    )


def device() -> torch.device:
    """The device training and prediction run on: this process's accelerator, or the CPU."""
    return fabric_of().device if torch.accelerator.is_available() else torch.device("cpu")
