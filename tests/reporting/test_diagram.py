"""Diagrams read well: nothing overlaps, is cut off or too small; the same input, the same bytes."""

import itertools
from pathlib import Path

import pytest
from matplotlib.text import Text

from posepaper.reporting import diagram, diagram_layout, figure_specs, figures

LONG = 14


def node(label, shape, parameters=0):
    return {"label": label, "name": label, "shape": shape, "parameters": parameters, "times": 1}


def graph(labels, edges, frames=()):
    nodes = [node(*label) for label in labels]
    arrows = [{"from": a, "to": b, "parameters": 0, "times": 1} for a, b in edges]
    return {"nodes": nodes, "edges": arrows, "frames": list(frames), "parameters": 7}


def panel(flow, made, **more):
    told = ["lift/ours", "7 parameters"]
    given = {"title": "A panel", "told": told, "flow": flow, "beside": False, "columns": 1}
    return given | {"graph": made} | more


def chain():
    """A long row whose blocks are skipped and framed."""
    labels = [("input", [27, 17, 2])]
    labels += [(f"conv 3×3, {n}→{n + 1}", [64, 32, 24], 9 * n) for n in range(LONG)]
    edges = [(n, n + 1) for n in range(LONG)] + [(2, 6), (3, 5), (8, 12)]
    frames = [
        {"name": "blocks", "nodes": [3, 4, 5], "first": 0, "times": 4},
        {"name": "more", "nodes": [9, 10, 11], "first": 0, "times": 1},
    ]
    return graph(labels, edges, frames)


def branches():
    """Three resolutions that meet."""
    labels = [
        ("input", [3, 64, 48]),
        ("4 BasicBlock", [8, 16, 12], 9),
        ("4 BasicBlock", [16, 8, 6], 9),
    ]
    labels += [("ImageAttention", [8, 16, 12], 3), ("+", [8, 16, 12]), ("+", [16, 8, 6])]
    labels += [("output", [8, 16, 12])]
    edges = [(0, 1), (0, 2), (1, 3), (3, 4), (2, 4), (3, 5), (2, 5), (4, 6)]
    return graph(
        labels, edges, [{"name": "stage2", "nodes": [1, 2, 3, 4, 5], "first": 0, "times": 1}]
    )


LAID = {
    "down": lambda: diagram_layout.down(panel("down", chain(), columns=3)),
    "across": lambda: diagram_layout.across(panel("across", chain()), 7.2),
    "branches": lambda: diagram_layout.across(panel("across", branches()), 7.2),
}


@pytest.mark.parametrize("laid", LAID.values(), ids=LAID)
def test_boxes_do_not_overlap_and_hold_their_text(laid):
    laid = laid()
    for one, two in itertools.combinations(laid.boxes, 2):
        apart = abs(one.x - two.x) - (one.width + two.width) / 2
        above = abs(one.y - two.y) - (one.height + two.height) / 2
        assert max(apart, above) > 0.02, (one.node, two.node)
    for box in laid.boxes:
        assert box.x - box.width / 2 >= 0 and box.x + box.width / 2 <= laid.width <= 7.2
        assert box.y - box.height / 2 >= 0 and box.y + box.height / 2 <= laid.height
        if not box.is_join:
            assert max(map(diagram_layout.wide, box.lines)) < box.width


@pytest.mark.parametrize("laid", LAID.values(), ids=LAID)
def test_no_arrow_runs_through_a_box(laid):
    laid = laid()
    for line in laid.lines:
        for (x0, y0), (x1, y1) in itertools.pairwise(line):
            for part in range(1, 40):
                x, y = x0 + (x1 - x0) * part / 40, y0 + (y1 - y0) * part / 40
                assert not any(box.inside(x, y) for box in laid.boxes if not box.is_join), line


def test_what_is_too_long_goes_on_below():
    laid = LAID["across"]()
    assert len({box.line for box in laid.boxes}) > 1
    assert diagram_layout.across(panel("across", branches()), 7.2).width < 7.2
    # Cut where a frame begins.
    assert {box.line for box in laid.boxes} <= {0, laid.boxes[3].rank, laid.boxes[9].rank}


def test_coarser_branches_stand_lower():
    boxes = LAID["branches"]().boxes
    assert boxes[1].y == boxes[3].y == boxes[4].y < boxes[2].y == boxes[5].y
    assert boxes[1].x == boxes[2].x < boxes[3].x < boxes[4].x == boxes[5].x


def test_text_is_never_below_six_points_and_stays_on_the_page():
    drawn = diagram.draw(
        [panel("across", branches()), panel("down", chain(), columns=3)], is_wide=True
    )
    width, _ = drawn.get_size_inches()
    assert width == 7.2
    drawn.canvas.draw()
    page = drawn.bbox
    texts = [t for t in drawn.findobj(Text) if t.get_text()]
    assert len(texts) > 30
    for text in texts:
        box = text.get_window_extent()
        assert text.get_fontsize() >= 6
        assert page.x0 <= box.x0 and box.x1 <= page.x1, text.get_text()
        assert page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def test_the_same_networks_give_the_same_bytes_and_others_do_not(tmp_path):
    spec = figure_specs.Figures(
        paper="lifting",
        figures=[
            {"id": "net", "kind": "architecture", "caption": "c",
             "panels": [{"title": "A panel", "network": "lift/ours"}]},
        ],
    )  # fmt: skip
    shown = [panel("down", branches())], [panel("down", branches())], [panel("down", chain())]
    made = [
        figures.make_figures(spec, [], {}, {}, tmp_path / f"{n}", shown=panels)[0]["files"]
        for n, panels in enumerate(shown)
    ]
    for suffix in ("pdf", "png", "svg"):
        first, again, other = (Path(files[suffix]).read_bytes() for files in made)
        assert first == again != other


@pytest.mark.parametrize(
    ("number", "words"),
    [(182, "182"), (9_626, "9,626"), (73_992, "74.0 k"), (28_537_259, "28.54 M")],
)
def test_parameters_in_few_characters(number, words):
    assert diagram_layout.counted(number) == words
