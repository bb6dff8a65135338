"""Published checkpoints: reading their files safely, and loading their tensors key by key."""

import pickle
import re
import struct
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from posepaper.errors import InputError

WRAPPERS = ("state_dict", "model_pos", "model")


# What torch's and safetensors' readers raise on truncated and foreign files.
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
    safetensors.SafetensorError,
)


class _Discarded:
    """Stands for a numpy object of a checkpoint: takes its pickled arguments and drops them."""

    def __init__(self, *arguments):
        pass

    def __setstate__(self, state):
        pass


# What a pickled numpy.random.RandomState names, over the numpy versions of the public files.
_RANDOM_STATE_PARTS = (
    "numpy.random.__RandomState_ctor",
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._mt19937.MT19937",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.numeric._frombuffer",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.ndarray",
    "numpy.dtype",
)


def read(path: str | Path) -> dict:
    """Read a checkpoint file (.safetensors, or any of torch's formats) to CPU tensors.

    Nothing of the file is executed: torch's weights-only unpickler reads it, and the random
    state that VideoPose3D's and PoseFormer's files carry is dropped unbuilt.
    Raises InputError where the file is missing, damaged or holds other objects.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        inert = [(_Discarded, name) for name in _RANDOM_STATE_PARTS]
        with torch.serialization.safe_globals(inert):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(path, "no such file", "Give the path of a checkpoint") from None
    except pickle.UnpicklingError as error:
        raise InputError(path, _objection(error), "Give a file of plain tensors") from error
    except _DAMAGE as error:
        raise InputError(path, "is no checkpoint, or a damaged one", "Get it again") from error
    if not isinstance(content, dict):
        raise InputError(path, f"holds a {type(content).__name__}", "Give a file with a state_dict")
    return content


def load_public(model: nn.Module, state_dict: Mapping, *, backbone_only: bool = False) -> list[str]:
    """Load a published checkpoint's tensors; returns the keys that keep their initial values.

    Accepts a bare state_dict or one under "state_dict", "model_pos" or "model", keys with a
    leading "module.", mmpose 1.x's "head." and the absence of `num_batches_tracked` (files
    written before torch 0.4.1).

    backbone_only: for ImageNet files. The model's heads and attention keep their initial
        values, and keys that its backbone does not have (`fc.weight`) are passed over.

    Raises ValueError naming every key that is missing, left over or mis-shaped; the model is
    then unchanged.
    """
    expected = model.state_dict()
    if any(tensor.is_meta for tensor in expected.values()):
        raise ValueError("the model lies on the meta device. Create it on a real one to load into")
    given = _with_names_of(expected, _unwrapped(state_dict))
    heads = getattr(model, "heads", ()) if backbone_only else ()
    wanted = {key: value for key, value in expected.items() if key.split(".")[0] not in heads}
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    faults = {
        "missing": sorted(wanted.keys() - given.keys() - counters),
        "left over": [] if backbone_only else sorted(given.keys() - wanted.keys()),
        "mis-shaped": [
            f"{key} {_shape(given[key])} instead of {tuple(value.shape)}"
            for key, value in wanted.items()
            if key in given and _shape(given[key]) != tuple(value.shape)
        ],
    }
    if any(faults.values()):
        listed = "; ".join(f"{kind}: {', '.join(keys)}" for kind, keys in faults.items() if keys)
        raise ValueError(
            f"this checkpoint is not {type(model).__name__}'s, nothing loaded: {listed}"
        )
    model.load_state_dict({key: given[key] for key in wanted if key in given}, strict=False)
    return [key for key in expected if key not in given or key not in wanted]


def _unwrapped(state_dict: Mapping) -> Mapping:
    for name in WRAPPERS:
        if isinstance(state_dict.get(name), Mapping):
            state_dict = state_dict[name]
            break
    if state_dict and all(key.startswith("module.") for key in state_dict):
        return {key.removeprefix("module."): value for key, value in state_dict.items()}
    return state_dict


def _with_names_of(expected: Mapping, given: Mapping) -> Mapping:
    """MogaNet's names in its three kinds of files: mmpose 0.x, mmpose 1.x, ImageNet."""
    if not any(key.startswith("backbone.") for key in expected):
        return given
    if any(key.startswith("backbone.") for key in given):
        return {
            f"keypoint_{key}" if key.startswith("head.") else key: value
            for key, value in given.items()
        }
    return {f"backbone.{key}": value for key, value in given.items()}


def _shape(value: object) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _objection(error: pickle.UnpicklingError) -> str:
    """What torch's unpickler refused, without its advice to switch the safety off."""
    refused = re.search(r"(?:GLOBAL|function|class|instance) ([\w.]+\.[\w.]+)", str(error))
    if refused:
        return f"holds {refused[1].rstrip('.')}, which is not weights"
    return "is no checkpoint, or a damaged one"
