"""The pages hold every number at its address, print any text, and keep their bytes."""

from html.parser import HTMLParser

import pypdf
import pytest
from markupsafe import Markup

from posepaper.errors import InputError
from posepaper.reporting import latex, render, tables, typeset

NASTY = "<script>alert(1)</script> 50% & $x_1^2$ #{~}\\ ✓ † ‡ ↓ ↑ × é ⁵⁰ 一 [a] --- ''"
RULES = {"tolerance": {"mm": 1.0, "M": 0.05}, "direction": "two-sided", "alpha": 0.05}
METRICS = "results/mini/metrics/lift/made/seed0.json"
CHECKPOINT = "results/mini/checkpoints/lift/made/seed0.safetensors"
DATA, PICTURE = "results/mini/data/pose3d.h5", "results/mini/figures/lifting/figure-a.pdf"
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Ids, links and images of a page; fails on tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.hrefs, self.images, self.scripts = [], [], [], [], 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.hrefs += [found["href"]] if "href" in found else []
        self.images += [found["src"]] if tag == "img" else []
        self.scripts += tag == "script"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def addresses(context):
    return [
        tables.address("lifting", t["table"], row["id"], name)
        for t in context["papers"]["lifting"]["tables"]
        for row in t["rows"]
        for name in row["cells"]
    ]


def test_html_is_whole_self_contained_and_has_every_address(context, tmp_path):
    render.render_html(context, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert set(addresses(context)) <= set(page.ids)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.hrefs)
    assert all(image.startswith("data:") for image in page.images) and len(page.images) == 1
    assert page.scripts == 4, "text is never markup"
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text
    for told in ("needs Human3.6M", "failed", "51.2", "[50.0, 52.5]", "not-comparable", "ab" * 16):
        assert told in text
    assert "<sup>2</sup>" in text and "<i>et al.</i>" in text
    assert "http://" not in text and "https://" not in text


