"""Learning rate and batch-norm momentum of an epoch, as plain functions of its number.

Set anew every epoch rather than kept in a scheduler object: nothing to save, nothing to drift.
"""

from torch import nn

from posepaper.config import Training

MILESTONE_FACTOR = 0.1


def learning_rate(training: Training, epoch: int) -> float:
    """The rate of an epoch counted from 0.

    ``lr_decay`` multiplies once every ``lr_decay_every`` epochs (1: exponential decay); every
    milestone reached divides by ten (HRNet: 170 and 200).
    """
    passed = sum(epoch >= milestone for milestone in training.milestones)
    decay = training.lr_decay ** (epoch // training.lr_decay_every)
    return training.lr * decay * MILESTONE_FACTOR**passed


def batchnorm_momentum(training: Training, epoch: int) -> float | None:
    """Momentum of an epoch counted from 0, falling exponentially from the first to the second
    of ``bn_momentum`` over the training (VideoPose3D), or None: the network's own."""
    if training.bn_momentum is None:
        return None
    first, last = training.bn_momentum
    return first * (last / first) ** (epoch / training.epochs)


def set_batchnorm_momentum(model: nn.Module, momentum: float) -> None:
    """Sets the momentum of every batch norm of a network."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = momentum
