"""The report's page as a reader uses it: opened from file:// in a headless Chromium."""

import csv
import io

import numpy as np
import pytest

from posepaper.reporting import render
from posepaper.reporting.player import player_data
from posepaper.skeleton import H36M

NUMBER = "lifting:table-1:row-made:avg"
# By row: made, quoted, broken, absent. As text 100.5 comes before 45.1, and 9.5 last.
CLAIMED = (45.1, 9.5, 100.5, 51.0)


@pytest.fixture
def file(context, tmp_path):
    for table in context["papers"]["lifting"]["tables"]:
        for row, claimed in zip(table["rows"], CLAIMED, strict=True):
            for cell in row["cells"].values():
                if "claimed" in cell:
                    cell["claimed"] = claimed
    poses = np.random.default_rng(0).normal(0, 0.4, (9, 17, 3)).astype(np.float32)
    shown = player_data("S9/Eating", poses, poses + 0.1, skeleton=H36M, fps=50, note="median")
    context["details"]["player"] = shown
    render.render_html(context, tmp_path / "index.html")
    return tmp_path / "index.html"


def order(page):
    """Row ids of the first table, as they stand."""
    rows = page.locator("#lifting\\:table-1 tbody tr").evaluate_all("all => all.map(r => r.id)")
    return [name.rsplit("-", 1)[1] for name in rows]


def shown(page, selector):
    return page.locator(selector).evaluate_all("all => all.filter(e => e.checkVisibility()).length")


def cell(page, address=NUMBER):
    return page.locator(f'[id="{address}"]')


