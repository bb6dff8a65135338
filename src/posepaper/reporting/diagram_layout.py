"""Where the boxes and arrows of a diagram stand: lines and columns, measured by their text.

All lengths are inches; a panel's origin is its upper left corner, y grows downwards.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations, pairwise

from matplotlib.textpath import TextPath

# Points: nothing in a figure is smaller.
TEXT = 6.0
LINE, JOIN, FRAME = 0.105, 0.17, 0.05
_PAD, _GAP, _WIDE_GAP, _ROWS, _LANE, _STUB, _BETWEEN = 0.045, 0.085, 0.2, 0.12, 0.07, 0.3, 0.25


@cache
def wide(text: str, size: float = TEXT) -> float:
    """How wide a text is, inches."""
    return TextPath((0, 0), text, size=size).get_extents().x1 / 72 if text else 0.0


def counted(number: int) -> str:
    """A number of parameters as people read it."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:,.1f} k" if number < 1_000_000 else f"{number / 1e6:.2f} M"


@dataclass
class Box:
    """A node with its place: ``x``, ``y`` are the middle."""

    node: dict
    lines: list[str]
    rank: int = 0
    row: int = 0
    line: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def is_join(self) -> bool:
        return len(self.node["label"]) == 1

    @property
    def width(self) -> float:
        return JOIN if self.is_join else max(map(wide, self.lines)) + 2 * _PAD

    @property
    def height(self) -> float:
        return JOIN if self.is_join else len(self.lines) * LINE + _PAD

    def inside(self, x: float, y: float) -> bool:
        return abs(x - self.x) < self.width / 2 and abs(y - self.y) < self.height / 2


@dataclass
class Laid:
    """A panel's boxes and lines with their places."""

    panel: dict
    boxes: list[Box]
    lines: list[list[tuple[float, float]]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def _boxes(graph: dict, *, narrow: bool) -> list[Box]:
    found = []
    for node in graph["nodes"]:
        facts = ["×".join(map(str, node["shape"]))] if node["shape"] else []
        facts += [counted(node["parameters"])] if node["parameters"] else []
        if narrow:
            lines = [*_broken(node["label"]), *facts]
        else:
            lines = [node["label"], " · ".join(facts)] if facts else [node["label"]]
        found.append(Box(node, lines))
    return found


def _broken(label: str) -> list[str]:
    """A label in short lines: at commas, and between the words of a class's name."""
    lines = []
    for part in label.split(", "):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part) if len(part) > 12 else part
        if words == part:
            lines.append(part)
            continue
        *start, last = words.split(" ")
        lines += [" ".join(start), last]
    return lines


def across(panel: dict, limit: float) -> Laid:
    """Columns in the order in which they run, a row for each resolution; where that is wider
    than ``limit``, several such lines, cut where a frame begins."""
    graph = panel["graph"]
    boxes, edges = _boxes(graph, narrow=True), [(e["from"], e["to"]) for e in graph["edges"]]
    for a, b in sorted(edges, key=lambda e: e[1]):
        boxes[b].rank = max(boxes[b].rank, boxes[a].rank + 1)
    _rows(boxes)
    ranks = range(max(b.rank for b in boxes) + 1)
    columns = [max(b.width for b in boxes if b.rank == rank) for rank in ranks]
    crossed = {boxes[b].rank for a, b in edges if boxes[a].row != boxes[b].row}
    gaps = [_WIDE_GAP if rank in crossed else _GAP for rank in ranks]
    starts = {min(boxes[n].rank for n in frame["nodes"]) for frame in graph["frames"]}
    ends = {max(boxes[n].rank for n in frame["nodes"]) + 1 for frame in graph["frames"]}
    gaps = [gap + FRAME * ((r in starts) + (r in ends)) for r, gap in zip(ranks, gaps, strict=True)]
    laid = Laid(panel, boxes)
    for part in _parts(columns, gaps, sorted(starts), limit - 2 * _STUB):
        _line(laid, part, columns, gaps, [e for e in edges if _over(boxes, *e)])
    for a, b in edges:
        laid.lines += _arrows_across(laid, boxes[a], boxes[b])
    return laid


