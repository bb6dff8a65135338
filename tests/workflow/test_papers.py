"""The smoke study's PDFs: every number in its row, no fault of TeX's, every page marked."""

import re
import shutil
import subprocess

import pypdf
import pytest

from posepaper import files
from posepaper.reporting import latex, view
from posepaper.stages.trial import printed

pytestmark = pytest.mark.skipif(
    not latex.tex_installed() or shutil.which("pdftotext") is None,
    reason="no TeX or no pdftotext (package poppler-utils) on this machine",
)
PAPERS = ("gsam", "lifting")
SMALLEST = 5.97  # of 6 TeX points, 72.27 to the inch


def folder(copy):
    return copy.root / "results/smoke/report"


def views(copy, paper: str) -> list[dict]:
    paths = (copy.root / f"results/smoke/tables/{paper}").glob("table-*.json")
    read = [files.read_json(p) for p in paths if not p.name.endswith(".record.json")]
    return [view.table_view(t, []) for t in sorted(read, key=lambda t: t["table"])]


def rows_of(table: dict) -> list[dict]:
    return [row for section in table["sections"] for row in section["rows"]]


def another(number: str) -> str:
    """A number of the same form and length that differs in its last digit."""
    digits, unit = number.removesuffix("M"), number[-1] * number.endswith("M")
    return f"{digits[:-1]}{(int(digits[-1]) + 1) % 10}{unit}"


@pytest.mark.parametrize("paper", PAPERS)
def test_every_number_of_every_table_stands_in_its_row_of_the_pdf(first, paper):
    text = printed.text_of(folder(first) / f"{paper}.pdf")
    tables = views(first, paper)
    assert len(tables) == {"gsam": 9, "lifting": 10}[paper]
    assert [printed.odd_cells(text, table) for table in tables] == [[]] * len(tables)


@pytest.mark.parametrize("paper", PAPERS)
def test_any_changed_number_is_found_in_its_row(first, paper):
    text, changed, missed = printed.text_of(folder(first) / f"{paper}.pdf"), 0, []
    for table in views(first, paper):
        for row in rows_of(table):
            kinds = ("claimed", "value", "half") if row["origin"] == "reproduced" else ("claimed",)
            for cell in (c for c in row["cells"] if c["numeric"]):
                for kind in (k for k in kinds if cell[k]):
                    there, cell[kind] = cell[kind], another(cell[kind])
                    odd = printed.odd_cells(text, table)
                    found = odd and any(odd[0][0] is c for c in row["cells"])
                    missed += [] if found else [(cell["address"], kind)]
                    cell[kind], changed = there, changed + 1
    assert changed > 400 and missed == []


@pytest.mark.parametrize("paper", PAPERS)
def test_tex_complains_of_nothing_and_keeps_its_bytes(first, paper, tmp_path):
    source = folder(first) / f"{paper}.tex"
    assert latex.compile_pdf(source, tmp_path / "again.pdf") == []
    assert (tmp_path / "again.pdf").read_bytes() == source.with_suffix(".pdf").read_bytes()


@pytest.mark.parametrize("paper", PAPERS)
def test_every_page_is_marked_and_the_first_says_what_was_run(first, paper):
    settings = first.jobs()["results/smoke/report/index.html"]["settings"]["study"]
    made = files.read_json(folder(first) / "index.html.record.json")
    pages = printed.text_of(folder(first) / f"{paper}.pdf").split("\f")[:-1]
    assert len(pages) > 8 and settings["mark"].startswith("smoke study: generated data")
    assert [n for n, page in enumerate(pages, 1) if settings["mark"] not in page] == []
    front = " ".join(pages[0].split())
    assert (
        made["git"]["commit"] in front and ("nothing uncommitted" in front) != made["git"]["dirty"]
    )
    data = files.read_json(first.root / "results/smoke/data/pose3d.h5.record.json")
    (hashed,) = (o["md5"] for o in data["outputs"].values() if o["path"].endswith("pose3d.h5"))
    assert f"data/pose3d.h5 {hashed[:12]}" in front
    ledger = files.read_json(first.root / "results/smoke/tables/ledger.json")
    tallies = ledger["counts"][paper]
    for verdict, count in tallies["number"].items():
        assert f"{verdict} {count} {tallies['sentence'][verdict]}" in front