def test_columns_sort_as_numbers_and_come_back(visit, file):
    page = visit(file)
    head = page.locator("#lifting\\:table-1 thead th").nth(2)
    assert head.inner_text() == "MPJPE ↓"
    page.check("input[value=claimed]", force=True)
    head.locator("button").click()
    assert order(page) == ["quoted", "made", "absent", "broken"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert order(page) == ["broken", "absent", "made", "quoted"]
    page.keyboard.press("Enter")
    assert order(page) == ["made", "quoted", "broken", "absent"]
    # What was not made stands last, whichever way.
    page.check("input[value=reproduced]", force=True)
    for _ in range(2):
        page.keyboard.press("Enter")
        head.locator("button").click()
        assert order(page)[0] == "made"


def test_rows_of_a_group_stay_under_its_heading(visit, file):
    page = visit(file)
    table = page.locator("table", has=page.locator("tbody[id='lifting:compare:modules:avg']"))
    before = table.locator("tbody tr").all_inner_texts()
    table.locator("thead button").first.click()
    after = table.locator("tbody tr").all_inner_texts()
    assert after[0] == before[0] and sorted(after) == sorted(before)


def test_the_switch_shows_claimed_made_or_their_difference(visit, file):
    page = visit(file)
    assert cell(page).inner_text().split() == ["45.1‡", "51.2", "[50.0,", "52.5]"]
    for name, text in (
        ("claimed", ["45.1‡"]),
        ("reproduced", ["51.2", "[50.0,", "52.5]"]),
        ("difference", ["+6.1"]),
    ):
        page.check(f"input[value={name}]", force=True)
        assert cell(page).inner_text().split() == text


def test_search_leaves_what_it_finds(visit, file):
    page = visit(file)
    assert shown(page, "#lifting\\:table-1 tbody tr") == 4
    page.keyboard.press("/")
    page.keyboard.type("row-broken")
    # A slow typist's first letters are looked for too.
    page.wait_for_function("document.getElementById('found').textContent === '4 matches'")
    assert shown(page, "#lifting\\:table-1 tbody tr") == 1 and shown(page, "#provenance") == 0
    page.keyboard.press("Escape")
    assert shown(page, "#lifting\\:table-1 tbody tr") == 4 and shown(page, "#provenance") == 1
    page.fill("#search", NUMBER)
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel:not([hidden])")
    assert page.locator("#panel .address code").inner_text() == NUMBER


def test_a_verdict_filters_cells_claims_and_ledger(visit, file):
    page = visit(file)
    page.select_option("#verdict", "failed")
    rows = page.locator("main tbody tr:visible").evaluate_all("all => all.map(r => r.id)")
    assert rows == ["lifting:table-1:row-broken", "lifting:table-2:row-broken"]
    assert page.locator("td.match").count() == 17
    page.select_option("#verdict", "contradicted")
    assert cell(page, "lifting:claim:mean-table-1-row-made").is_visible()
    assert cell(page, f"ledger:{NUMBER}").count() == 1
    page.click("#clear")
    assert shown(page, "#lifting\\:table-1 tbody tr") == 4


def test_a_chain_goes_from_metrics_to_raw_files(visit, file, context):
    page = visit(file)
    cell(page).locator("a").click()
    assert page.url.endswith(f"#{NUMBER}")
    steps = page.locator("#panel .step")
    kinds = steps.evaluate_all("all => all.map(s => s.className.split(' ')[1])")
    assert kinds == ["metrics", "checkpoints", "data"]
    links = context["chains"]["links"]
    for path, link in links.items():
        if link["kind"] == "figures":
            continue
        step = page.locator(f'#panel .step[data-path="{path}"]').inner_text()
        assert link["md5"] in step and "took" in step and "with uncommitted changes" in step
        assert "SLURM job 7" in step and "GPU-1" in step
    told = page.locator("#panel").inner_text()
    for words in (
        "12.3 kB",
        "took 3.0 s",
        "cd" * 16,
        "protocol",
        "human36m",
        "[50.0, 52.5]",
        "by action, mm",
    ):
        assert words in told
    assert "broken" in told and "alert(1)" in told
    assert page.locator("#panel .settings dd").first.text_content().startswith("<script>")
    commands = page.locator("#panel .command code").all_inner_texts()
    assert commands[0] == f"posepaper audit {NUMBER} --verify"
    assert commands[1].startswith("snakemake results/mini/metrics/lift/made/seed0.json --cores")
    assert page.locator("#panel svg.curve polyline").get_attribute("points")
    assert page.locator("#panel svg.sequences rect").count() == 2


def test_an_address_opens_what_it_names(visit, file):
    page = visit(file, NUMBER)
    assert page.locator("#panel .address code").inner_text() == NUMBER
    box = cell(page).bounding_box()
    assert 0 < box["y"] < 900 and cell(page).evaluate("cell => cell.matches(':target')")
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    folded = f"ledger:{NUMBER}"
    page.evaluate("to => { location.hash = to; }", folded)
    page.wait_for_function("to => document.getElementById(to).checkVisibility()", arg=folded)
    page.select_option("#verdict", "failed")
    page.evaluate("to => { location.hash = to; }", NUMBER)
    page.wait_for_selector("#panel:not([hidden])")
    assert cell(page).is_visible() and page.input_value("#verdict") == ""
    page.evaluate("location.hash = 'run:lift/made'")
    page.wait_for_function("document.getElementById('panel-title').textContent === 'lift/made'")


@pytest.mark.parametrize("width", [400, 900, 1200, 1600])
def test_the_panel_hides_no_number_that_it_is_about(visit, file, width):
    address = "lifting:table-2:row-made:c15"
    page = visit(file, address, width)
    over, at = page.locator("#panel").bounding_box(), cell(page, address).bounding_box()
    assert at["x"] + at["width"] <= over["x"] + 1 or at["y"] + at["height"] <= over["y"]
    assert at["x"] >= 0 and at["y"] >= page.locator(".bar").bounding_box()["height"]


def test_keys_alone_reach_a_chain_and_come_back(visit, file):
    page = visit(file)
    cell(page, "lifting:table-2:row-made:c0").locator("a").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel:not([hidden])")
    assert page.locator("#panel .address code").inner_text() == "lifting:table-2:row-made:c1"
    page.keyboard.press("Escape")
    focused = page.evaluate("document.activeElement.closest('td').id")
    assert focused == "lifting:table-2:row-made:c1" and page.locator("#panel").is_hidden()
    tabs = page.locator("#lifting\\:table-2 td a[tabindex='0']").count()
    assert tabs == 1, "a table is one stop of the Tab key"


def test_a_table_is_copied_as_it_is_shown(visit, file):
    page = visit(file)
    page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text; }")
    tools = page.locator("#lifting\\:table-1 .tools button")
    tools.nth(1).click()
    rows = list(csv.reader(io.StringIO(page.evaluate("window.copied"))))
    assert rows[0][1:] == ["Tick2", "MPJPE ↓ claimed", "MPJPE ↓ reproduced"]
    assert [row[2:] for row in rows[1:]] == [
        ["45.1", "51.2"], ["9.5", ""], ["100.5", ""], ["51.0", ""],
    ]  # fmt: skip
    assert rows[1][0].startswith("made et al. <script>")
    assert page.locator("#said").inner_text() == "Table I as CSV copied"
    page.check("input[value=difference]", force=True)
    tools.nth(0).click()
    told = page.evaluate("window.copied")
    assert r"\begin{tabular}{lrr}" in told and "& +6.1 \\\\" in told
    assert r"50\% \& \$x\_1\textasciicircum{}2\$ \#\{\textasciitilde{}\}" in told


def test_the_player_stands_in_the_page(visit, file):
    page = visit(file, width=400)
    player = page.locator("section.player")
    assert player.locator(".player-state").inner_text().startswith("frame 0 of 8, 0.00 s, error")
    player.locator("input[type=range]").fill("3")
    assert player.locator(".player-state").inner_text().startswith("frame 3 of 8, 0.06 s")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_it_fits_and_can_be_read(visit, file, faint, width, scheme):
    page = visit(file, NUMBER, width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faint(page) == []
    page.select_option("#verdict", "not-comparable")
    page.check("input[value=difference]", force=True)
    assert faint(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_script_it_can_be_read(visit, file):
    page = visit(file, f"chain:{NUMBER}", java_script_enabled=False)
    assert page.locator(".bar").is_hidden() and page.locator("#panel").is_hidden()
    assert cell(page).inner_text().split()[:2] == ["45.1‡", "51.2"]
    assert page.locator("#provenance").inner_text().count("SLURM job 7") >= 3
    assert cell(page, "run:lift/made").inner_text().split()[:5] == [
        "lift/made",
        "1",
        "2",
        "0.5",
        "0.25",
    ]


def test_print_leaves_out_what_only_screens_need(visit, file):
    page = visit(file, NUMBER)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".bar").is_hidden() and page.locator("#panel").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".banner").is_visible() and cell(page).is_visible()