def _parts(columns: list, gaps: list, starts: list[int], limit: float) -> list[range]:
    """Ranks by line: as few lines as fit, and of these the ones whose widest is narrowest."""

    def length(part: range) -> float:
        return sum(columns[r] + gaps[r] for r in part)

    ends = [s for s in starts if s > 0]
    for count in range(len(ends) + 1):
        ways = [
            [range(a, b) for a, b in pairwise([0, *cuts, len(columns)])]
            for cuts in combinations(ends, count)
        ]
        best = min(ways, key=lambda way: max(map(length, way)))
        if max(map(length, best)) <= limit:
            return best
    return best


def _line(laid: Laid, part: range, columns: list, gaps: list, skips: list) -> None:
    """Places the boxes of some ranks below what is there already."""
    own = [b for b in laid.boxes if b.rank in part]
    top = laid.height + (0.14 if laid.height else 0)
    top += 0.2 if laid.panel["graph"]["frames"] else 0.0
    top += 0.14 if any(laid.boxes[n] in own for edge in skips for n in edge) else 0.0
    tall = {row: max(b.height for b in own if b.row == row) for row in sorted({b.row for b in own})}
    for box in own:
        above = [row for row in tall if row < box.row]
        box.y = top + sum(tall[row] + _ROWS for row in above) + tall[box.row] / 2
    x = _STUB if part.start else FRAME
    for rank in part:
        x += gaps[rank] if rank > part.start else 0
        for box in own:
            if box.rank == rank:
                box.x = x + columns[rank] / 2
                box.line = part.start
        x += columns[rank]
    laid.width = max(laid.width, x + (_STUB if part.stop < len(columns) else FRAME))
    laid.height = top + sum(tall.values()) + _ROWS * (len(tall) - 1) + FRAME


def _rows(boxes: list[Box]) -> None:
    """Finer features above coarser ones; what is finer than the output stands beside it."""
    several = {b.rank for b in boxes if sum(o.rank == b.rank for o in boxes) > 1}
    sides = {b.node["shape"][1] for b in boxes if b.rank in several and len(b.node["shape"]) == 3}
    ranked = sorted(sides, reverse=True)
    for box in boxes:
        if box.rank in several or any(box.node["shape"][1:2] == [s] for s in ranked):
            box.row = ranked.index(box.node["shape"][1])


def _over(boxes: list[Box], a: int, b: int) -> bool:
    """Whether a box stands between two of a row."""
    one, two = boxes[a], boxes[b]
    between = range(one.rank + 1, two.rank)
    return one.row == two.row and any(o.row == one.row and o.rank in between for o in boxes)


def _arrows_across(laid: Laid, one: Box, two: Box) -> list[list[tuple[float, float]]]:
    """An arrow from box to box; two, where a line ends between them."""
    start, end = (one.x + one.width / 2, one.y), (two.x - two.width / 2, two.y)
    if one.line != two.line:
        return [_leaving(laid, one), _entering(laid, one.row, two)]
    same = [b for b in laid.boxes if b.row == one.row and one.rank < b.rank < two.rank]
    if one.row == two.row and same:
        top = min(b.y - b.height / 2 for b in same)
        lift, x = min(top, two.y - two.height / 2) - 0.07, start[0] + _GAP / 2
        return [[start, (x, one.y), (x, lift), (two.x, lift), (two.x, two.y - two.height / 2)]]
    column = max(b.width for b in laid.boxes if b.rank == two.rank)
    before = two.x - column / 2 - _WIDE_GAP + 0.02
    if one.y != two.y and before > start[0]:
        return [[start, (before, one.y), end]]
    return [[start, end]]


def _leaving(laid: Laid, one: Box) -> list[tuple[float, float]]:
    """An arrow to the end of a line, above what stands between."""
    right, x = one.x + one.width / 2, one.x + one.width / 2 + _GAP / 2
    after = [b for b in laid.boxes if (b.line, b.row) == (one.line, one.row) and b.rank > one.rank]
    if not after:
        return [(right, one.y), (right + 0.2, one.y)]
    lift = min(b.y - b.height / 2 for b in after) - 0.07
    end = max(b.x + b.width / 2 for b in after) + 0.2
    return [(right, one.y), (x, one.y), (x, lift), (end, lift)]


