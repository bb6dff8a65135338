"""Tables and pages that print what was never measured, their records made to agree."""

import shutil
from pathlib import Path

import pytest

from posepaper import files
from posepaper.reporting.latex import compile_pdf

BASE = "results/smoke"
NUMBER, OTHER = "lifting:table-2:p1-ours:avg", "lifting:table-4:ours-f9:mpjpe"
TABLE, CSV = f"{BASE}/tables/lifting/table-2.json", f"{BASE}/tables/lifting/table-2.csv"
PAGE, TEX, PDF = (f"{BASE}/report/{name}" for name in ("index.html", "lifting.tex", "lifting.pdf"))


def row(table, name):
    return next(r for r in table["rows"] if r["id"] == name)["cells"]


def printed() -> str:
    """The number as the documents print it."""
    return f"{row(files.read_json(TABLE), 'p1-ours')['avg']['value']:.1f}"


def cover_up(study, *paths):
    study.fix(*paths)
    study.track()


def test_a_number_edited_in_its_table(study):
    study.change_json(TABLE, lambda t: row(t, "p1-ours")["avg"].update(value=43.1))
    cover_up(study, TABLE)
    study.finds("verify", TABLE, "shows value 43.1, its metrics and layout give")


def test_a_claim_edited_in_its_table(study):
    study.change_json(TABLE, lambda t: row(t, "p1-ours")["avg"].update(claimed=1.0))
    cover_up(study, TABLE)
    study.finds("verify", TABLE, "shows claimed 1.0, its metrics and layout give 43.1")


def test_a_verdict_edited_in_a_table(study):
    study.change_json(TABLE, lambda t: row(t, "p1-ours")["avg"].update(verdict="reproduced"))
    cover_up(study, TABLE)
    study.finds("verify", TABLE, "shows verdict reproduced")


def test_metrics_a_table_never_used(study):
    """The cell names other bytes than its table's record."""
    study.change_json(TABLE, lambda t: row(t, "p1-ours")["avg"]["sources"][0].update(md5="0" * 32))
    study.fix(TABLE)
    study.finds("audit", TABLE, "which its record does not name")


def test_a_csv_edited(study):
    study.edit(CSV, "43.1", "43.2")
    study.finds("verify", CSV, "its bytes are not its record's")


def test_a_csv_edited_with_its_record(study):
    study.edit(CSV, "43.1", "43.2")
    cover_up(study, CSV)
    study.finds("verify", CSV, f"is not the table of {TABLE}, from {NUMBER} on")


def test_a_page_edited(study):
    study.edit(PAGE, f'">{printed()}<', '">43.1<')
    study.finds("verify", PAGE, "its bytes are not its record's")


def number_in(path: str, mark: str) -> str:
    """The text from a number's mark to the number."""
    text = Path(path).read_text(encoding="utf-8")
    start = text.index(mark)
    return text[start : text.index(f">{printed()}" if path == PAGE else f"{{{printed()}", start)]


def test_a_number_edited_in_the_page(study):
    before = number_in(PAGE, f'<td id="{NUMBER}"')
    study.edit(PAGE, f"{before}>{printed()}", f"{before}>43.1")
    cover_up(study, PAGE)
    study.finds("verify", PAGE, f"prints {NUMBER} as 43.1, the table has {printed()}")


def test_a_sentence_edited_in_the_page(study):
    study.edit(PAGE, "They only show that every part runs", "They show that we are right")
    cover_up(study, PAGE)
    study.finds("verify", PAGE, "is not what its tables and figures give, from line")


def edit_tex(study):
    before = number_in(TEX, f"\\at{{{NUMBER}}}")
    study.edit(TEX, f"{before}{{{printed()}", f"{before}{{43.1")


def test_a_number_edited_in_the_latex(study):
    edit_tex(study)
    cover_up(study, TEX)
    study.finds("verify", TEX, f"prints {NUMBER} as 43.1, the table has {printed()}")


def test_a_claim_edited_in_the_latex(study):
    study.edit(TEX, "43.1", "41.1")
    cover_up(study, TEX)
    study.finds("verify", TEX, "is not what its tables and figures give, from line")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext on this machine")
def test_a_number_edited_in_the_pdf(study):
    honest = Path(TEX).read_bytes()
    edit_tex(study)
    study.write(PDF, b"")
    compile_pdf(TEX, PDF)
    study.write(TEX, honest)
    cover_up(study, PDF)
    study.finds("verify", PDF, f"does not print {NUMBER} as the table has it")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX on this machine")
def test_a_pdf_that_nothing_here_can_read(study, monkeypatch):
    there = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "pdftotext" else there(name))
    study.finds("verify", PDF, "no pdftotext here", "unverifiable")


def test_a_fault_of_one_number_is_none_of_its_neighbours(study):
    study.change_json(TABLE, lambda t: row(t, "p1-ours")["avg"].update(value=43.1))
    cover_up(study, TABLE)
    answers = {a["address"]: a["verdict"] for a in study.ask("verify", everything=True)}
    wrong = {address for address, verdict in answers.items() if verdict != "proven"}
    assert NUMBER in wrong and all(a.startswith("lifting:table-2:") for a in wrong), wrong