def test_every_number_s_link_leads_to_its_chain(context, tmp_path):
    render.render_html(context, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page, numbers = Page(text), context["chains"]["numbers"]
    assert len(numbers) == 17
    assert {f"#chain:{address}" for address in numbers} <= set(page.hrefs)
    assert page.hrefs.count("#chain:lifting:figure-a") == 1
    entry = text[text.index('id="chain:lift/made"') :]
    entry = entry[: entry.index("</details>")]
    assert all(f'id="chain:{address}"' in entry for address in numbers)
    for told in (METRICS, CHECKPOINT, "ef" * 16, "c" * 40, "SLURM job 7", "GPU-1", "12,345 bytes"):
        assert told in entry
    assert f'href="#chain:{DATA}"' in entry and '<b class="contradicted">broken</b>' in entry
    assert "Those in red contradicted another" in text


def test_every_number_in_the_pdf_leads_to_its_chain(context, tmp_path):
    typeset.render_latex(context, "lifting", tmp_path / "lifting.tex")
    text = (tmp_path / "lifting.tex").read_text(encoding="utf-8")
    assert text.count(r"\hyperlink{chain:lift-made}{51.2}") == 17
    assert text.count(r"\hypertarget{chain:lift-made}{}") == 1
    assert r"\hyperlink{chain:lifting:figure-a}" in text
    appendix = text[text.index(r"\section{Appendix: provenance}") :]
    for told in ("ef" * 16, "c" * 12, "f" * 16, "with uncommitted", r"\hypertarget{chain:results"):
        assert told in appendix


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_no_link_of_the_pdf_leads_nowhere(context, tmp_path):
    typeset.render_latex(context, "lifting", tmp_path / "lifting.tex")
    latex.compile_pdf(tmp_path / "lifting.tex", tmp_path / "lifting.pdf")
    pdf = pypdf.PdfReader(tmp_path / "lifting.pdf")
    notes = [note.get_object() for page in pdf.pages for note in page.get("/Annots", ())]
    goals = [str(n["/A"]["/D"]) for n in notes if n.get("/A", {}).get("/S") == "/GoTo"]
    assert goals.count("chain:lift-made") >= 17 and set(goals) <= set(pdf.named_destinations)


def test_the_page_shows_findings_ledger_and_comparisons(context, tmp_path):
    render.render_html(context, tmp_path / "index.html")
    typeset.render_latex(context, "lifting", tmp_path / "lifting.tex")
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    tex = (tmp_path / "lifting.tex").read_text(encoding="utf-8")
    assert "(1 + 2) / 2 = 1.50 (printed: 43.1)" in html and "a source" in html
    assert 'id="ledger:lifting:table-1:row-made:avg"' in html and "order reversed" in html
    assert '<svg class="interval"' in html and "-1.50, 95 % interval -2.00 to -1.00" in html
    assert "lies within the tolerance of the claim: 1 mm, 0.05 M" in html
    for told in ("order reversed", "not measured", "-1.50", "$0.020$", "0.05 M"):
        assert told in tex


def test_the_page_shows_predicted_against_measured_time(context, tmp_path):
    render.render_html(context, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    row = "<th>train_lifting</th><td>3</td><td>60.0</td><td>48.0</td><td>1.25</td>"
    assert row in text and 'id="cost"' in text
    render.render_html({**context, "costs": []}, tmp_path / "draft.html")
    assert 'id="cost"' not in (tmp_path / "draft.html").read_text(encoding="utf-8")


def test_the_page_shows_the_cluster_s_time_and_what_ran_where(context, tmp_path):
    render.render_html(context, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    row = "<td>3</td><td>48.0</td><td>2.0 (4.0)</td><td>5.0 (6.0)</td><td>3.0 (3.5)</td>"
    assert row in text and "n1 GPU 0 job 7" in text and "1 jobs are done" in text
    nasty = str(Markup.escape(NASTY))
    assert f"<pre>{nasty}\n{nasty}</pre>" in text
    render.render_html({**context, "runs": []}, tmp_path / "draft.html")
    assert 'id="runs"' not in (tmp_path / "draft.html").read_text(encoding="utf-8")


def test_pages_keep_their_bytes(context, tmp_path):
    for folder in ("a", "b"):
        render.render_html(context, tmp_path / folder / "index.html")
        typeset.render_latex(context, "lifting", tmp_path / folder / "lifting.tex")
    for name in ("index.html", "lifting.tex"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_latex_has_every_address_and_its_statuses(context, tmp_path):
    typeset.render_latex(context, "lifting", tmp_path / "lifting.tex")
    text = (tmp_path / "lifting.tex").read_text(encoding="utf-8")
    reproduced = [a for a in addresses(context) if "quoted" not in a and ":tick" not in a]
    missing = [a for a in reproduced if f"{{{a}}}" not in text]
    assert missing == []
    assert r"\mk{b}\,\textendash: needs Human3.6M." in text and r"\textendash\mk{b}" in text
    assert r"\begin{tabular*}{\linewidth}" in text and r"\fitted{\begin{tabular}" in text
    assert "Study \\textbf{mini}" in text and r"\claimed{\textbf{40.5}}" in text


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_any_text_compiles_to_the_same_bytes(context, tmp_path):
    for name in ("one", "two"):
        tex = tmp_path / name / "lifting.tex"
        typeset.render_latex(context, "lifting", tex)
        found = latex.compile_pdf(tex, tmp_path / name / "lifting.pdf")
        assert found == ["Table shrunk below 6 pt to fit"], "its labels are as long as the column"
    one, two = (tmp_path / name / "lifting.pdf" for name in ("one", "two"))
    assert one.read_bytes()[:5] == b"%PDF-" and one.read_bytes() == two.read_bytes()
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["lifting.pdf", "lifting.tex"]


def test_a_missing_picture_is_named(context, tmp_path):
    context["papers"]["lifting"]["figures"][0]["files"] = {"png": str(tmp_path / "no.png")}
    with pytest.raises(InputError, match=r"no\.png"):
        render.render_html(context, tmp_path / "index.html")
