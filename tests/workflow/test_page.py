"""The page of a real study, opened from file://, against its tables, its records and the audit."""

import json

import pytest

from posepaper import files

BASE = "results/smoke"
NUMBER = "lifting:table-2:p1-ours:avg"
CHECKPOINT = f"{BASE}/checkpoints/lift/ours-f81-cpn/seed0.safetensors"


@pytest.fixture(scope="module")
def file(first):
    return first.root / BASE / "report/index.html"


@pytest.fixture(scope="module")
def audited(first):
    done = first.run("posepaper", "audit", NUMBER, "--json", "--study", "smoke")
    return json.loads(done.stdout[done.stdout.index("{") :])


def test_a_chain_is_the_audit_s(visit, file, audited):
    page = visit(file)
    page.locator(f'[id="{NUMBER}"] a').click()
    shown = page.locator("#panel .step").evaluate_all(
        "all => all.map(s => [s.dataset.path, s.querySelector('.hash code').textContent])"
    )
    proven = {
        link["path"]: link["md5"] for link in audited["links"] if "/tables/" not in link["path"]
    }
    assert dict(shown) == proven and audited["verdict"] == "proven"
    assert dict(shown)[CHECKPOINT] == files.md5(file.parents[3] / CHECKPOINT)
    kinds = [path.split("/")[2] for path, _ in shown]
    assert kinds == ["metrics", "predictions", "checkpoints", "keypoints", "data", "data"]
    assert f"posepaper audit {NUMBER} --verify" in page.locator("#panel").inner_text()


def test_numbers_and_differences_are_the_table_s(visit, file):
    page = visit(file)
    table = files.read_json(file.parents[1] / "tables/lifting/table-2.json")
    page.check("input[value=difference]", force=True)
    rows = {row["id"]: row["cells"] for row in table["rows"]}
    compared = 0
    for name, cells in rows.items():
        for column, given in cells.items():
            text = page.locator(f'[id="lifting:table-2:{name}:{column}"]').inner_text().strip()
            if given["value"] is None or "claimed" not in given:
                assert text == ""
                continue
            compared += 1
            assert float(text) == pytest.approx(
                round(given["value"], 1) - given["claimed"], abs=0.051
            )
    assert compared >= 12


def test_curves_actions_sequences_and_a_player_are_there(visit, file):
    page = visit(file, NUMBER)
    metrics = files.read_json(file.parents[1] / "metrics/lift/ours-f81-cpn/seed0.json")
    panel = page.locator("#panel")
    assert "MPJPE by action, mm" in panel.inner_text()
    assert panel.locator("svg.sequences rect").count() == len(metrics["sequences"]["mpjpe"])
    assert f"{metrics['values']['mpjpe/Walking']:.1f}" in panel.locator(".bars").first.inner_text()
    curve = files.read_json(file.parents[1] / "checkpoints/lift/ours-f81-cpn/seed0.curve.json")
    points = panel.locator("svg.curve polyline").get_attribute("points").split()
    assert len(points) == len(curve["epochs"])
    note = page.locator("section.player .player-note").inner_text()
    assert "the sequence with the median error of" in note


@pytest.mark.parametrize("width", [400, 1600])
def test_it_fits_and_can_be_read(visit, file, faint, width):
    scheme = "dark" if width == 400 else "light"
    page = visit(file, NUMBER, width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faint(page) == []


def test_it_is_small(file):
    assert file.stat().st_size < 5_000_000
