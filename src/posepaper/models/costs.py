"""What a network costs, whatever runs it: parameters and multiply-accumulates."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

IMAGE = (256, 192)
JOINTS, JOINTS_OF_MARTINEZ = 17, 16
# Frames of the sequence over which VideoPose3D's margins are shared out.
SEQUENCE = 1000


def parameters(model: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(p.numel() for p in model.parameters())


def gmac(model: nn.Module, image: Sequence[int] = IMAGE) -> float:
    """Billions of multiply-accumulates of convolutions and matrix products for one output.

    That is a crop of ``image`` (height, width) for a 2D network. For a lifting network it is a
    frame: a whole window for the transformers, and a thousandth of a sequence of 1,000 frames
    with padded edges for VideoPose3D, which shares its layers' results between frames. So its
    lower layers' work on the padding counts (at 243 frames 15 % more than each weight once).
    """
    if not hasattr(model, "receptive_field"):
        return _gmac(model, 1, 3, *image)
    if hasattr(model, "forward_window"):
        padded = SEQUENCE + model.receptive_field - 1
        return _gmac(model, 1, padded, JOINTS, 2) / SEQUENCE
    if hasattr(model, "temporal"):
        return _gmac(model, 1, model.receptive_field, JOINTS, 2)
    return _gmac(model, 1, JOINTS_OF_MARTINEZ, 2)


def _gmac(model: nn.Module, *shape: int) -> float:
    first = next(model.parameters())
    training = model.training
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(shape, device=first.device, dtype=first.dtype))
    model.train(training)
    return counter.get_total_flops() / 2e9
