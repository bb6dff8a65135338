"""What a network is made of, told by running it: boxes, what flows between them, parameters.

A network runs once, without numbers, and every operation is put into a box by the modules around
it. So a diagram drawn from this follows the code that trains.
"""

import itertools
from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from posepaper.models.operations import INPUT, Op, operations

# These shape what is there; none of them makes a box. Dropout does nothing when nobody trains.
_SHAPING = {
    *("reshape", "view", "flatten", "unflatten", "transpose", "permute", "unsqueeze", "squeeze"),
    *("unbind", "__getitem__", "contiguous", "split", "dropout", "to", "expand"),
}
_JOINS = {"add": "+", "__add__": "+", "__radd__": "+", "mul": "×", "__mul__": "×"}
_NAMES = {"relu": "ReLU", "gelu": "GELU", "__matmul__": "matmul", "interpolate": "resize"}


def describe(module: nn.Module) -> str:
    """A module in a few words: a layer's numbers, else the name of its class."""
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        size = "×".join(map(str, module.kernel_size))
        stride = f" /{module.stride[0]}" if module.stride[0] > 1 else ""
        if module.groups == module.in_channels == module.out_channels > 1:
            return f"depthwise conv {size}{stride}, {module.groups}"
        groups = f", {module.groups} groups" if module.groups > 1 else ""
        return f"conv {size}{stride}, {module.in_channels}→{module.out_channels}{groups}"
    if isinstance(module, nn.Linear):
        return f"linear, {module.in_features}→{module.out_features}"
    if isinstance(module, nn.LayerNorm):
        return "layer norm"
    if isinstance(module, nn.GroupNorm):
        return f"group norm, {module.num_groups} groups"
    kinds = {type(child).__name__ for child in module.children()}
    if type(module) is nn.Sequential and len(kinds) == 1:
        return f"{len(module)} {kinds.pop()}"
    return type(module).__name__


def diagram(
    model: nn.Module,
    shape: Sequence[int],
    *,
    boxes: Sequence[str] = (),
    lines: Sequence[str] = (),
    repeats: Sequence[str] = (),
    within: str = "",
) -> dict:
    """A network, or a module of it, as boxes and arrows.

    Args:
        model: as :func:`operations` takes it.
        shape: of the input, batch of one first.
        boxes: patterns of modules' names that are one box each; what is in none of them and has
            weights or computes is a box of its own.
        lines: patterns of modules that are drawn as arrows, for there are many.
        repeats: names of modules whose children, where they follow one another and are alike,
            stand once and with their number.
        within: the module that is shown, by default all.

    Returns:
        {"nodes": [{"label", "name", "shape", "parameters", "times"}], "edges": [{"from", "to",
        "parameters", "times"}], "frames": [{"name", "nodes", "times"}], "parameters"}; nodes and
        edges are in the order in which they run, shapes without the batch.

    Raises:
        ValueError: the network has no module ``within``, or a pattern matches nothing.
    """
    known = dict(model.named_modules())
    if within not in known:
        raise ValueError(f"there is no module '{within}'")
    ops = operations(model, shape)
    for pattern in (*boxes, *lines):
        if not any(_match((pattern,), op.around + (op.owner,)) for op in ops):
            raise ValueError(f"no module that runs is called '{pattern}'")
    graph = _Graph(known, boxes, lines, within)
    for number, op in enumerate(ops):
        graph.add(number, op, ops)
    graph.end(ops)
    graph.contract_lines()
    frames = [frame for parent in repeats for frame in graph.fold(parent)]
    return graph.told(frames, sum(p.numel() for p in known[within].parameters()))


def _match(patterns: Sequence[str], names: Sequence[str]) -> str | None:
    """The first of ``names``, outermost first, that a pattern matches."""
    return next((n for n in names if any(fnmatchcase(n, p) for p in patterns)), None)


