"""The pages hold every number at its address, print any text, and keep their bytes."""

from html.parser import HTMLParser

import pypdf
import pytest
from markupsafe import Markup

from posepaper.errors import InputError
from posepaper.reporting import latex, render, tables
from posepaper.reporting.layout import Layout

NASTY = "<script>alert(1)</script> 50% & $x_1^2$ #{~}\\ ✓ † ‡ ↓ ↑ × é ⁵⁰ 一 [a] --- ''"
RULES = {"tolerance": {"mm": 1.0, "M": 0.05}, "direction": "two-sided"}
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


def column(name, **changes):
    return {"id": name, "label": name.upper(), "unit": "mm", "better": "lower"} | changes


def table(number, columns, nasty=""):
    rows = [
        {
            "id": f"row-{kind}",
            "label": f"{kind} et al. {nasty}",
            "origin": "quoted" if kind == "quoted" else "reproduced",
            "experiment": None if kind == "quoted" else f"lift/{kind}",
            "reason": "no code" if kind == "quoted" else None,
            "claimed": {c["id"]: 40.5 + i for i, c in enumerate(columns) if "value" in c},
            "text": {c["id"]: "✓" for c in columns if "value" not in c},
        }
        for kind in ("made", "quoted", "broken", "absent")
    ]
    layout = Layout.model_validate(
        {
            "paper": "lifting",
            "table": number,
            "caption": f"CAPTION {nasty}",
            "note": nasty or None,
            "columns": columns,
            "rows": rows,
        }
    )
    made = {
        "experiment": "lift/made",
        "seed": 0,
        "identity": {"study": "mini", "protocol": {"name": "human36m", "flip": True}},
        "roles": {},
        "values": {"mpjpe": 51.25},
        "intervals": {"mpjpe": [50.0, 52.5]},
    }
    return tables.build_table(
        layout,
        {"lift/made": [made]},
        {"lift/made": [{"path": METRICS, "md5": "ab" * 16}]},
        {"lift/broken": "failed", "lift/absent": "missing-data:Human3.6M"},
        RULES,
    )


@pytest.fixture
def context(tmp_path):
    (tmp_path / "f.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    narrow = [
        {"id": "tick", "label": "Tick^2", "text": True},
        column("avg", value="mpjpe", label="MPJPE ↓"),
    ]
    wide = [column(f"c{i}", value="mpjpe") for i in range(16)]
    claim = {
        "id": "mean-table-1-row-made",
        "text": NASTY,
        "where": "Table I",
        "subject": "a mean",
        "addresses": ["lifting:table-1:row-made:avg"],
        "status": "contradicted",
        "finding": "the mean is 12.00",
        "table": 1,
        "row": "row-made",
        "column": "avg",
    }
    figures = [
        {"id": "figure-a", "caption": NASTY, "files": {"svg": str(tmp_path / "f.svg")}},
        {"id": "figure-b", "caption": "none", "files": {}, "status": "missing-data:Human3.6M"},
    ]
    paper = {
        "title": f"Title {NASTY}",
        "tables": [table(1, narrow, NASTY), table(2, wide)],
        "figures": figures,
        "claims": [claim],
    }
    return {
        "study": {"name": "mini", "title": "a small world", "note": f"Note {NASTY}"},
        "commit": "abc",
        "dirty": True,
        "costs": [
            {"rule": "train_lifting", "jobs": 3, "predicted": 60.0, "measured": 48.0, "ratio": 1.25}
        ],
        "overhead": [
            {
                "rule": "train_lifting",
                "jobs": 3,
                "seconds": 48.0,
                "queue": [2.0, 4.0],
                "before": [5.0, 6.0],
                "load": [3.0, 3.5],
                "after": None,
                "seen": None,
                "beside": [5.0, 6.0],
            }
        ],
        "runs": [run("failed", NASTY), run("done", "")],
        "papers": {"lifting": paper},
        "chains": chains_of(paper["tables"]),
    }


def run(state, told):
    texts = {
        "where": "n1 GPU 0 job 7",
        "since": "2026-01-01 00:00:00",
        "queue": "2 s",
        "took": "8 s",
    }
    return {"name": f"{state} {told}", "state": state, **texts, "told": told, "lines": [told, told]}


