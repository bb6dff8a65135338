"""HRNet (Sun et al., CVPR 2019), optionally with the papers' attention after a branch's blocks.

Module names follow the keys of the public checkpoints (`pose_hrnet_w32_256x192.pth`).
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from posepaper.models.attention import ImageAttention, check_reading
from posepaper.models.blocks import BasicBlock, Bottleneck, conv_bn, init_heatmap_network, stack

JOINTS = 17


class HRModule(nn.Module):
    """Residual blocks on each branch, then an exchange of features between all branches."""

    def __init__(self, widths: Sequence[int], blocks: int, outputs: int):
        super().__init__()
        self.branches = nn.ModuleList(stack(BasicBlock, w, w, blocks) for w in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_exchange(widths, source, target) for source in range(len(widths)))
            for target in range(outputs)
        )

    def forward(self, xs: list[Tensor], attention: dict[int, nn.Module]) -> list[Tensor]:
        """Branch features, finest first -> one tensor per output branch.

        `attention` maps a branch to the module its features pass between blocks and exchange.
        """
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        xs = [attention[k](x) if k in attention else x for k, x in enumerate(xs)]
        return [self._fuse(layers, xs, xs[k]) for k, layers in enumerate(self.fuse_layers)]

    @staticmethod
    def _fuse(layers: nn.ModuleList, xs: list[Tensor], own: Tensor) -> Tensor:
        total = None
        for layer, x in zip(layers, xs, strict=True):
            y = layer(x)
            if y.shape[-2:] != own.shape[-2:]:
                # By size, not by factor: sides that 32 does not divide work too.
                y = F.interpolate(y, size=own.shape[-2:], mode="nearest")
            total = y if total is None else total + y
        return F.relu(total)


def _exchange(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """The path of one branch's features to another branch's resolution and width."""
    if source == target:
        return nn.Identity()
    if source > target:
        return conv_bn(widths[source], widths[target], 1, relu=False)
    steps = []
    for step in range(source + 1, target + 1):
        last = step == target
        out = widths[target] if last else widths[source]
        steps.append(conv_bn(widths[source], out, 3, stride=2, relu=not last))
    return nn.Sequential(*steps)


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """From the branches of one stage to the next one's; its new branch halves the coarsest."""
    layers: list[nn.Module] = []
    for k, width in enumerate(after):
        if k >= len(before):
            layers.append(nn.Sequential(conv_bn(before[-1], width, 3, stride=2)))
        elif before[k] != width:
            layers.append(conv_bn(before[k], width, 3))
        else:
            layers.append(nn.Identity())
    return nn.ModuleList(layers)


class HRNet(nn.Module):
    """Images to heatmaps at a quarter of the resolution.

    width: channels of the finest branch (32 and 48 in the paper); branch k has width * 2**k.
    stem: channels of the two first convolutions; layer1 puts out four times as many.
    modules: modules in stages 2, 3 and 4. blocks: residual blocks in layer1 and in each branch.
    attention: pairs (paper stage 1-3, sub-network 1-4). Paper stage s is HRNet's stage s + 1,
        which has s + 1 branches; sub-network k is branch k. One CAM + SAM module per pair, in
        the stage's last module between the branch's blocks and the exchange ("a new attention
        module is implemented after each block"). Behind the exchange the last stage has one
        branch left, and three of the papers' nine modules would gate nothing.
    reading: "literal" or "count_matching", see `attention.py`.

    Raises ValueError for a pair that does not exist and for an unknown reading.
    """

    heads = ("final_layer", "attention")

    def __init__(
        self,
        width: int = 32,
        *,
        stem: int = 64,
        modules: Sequence[int] = (1, 4, 3),
        blocks: int = 4,
        attention: Sequence[Sequence[int]] = (),
        reading: str = "literal",
    ):
        super().__init__()
        if len(modules) != 3 or min(modules) < 1:
            raise ValueError(f"modules: {modules!r} is not three counts of at least 1")
        widths = [width * 2**k for k in range(4)]
        self.conv1 = nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.conv2 = nn.Conv2d(stem, stem, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem)
        self.layer1 = stack(Bottleneck, stem, stem, blocks)
        self.transition1 = _transition([4 * stem], widths[:2])
        self.stage2 = _stage(widths[:2], modules[0], blocks)
        self.transition2 = _transition(widths[:2], widths[:3])
        self.stage3 = _stage(widths[:3], modules[1], blocks)
        self.transition3 = _transition(widths[:3], widths)
        self.stage4 = _stage(widths, modules[2], blocks, last_outputs=1)
        self.final_layer = nn.Conv2d(width, JOINTS, 1)
        init_heatmap_network(self)
        check_reading(reading)
        self.attention = nn.ModuleDict(
            {
                _attention_name(stage, sub): ImageAttention(widths[sub - 1], reading)
                for stage, sub in check_pairs(attention)
            }
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) normalised RGB -> (N, 17, H/4, W/4) heatmaps; H and W divisible by 4."""
        x = F.relu(self.bn1(self.conv1(images)))
        x = self.layer1(F.relu(self.bn2(self.conv2(x))))
        xs = [layer(x) for layer in self.transition1]
        xs = self._run(1, self.stage2, xs)
        xs = self._run(2, self.stage3, _advance(self.transition2, xs))
        xs = self._run(3, self.stage4, _advance(self.transition3, xs))
        return self.final_layer(xs[0])

    def _run(self, paper_stage: int, stage: nn.Sequential, xs: list[Tensor]) -> list[Tensor]:
        names = {k: _attention_name(paper_stage, k + 1) for k in range(len(xs))}
        active = {k: self.attention[name] for k, name in names.items() if name in self.attention}
        last = len(stage) - 1
        for index, module in enumerate(stage):
            xs = module(xs, active if index == last else {})
        return xs


def check_pairs(attention: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The (paper stage, sub-network) pairs as tuples; ValueError for one that is no branch."""
    pairs = [tuple(pair) for pair in attention]
    for pair in pairs:
        if len(pair) != 2 or pair[0] not in (1, 2, 3) or pair[1] not in range(1, pair[0] + 2):
            raise ValueError(
                f"attention: {pair} is not (stage, sub-network). "
                "Stage 1 has sub-networks 1-2, stage 2 has 1-3, stage 3 has 1-4"
            )
        if pairs.count(pair) > 1:
            raise ValueError(f"attention: {pair} is given twice. Give each pair once")
    return pairs


def _attention_name(stage: int, sub: int) -> str:
    return f"stage{stage}_sub{sub}"


def _stage(
    widths: Sequence[int], modules: int, blocks: int, last_outputs: int | None = None
) -> nn.Sequential:
    outputs = [len(widths)] * (modules - 1) + [last_outputs or len(widths)]
    return nn.Sequential(*(HRModule(widths, blocks, count) for count in outputs))


def _advance(transition: nn.ModuleList, xs: list[Tensor]) -> list[Tensor]:
    """The next stage's inputs: existing branches go on, the new one starts from the coarsest."""
    return [layer(xs[min(k, len(xs) - 1)]) for k, layer in enumerate(transition)]