class _Graph:
    """Boxes made from operations, one after the other."""

    def __init__(self, known: dict, boxes: Sequence[str], lines: Sequence[str], within: str):
        self.known, self.boxes, self.lines, self.within = known, boxes, lines, within
        self.nodes: dict[int, dict] = {}
        self.edges: dict[tuple[int, int], dict] = {}
        # operation -> the box its output comes from
        self.of: dict[int, int] = {}
        self._named: dict[str, int] = {}
        self._numbers = itertools.count()

    def add(self, number: int, op: Op, ops: list[Op]) -> None:
        """Puts an operation into its box."""
        if number == INPUT:
            if not self.within:
                self.of[number] = self._box("input", "input", op.shape)
            return
        if self.within not in op.around:
            return
        sources = self._sources(op, ops)
        name = _match((*self.boxes, *self.lines), (*op.around, op.owner))
        if name is not None and name != self.within:
            line = not _match(self.boxes, (name,))
            node = self._box(name, describe(self.known[name]), op.shape, op, line=line)
        elif op.weights:
            node = self._weighted(op, sources)
        else:
            node = self._computing(op, sources)
        for source in sources:
            if source != node:
                self._edge(source, node)
        self.of[number] = node

    def _sources(self, op: Op, ops: list[Op]) -> list[int]:
        """The boxes an operation reads; from outside of what is shown comes its input."""
        for number in op.sources:
            if number not in self.of:
                self.of[number] = self._box("input", "input", ops[number].shape)
        return list(dict.fromkeys(self.of[number] for number in op.sources))

    def _box(
        self, name: str, label: str, shape: tuple, op: Op | None = None, *, line: bool = False
    ) -> int:
        """A new box, or one more operation in it; ``op`` is none at the ends."""
        if name not in self._named:
            node = self._named[name] = next(self._numbers)
            self.nodes[node] = {
                "label": label, "name": name, "weights": {}, "line": line, "times": 1,
                "around": op.around if op else ()
            }  # fmt: skip
        node = self.nodes[self._named[name]]
        node["shape"] = shape
        if op:
            node["weights"] |= op.weights
        return self._named[name]

    def _weighted(self, op: Op, sources: list[int]) -> int:
        if op.name == "batch_norm" and len(sources) == 1:
            self.nodes[sources[0]]["weights"] |= op.weights
            return sources[0]
        module = self.known[op.owner]
        own = {name.rpartition(".")[2] for name in op.weights}
        if own <= {"weight", "bias"}:
            return self._box(op.owner, describe(module), op.shape, op)
        name = next(iter(op.weights))
        label = f"{_JOINS.get(op.name, op.name)} {name.rpartition('.')[2]}"
        return self._box(name, label, op.shape, op)

    def _computing(self, op: Op, sources: list[int]) -> int:
        fresh = f"{op.around[-1]}:{op.name}:{next(self._numbers)}"
        if len(sources) == 1 and (op.name in _SHAPING or op.name in _JOINS):
            return sources[0]
        if op.name in _JOINS:
            label = _JOINS[op.name]
            for source in sources:
                before = self.nodes[source]
                same = before["label"] == label and before["around"] == op.around
                if same and not any(edge[0] == source for edge in self.edges):
                    return source
            return self._box(fresh, label, op.shape, op)
        return self._function(op, sources, fresh)

    def _function(self, op: Op, sources: list[int], fresh: str) -> int:
        """A function without weights is a box only in a module that is shown in full."""
        if len(sources) == 1 and not self.within:
            return sources[0]
        return self._box(fresh, _NAMES.get(op.name, op.name), op.shape, op)

    def _edge(self, source: int, target: int, weights: dict | None = None) -> None:
        edge = self.edges.setdefault((source, target), {"weights": {}, "times": 1})
        edge["weights"] |= weights or {}

    def end(self, ops: list[Op]) -> None:
        """The output."""
        last = max(self.of)
        node = self._box("output", "output", ops[last].shape)
        self._edge(self.of[last], node)

    def contract_lines(self) -> None:
        """Turns what is drawn as arrows from boxes into edges."""
        for node in [n for n, box in self.nodes.items() if box["line"]]:
            before = [a for a, b in self.edges if b == node]
            after = [b for a, b in self.edges if a == node]
            weights = self.nodes.pop(node)["weights"]
            for edge in [e for e in self.edges if node in e]:
                del self.edges[edge]
            for source, target in itertools.product(before, after):
                self._edge(source, target, weights)
                # Counted once, however many read it.
                weights = {}

    def fold(self, parent: str) -> list[dict]:
        """Leaves one of each run of equal children of a module, with their number."""
        children: dict[int, list[int]] = {}
        for node, box in self.nodes.items():
            inside = [n for n in box["around"] if n.rpartition(".")[0] == parent and n != parent]
            inside = [n for n in inside if n.rpartition(".")[2].isdigit()]
            if inside:
                children.setdefault(int(inside[0].rpartition(".")[2]), []).append(node)
        frames, runs = (
            [],
            itertools.groupby(children, lambda c: self._signature(parent, c, children)),
        )
        for _, run in runs:
            first, *others = run
            for other in others:
                self._merge(dict(zip(children[other], children[first], strict=True)))
            for node in children[first]:
                self.nodes[node]["times"] += len(others)
            for (a, b), edge in self.edges.items():
                if a in children[first] and b in children[first]:
                    edge["times"] += len(others)
            frames.append(
                {"name": parent, "nodes": children[first], "first": first, "times": 1 + len(others)}
            )
        return frames

    def _signature(self, parent: str, child: int, children: dict[int, list[int]]) -> str:
        nodes = children[child]
        boxes = [
            (self.nodes[n]["label"], self.nodes[n]["shape"], sum(self.nodes[n]["weights"].values()))
            for n in nodes
        ]
        inner = [
            (nodes.index(a), nodes.index(b), sum(e["weights"].values()))
            for (a, b), e in self.edges.items()
            if a in nodes and b in nodes
        ]
        return repr((boxes, sorted(inner)))

    def _merge(self, into: dict[int, int]) -> None:
        """Replaces boxes by equal ones before them; what led from these to those was the row."""
        kept = set(into.values())
        for (a, b), edge in list(self.edges.items()):
            if a not in into and b not in into:
                continue
            del self.edges[a, b]
            if (a in into and b in into) or (a in kept and b in into):
                continue
            self._edge(into.get(a, a), into.get(b, b), edge["weights"])
        for node in into:
            del self.nodes[node]

    def told(self, frames: list[dict], parameters: int) -> dict:
        """As :func:`diagram` returns it."""
        place = {node: number for number, node in enumerate(self.nodes)}
        nodes = [
            {
                "label": box["label"],
                "name": box["name"],
                "shape": list(box["shape"][1:] if box["shape"][0] == 1 else box["shape"]),
                "parameters": sum(box["weights"].values()),
                "times": box["times"],
            }
            for box in self.nodes.values()
        ]
        edges = [
            {
                "from": place[a],
                "to": place[b],
                "parameters": sum(edge["weights"].values()),
                "times": edge["times"],
            }
            for (a, b), edge in self.edges.items()
        ]
        for frame in frames:
            frame["nodes"] = [place[node] for node in frame["nodes"]]
        return {"nodes": nodes, "edges": edges, "frames": frames, "parameters": parameters}
