"""The networks of both papers, by name.

Each stands in a file of its own and knows no dataset. `create` imports the asked one only, so
that what a training run depends on is one network and not all of them: a fingerprint follows the
registry's entry that the settings name.
"""

import difflib
import inspect

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def _hrnet() -> type[nn.Module]:
    from posepaper.models.hrnet import HRNet

    return HRNet


def _simplebaseline() -> type[nn.Module]:
    from posepaper.models.simplebaseline import SimpleBaseline

    return SimpleBaseline


def _hourglass() -> type[nn.Module]:
    from posepaper.models.hourglass import Hourglass

    return Hourglass


def _moganet() -> type[nn.Module]:
    from posepaper.models.moganet import MogaNet

    return MogaNet


def _martinez() -> type[nn.Module]:
    from posepaper.models.martinez import Martinez

    return Martinez


def _videopose3d() -> type[nn.Module]:
    from posepaper.models.videopose3d import VideoPose3D

    return VideoPose3D


def _poseformer() -> type[nn.Module]:
    from posepaper.models.poseformer import PoseFormer

    return PoseFormer


def _gsam() -> type[nn.Module]:
    from posepaper.models.gsam import GSAM

    return GSAM


_NETWORKS = {
    "hrnet_w32": (_hrnet, {"width": 32}),
    "hrnet_w48": (_hrnet, {"width": 48}),
    "simplebaseline_resnet50": (_simplebaseline, {"blocks": (3, 4, 6, 3)}),
    "simplebaseline_resnet101": (_simplebaseline, {"blocks": (3, 4, 23, 3)}),
    "hourglass_8": (_hourglass, {"stacks": 8}),
    "moganet_tiny": (
        _moganet,
        {"widths": (32, 64, 128, 256), "depths": (3, 3, 12, 2), "drop_path": 0.15},
    ),
    "moganet_small": (
        _moganet,
        {"widths": (64, 128, 320, 512), "depths": (2, 3, 12, 2), "drop_path": 0.2},
    ),
    "martinez": (_martinez, {}),
    "videopose3d": (_videopose3d, {}),
    "poseformer": (_poseformer, {}),
    "gsam": (_gsam, {}),
}


def list() -> tuple[str, ...]:
    """The names `create` knows."""
    return tuple(_NETWORKS)


def create(name: str, **options) -> nn.Module:
    """Build a network with its published initial values (torch's random state decides them).

    Options are those of the network's class and take precedence over what its name implies.
    Raises ValueError naming the nearest known name, or the option that does not exist.
    """
    if name not in _NETWORKS:
        near = difflib.get_close_matches(name, _NETWORKS, n=1, cutoff=0)[0]
        raise ValueError(f"{name!r} is no network. The nearest is {near!r}")
    load, implied = _NETWORKS[name]
    network = load()
    known = inspect.signature(network).parameters
    for option in options:
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}. It has {', '.join(known)}")
    return network(**{**implied, **options})


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where initial values would be written into them."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        # Not all functions of torch.nn.init come here, but what those call does; abs_ is ours.
        writes = getattr(func, "__module__", "") == "torch.nn.init"
        if writes or func in (Tensor.normal_, Tensor.uniform_, Tensor.abs_):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def outline(name: str, **options) -> nn.Module:
    """What `create` builds, on torch's meta device: shapes, no numbers.

    No value is drawn: to draw one on that device torch loads its compiler, which takes seconds.
    """
    with _Undrawn(), torch.device("meta"):
        return create(name, **options)