def _entering(laid: Laid, row: int, two: Box) -> list[tuple[float, float]]:
    """An arrow from the start of a line, at the height of the row it comes from."""
    alike = [b.y for b in laid.boxes if b.line == two.line and b.row == row]
    start = (_STUB - 0.22, alike[0] if alike else two.y)
    before = [b for b in laid.boxes if (b.line, b.row) == (two.line, two.row) and b.rank < two.rank]
    if not before:
        return [start, (two.x - two.width / 2, two.y)]
    lift = min(b.y - b.height / 2 for b in before) - 0.07
    return [start, (start[0], lift), (two.x, lift), (two.x, two.y - two.height / 2)]


def down(panel: dict) -> Laid:
    """One below the other, in columns; what skips boxes passes on the right."""
    graph = panel["graph"]
    boxes, edges = _boxes(graph, narrow=False), [(e["from"], e["to"]) for e in graph["edges"]]
    frames = [frame["nodes"] for frame in graph["frames"]]
    parts = _columns(boxes, edges, panel["columns"], frames)
    margin = FRAME + (0.13 if frames else 0)
    laid, left = Laid(panel, boxes), margin
    # Between columns, what leads from the end of one to the start of the next.
    edges_of = []
    for part in parts:
        own = {n: boxes[n] for n in part}
        edges_of.append(left - margin - _BETWEEN / 2)
        lanes = _lanes([e for e in edges if e[0] in own and e[1] in own and e[1] > e[0] + 1])
        room, y = max(b.width for b in own.values()), 0.0
        for n, box in own.items():
            y += (FRAME if any(n == own[0] for own in frames) else 0) + box.height / 2
            box.x, box.y, box.row = left + room / 2, y, parts.index(part)
            y += (FRAME if any(n == own[-1] for own in frames) else 0) + box.height / 2 + _GAP
        laid.height = max(laid.height, y)
        for (a, b), lane in lanes.items():
            out = left + room + _LANE * (lane + 1)
            laid.lines.append(_skip(boxes[a], boxes[b], out))
        left += room + _LANE * (max(lanes.values(), default=-1) + 1) + _BETWEEN + margin
    laid.width = left - _BETWEEN - margin + FRAME
    for a, b in edges:
        if b == a + 1:
            laid.lines.append(_arrow_down(boxes[a], boxes[b], edges_of[boxes[b].row]))
    return laid


def _columns(boxes: list[Box], edges: list, count: int, frames: list[list[int]]) -> list[range]:
    """Cut where one arrow leads on and no frame is open, into columns of about one height."""
    cuts = [
        n
        for n in range(1, len(boxes))
        if sum(a < n <= b for a, b in edges) == 1
        and not any(n in own and n - 1 in own for own in frames)
    ]
    heights = [b.height + _GAP for b in boxes]
    chosen, total = [0], sum(heights)
    for part in range(1, count):
        wanted = total * part / count
        free = [n for n in cuts if n > chosen[-1]]
        if free:
            chosen.append(min(free, key=lambda n: abs(sum(heights[:n]) - wanted)))
    return [range(a, b) for a, b in zip(chosen, [*chosen[1:], len(boxes)], strict=True)]


def _lanes(skips: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """A lane for each arrow on the right, so that none runs over another."""
    lanes: dict[tuple[int, int], int] = {}
    for a, b in sorted(skips, key=lambda e: e[1] - e[0]):
        taken = {lane for (c, d), lane in lanes.items() if a <= d and c <= b}
        lanes[a, b] = next(n for n in range(len(skips)) if n not in taken)
    return lanes


def _skip(one: Box, two: Box, x: float) -> list[tuple[float, float]]:
    # Leaves below the middle, where another such arrow may enter.
    drop = one.height * 0.3
    reach = (JOIN**2 / 4 - drop**2) ** 0.5 if one.is_join else one.width / 2
    start = (one.x + reach, one.y + drop)
    return [start, (x, start[1]), (x, two.y), (two.x + two.width / 2, two.y)]


def _arrow_down(one: Box, two: Box, between: float) -> list[tuple[float, float]]:
    start, end = (one.x, one.y + one.height / 2), (two.x, two.y - two.height / 2)
    if one.row == two.row:
        return [start, end]
    low, high, x = start[1] + 0.08, end[1] - 0.08, between
    return [start, (one.x, low), (x, low), (x, high), (two.x, high), end]
