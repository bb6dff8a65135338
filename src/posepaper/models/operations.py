"""Every operation a network runs, noted on torch's meta device: no numbers, weights or memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

INPUT = 0


@dataclass
class Op:
    """One operation: what it read, the modules around it, its output's shape, its weights."""

    name: str
    sources: list[int]
    around: tuple[str, ...]
    shape: tuple[int, ...]
    weights: dict[str, int] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The module whose weights it reads, else the innermost around it."""
        return next(iter(self.weights)).rpartition(".")[0] if self.weights else self.around[-1]


class _Noting(TorchFunctionMode):
    """Notes every operation on tensors that come from the input."""

    def __init__(self, model: nn.Module, given: Tensor):
        super().__init__()
        self.ops = [Op("input", [], ("",), tuple(given.shape))]
        self.around: list[str] = []
        self._made = {id(given): INPUT}
        self._weights = {id(p): {name: p.numel()} for name, p in model.named_parameters()}
        # A tensor that is gone would lend its id to the next one.
        self._kept: list[Tensor] = [given]

    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        outputs = [t for t in _flat([made]) if isinstance(t, Tensor)]
        given = [t for t in _flat([args, kwargs or {}]) if isinstance(t, Tensor)]
        weights = {n: c for t in given for n, c in self._weights.get(id(t), {}).items()}
        sources = list(dict.fromkeys(self._made[id(t)] for t in given if id(t) in self._made))
        self._kept += outputs
        if sources and outputs:
            name = getattr(func, "__name__", "")
            op = Op(name, sources, tuple(self.around), tuple(outputs[0].shape), weights)
            self.ops.append(op)
            self._made |= dict.fromkeys(map(id, outputs), len(self.ops) - 1)
        elif weights:
            self._weights |= {id(t): weights for t in outputs}
        return made


def _flat(given) -> list:
    found = []
    for one in given.values() if isinstance(given, dict) else given:
        found += _flat(one) if isinstance(one, list | tuple | dict) else [one]
    return found


def operations(model: nn.Module, shape: Sequence[int]) -> list[Op]:
    """Every operation of a forward pass on an input of ``shape``, in order; the first is the input.

    Args:
        model: a network built on the meta device, in evaluation mode.
    """
    given = torch.zeros(tuple(shape), device="meta")
    noting, hooks = _Noting(model, given), []
    for name, module in model.named_modules():
        enter = _entering(noting.around, name)
        hooks.append(module.register_forward_pre_hook(enter))
        hooks.append(module.register_forward_hook(lambda *_: noting.around.pop() and None))
    try:
        with noting, torch.no_grad():
            model(given)
    finally:
        for hook in hooks:
            hook.remove()
    return noting.ops


def _entering(around: list[str], name: str):
    def enter(*_):
        around.append(name)

    return enter