def chains_of(filled):
    """What stages/chains.py tells of the tables' numbers and one figure."""
    made = {
        **{"md5": "ab" * 16, "size": 12345, "rule": "r", "seed": 0, "fingerprint": "f" * 64},
        **{"commit": "c" * 40, "dirty": True, "end": "2026-11-21T17:16:19.919081+00:00"},
        **{"machine": {"host": NASTY, "cpu": "cpu", "gpus": ["GPU-1"], "slurm_job": "7"}},
        **{"raw": {f"raw {NASTY}": "cd" * 16}, "faults": []},
    }
    links = {
        METRICS: {**made, "kind": "metrics", "parents": [CHECKPOINT, DATA]},
        CHECKPOINT: {**made, "kind": "checkpoints", "parents": [DATA], "md5": "ef" * 16},
        DATA: {**made, "kind": "data", "parents": [], "faults": [f"changed {NASTY}"]},
        PICTURE: {**made, "kind": "figures", "parents": [METRICS]},
    }
    numbers = {
        tables.address("lifting", t["table"], "row-made", name): {
            **{"table": "t.json", "experiment": "lift/made", "sources": [METRICS]},
            "verdict": "broken",
        }
        for t in filled
        for name, cell in next(r for r in t["rows"] if r["id"] == "row-made")["cells"].items()
        if cell["status"] == "ok"
    }
    figure = {"files": [PICTURE], "sources": [METRICS], "verdict": "broken"}
    return {"numbers": numbers, "figures": {"lifting:figure-a": figure}, "links": links}


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
    assert page.scripts == 1, "text is never markup"
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
    render.render_latex(context, "lifting", tmp_path / "lifting.tex")
    text = (tmp_path / "lifting.tex").read_text(encoding="utf-8")
    assert text.count(r"\hyperlink{chain:lift-made}{51.2}") == 17
    assert text.count(r"\hypertarget{chain:lift-made}{}") == 1
    assert r"\hyperlink{chain:lifting:figure-a}" in text
    appendix = text[text.index(r"\section{Appendix: provenance}") :]
    for told in ("ef" * 16, "c" * 12, "f" * 16, "with uncommitted", r"\hypertarget{chain:results"):
        assert told in appendix


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_no_link_of_the_pdf_leads_nowhere(context, tmp_path):
    render.render_latex(context, "lifting", tmp_path / "lifting.tex")
    render.compile_pdf(tmp_path / "lifting.tex", tmp_path / "lifting.pdf")
    pdf = pypdf.PdfReader(tmp_path / "lifting.pdf")
    notes = [note.get_object() for page in pdf.pages for note in page.get("/Annots", ())]
    goals = [str(n["/A"]["/D"]) for n in notes if n.get("/A", {}).get("/S") == "/GoTo"]
    assert goals.count("chain:lift-made") >= 17 and set(goals) <= set(pdf.named_destinations)


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
        render.render_latex(context, "lifting", tmp_path / folder / "lifting.tex")
    for name in ("index.html", "lifting.tex"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_latex_has_every_address_and_its_statuses(context, tmp_path):
    render.render_latex(context, "lifting", tmp_path / "lifting.tex")
    text = (tmp_path / "lifting.tex").read_text(encoding="utf-8")
    reproduced = [a for a in addresses(context) if "quoted" not in a and ":tick" not in a]
    missing = [a for a in reproduced if f"{{{a}}}" not in text]
    assert missing == []
    assert "needs Human3.6M" in text and r"\begin{table*}" in text and r"\begin{table}" in text
    assert "Study \\textbf{mini}" in text and r"\claimed{\textbf{40.5}}" in text


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_any_text_compiles_to_the_same_bytes(context, tmp_path):
    for name in ("one", "two"):
        tex = tmp_path / name / "lifting.tex"
        render.render_latex(context, "lifting", tex)
        render.compile_pdf(tex, tmp_path / name / "lifting.pdf")
    one, two = (tmp_path / name / "lifting.pdf" for name in ("one", "two"))
    assert one.read_bytes()[:5] == b"%PDF-" and one.read_bytes() == two.read_bytes()
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["lifting.pdf", "lifting.tex"]


def test_a_missing_picture_is_named(context, tmp_path):
    context["papers"]["lifting"]["figures"][0]["files"] = {"png": str(tmp_path / "no.png")}
    with pytest.raises(InputError, match=r"no\.png"):
        render.render_html(context, tmp_path / "index.html")
