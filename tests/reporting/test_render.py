"""The pages hold every number at its address, print any text, and keep their bytes."""

import subprocess
from html.parser import HTMLParser

import pytest

from posepaper import quantities
from posepaper.errors import InputError
from posepaper.reporting import latex, render, tables
from posepaper.reporting.layout import Layout

NASTY = "<script>alert(1)</script> 50% & $x_1^2$ #{~}\\ ✓ † ‡ ↓ ↑ × é ⁵⁰ 一 [a] --- ''"
RULES = {"tolerance": {"mm": 1.0, "M": 0.05}, "direction": "two-sided"}
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
            "requires": {"data": "pose3d", "protocol": "human36m"},
            "columns": columns,
            "rows": rows,
        }
    )
    made = {
        "experiment": "lift/made",
        "seed": 0,
        "identity": {"study": "mini", "protocol": {"name": "human36m", "flip": True}},
        "roles": {"data": "pose3d", "protocol": "human36m"},
        "quantities": {n: vars(q) for n, q in quantities.of({"kind": "human36m"}).items()},
        "values": {"mpjpe": 51.25},
        "intervals": {"mpjpe": [50.0, 52.5]},
    }
    return tables.build_table(
        layout,
        {"lift/made": [made]},
        {"lift/made": [{"path": "metrics/made.json", "md5": "ab" * 16}]},
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
    wide = [column(f"c{i}", value="mpjpe", quantity="MPJPE") for i in range(16)]
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
        "papers": {"lifting": paper},
    }


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


def test_the_page_shows_predicted_against_measured_time(context, tmp_path):
    render.render_html(context, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    row = "<th>train_lifting</th><td>3</td><td>60.0</td><td>48.0</td><td>1.25</td>"
    assert row in text and 'id="cost"' in text
    render.render_html({**context, "costs": []}, tmp_path / "draft.html")
    assert 'id="cost"' not in (tmp_path / "draft.html").read_text(encoding="utf-8")


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


def test_escape():
    assert latex.escape("50% & $x_1^2$ #{~}\\") == (
        r"50\% \& \$x\_1\textasciicircum{}2\$ \#\{\textasciitilde{}\}\textbackslash{}"
    )
    assert latex.escape("✓†×↓") == (
        r"\ensuremath{\checkmark}\textdagger{}\ensuremath{\times}\ensuremath{\downarrow}"
    )
    assert latex.escape("AP⁵⁰ ᴸ") == (
        r"AP\textsuperscript{5}\textsuperscript{0} \textsuperscript{L}"
    )
    assert latex.escape("一\x00") == "{[}U+4E00{]}[U+0000]".replace("{[}", "[").replace("{]}", "]")
    assert latex.escape("a---b ''c''") == "a-{}-{}-b '{}'c'{}'"
    assert latex.head("AP^50") == r"AP\textsuperscript{50}"
    assert latex.label("Xu et al. [3]") == r"Xu \textit{et al.} {[}3]"


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_any_text_compiles_to_the_same_bytes(context, tmp_path):
    for name in ("one", "two"):
        tex = tmp_path / name / "lifting.tex"
        render.render_latex(context, "lifting", tex)
        render.compile_pdf(tex, tmp_path / name / "lifting.pdf")
    one, two = (tmp_path / name / "lifting.pdf" for name in ("one", "two"))
    assert one.read_bytes()[:5] == b"%PDF-" and one.read_bytes() == two.read_bytes()
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == ["lifting.pdf", "lifting.tex"]


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_a_tex_error_carries_texs_own_words(tmp_path):
    tex = tmp_path / "bad.tex"
    tex.write_text(r"\documentclass{article}\begin{document}\nosuch\end{document}")
    with pytest.raises(InputError, match=r"bad.tex: TeX stopped .*Undefined control sequence"):
        render.compile_pdf(tex, tmp_path / "bad.pdf")
    assert not (tmp_path / "bad.pdf").exists()


def test_without_tex_one_line_says_how_to_get_the_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(latex.shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(InputError, match="make paper"):
        render.compile_pdf(tmp_path / "a.tex", tmp_path / "a.pdf")


def test_a_missing_picture_is_named(context, tmp_path):
    context["papers"]["lifting"]["figures"][0]["files"] = {"png": str(tmp_path / "no.png")}
    with pytest.raises(InputError, match=r"no\.png"):
        render.render_html(context, tmp_path / "index.html")
