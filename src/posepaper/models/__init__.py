"""The networks of both papers, by name.

Each stands in a file of its own and knows no dataset. `create` imports the asked one only, so
that what a training run depends on is one network and not all of them.
"""

import difflib
import importlib
import inspect

from torch import nn

_NETWORKS = {
    "hrnet_w32": ("hrnet", "HRNet", {"width": 32}),
    "hrnet_w48": ("hrnet", "HRNet", {"width": 48}),
    "simplebaseline_resnet50": ("simplebaseline", "SimpleBaseline", {"blocks": (3, 4, 6, 3)}),
    "simplebaseline_resnet101": ("simplebaseline", "SimpleBaseline", {"blocks": (3, 4, 23, 3)}),
    "hourglass_8": ("hourglass", "Hourglass", {"stacks": 8}),
    "moganet_tiny": (
        "moganet",
        "MogaNet",
        {"widths": (32, 64, 128, 256), "depths": (3, 3, 12, 2), "drop_path": 0.15},
    ),
    "moganet_small": (
        "moganet",
        "MogaNet",
        {"widths": (64, 128, 320, 512), "depths": (2, 3, 12, 2), "drop_path": 0.2},
    ),
    "martinez": ("martinez", "Martinez", {}),
    "videopose3d": ("videopose3d", "VideoPose3D", {}),
    "poseformer": ("poseformer", "PoseFormer", {}),
    "gsam": ("gsam", "GSAM", {}),
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
    file, class_name, implied = _NETWORKS[name]
    network = getattr(importlib.import_module(f"posepaper.models.{file}"), class_name)
    known = inspect.signature(network).parameters
    for option in options:
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}. It has {', '.join(known)}")
    return network(**{**implied, **options})