@pytest.mark.parametrize("paper", PAPERS)
def test_a_number_leads_to_its_chain_and_the_chain_back(first, paper):
    pdf = pypdf.PdfReader(folder(first) / f"{paper}.pdf")
    notes = [note.get_object() for page in pdf.pages for note in page.get("/Annots", ())]
    goals = [str(n["/A"]["/D"]) for n in notes if n.get("/A", {}).get("/S") == "/GoTo"]
    places = pdf.named_destinations
    assert set(goals) <= set(places)
    made = [
        (row["experiment"], cell["address"])
        for table in views(first, paper)
        for row in rows_of(table)
        for cell in row["cells"]
        if cell["value"]
    ]
    assert made and all(latex.slug(f"chain:{experiment}") in goals for experiment, _ in made)
    for experiment in {experiment for experiment, _ in made}:
        own = [latex.slug(address) for name, address in made if name == experiment]
        assert any(address in goals for address in own), experiment
    page = {name: pdf.get_destination_page_number(place) for name, place in places.items()}
    experiment, address = made[0]
    assert page[latex.slug(address)] < page[latex.slug(f"chain:{experiment}")]


def test_the_pdf_names_title_study_and_commit(first):
    made = files.read_json(folder(first) / "index.html.record.json")
    told = pypdf.PdfReader(folder(first) / "gsam.pdf").metadata
    assert (
        told.title == "Group Spatial Attention for 3D Human Pose Estimation: claimed and reproduced"
    )
    assert told.subject.startswith("Study smoke: ") and made["git"]["commit"] in told["/Keywords"]
    assert told.creation_date.year == 1970


@pytest.mark.parametrize("paper", PAPERS)
def test_no_letter_is_smaller_than_six_points(first, paper, tmp_path):
    text = (folder(first) / f"{paper}.tex").read_text(encoding="utf-8")
    bare = re.sub(r"\\includegraphics\[[^]]*\]\{[^}]*\}", "", text)
    assert bare != text
    (tmp_path / "bare.tex").write_text(bare, encoding="utf-8")
    latex.compile_pdf(tmp_path / "bare.tex", tmp_path / "bare.pdf")
    sizes: dict[float, str] = {}

    def seen(text, transform, placed, font, size):
        if text.strip():
            sizes.setdefault(round(abs(placed[3]) * size, 2), text.strip())

    for page in pypdf.PdfReader(tmp_path / "bare.pdf").pages:
        page.extract_text(visitor_text=seen)
    assert len(sizes) > 4 and {s: t for s, t in sizes.items() if s < SMALLEST} == {}


def test_a_chart_of_every_measured_difference(first):
    text = (folder(first) / "gsam.tex").read_text(encoding="utf-8")
    found = files.read_json(first.root / "results/smoke/tables/comparisons.json")
    rows = [row for one in found if one["paper"] == "gsam" for row in one["rows"]]
    drawn = [
        row
        for one in found
        if one["paper"] == "gsam"
        and any(r["difference"] or any(r["ci"] or ()) for r in one["rows"])
        for row in one["rows"]
        if row["difference"] is not None
    ]
    assert rows and drawn and len(re.findall(r"&\\interval\{", text)) == len(drawn)
    effectless = [row for row in rows if row["said"] == "no measurable effect"]
    lines = [
        line
        for line in text.splitlines()
        if line.endswith((r"no measurable effect \\", r"no measurable effect \\*"))
    ]
    assert len(lines) == len(effectless)
    done = subprocess.run(
        ["pdftotext", folder(first) / "gsam.pdf", "-"], capture_output=True, check=True
    )
    assert done.stdout.decode().count("not measured") >= sum(
        r["said"] == "not measured" for r in rows
    )
