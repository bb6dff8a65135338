"""LaTeX: escaping, and what a failing TeX says."""

import subprocess

import pytest

from posepaper.errors import InputError
from posepaper.reporting import latex


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
    assert latex.breakable("a-b/c: -2.18") == (
        r"a-\allowbreak{}b/\allowbreak{}c:\allowbreak{} -2.18"
    )
    assert latex.head("AP^50") == r"AP\textsuperscript{50}"
    assert latex.label("Xu et al. [3]") == r"Xu \textit{et al.} {[}3]"


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_a_tex_error_carries_texs_own_words(tmp_path):
    tex = tmp_path / "bad.tex"
    tex.write_text(r"\documentclass{article}\begin{document}\nosuch\end{document}")
    with pytest.raises(InputError, match=r"bad.tex: TeX stopped .*Undefined control sequence"):
        latex.compile_pdf(tex, tmp_path / "bad.pdf")
    assert not (tmp_path / "bad.pdf").exists()


def test_without_tex_one_line_says_how_to_get_the_pdf(tmp_path, monkeypatch):
    monkeypatch.setattr(latex.shutil, "which", lambda name: None)
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(InputError, match="make paper"):
        latex.compile_pdf(tmp_path / "a.tex", tmp_path / "a.pdf")


FAULTY = r"""\documentclass{article}
\usepackage[T1]{fontenc}\usepackage{mathptmx,hyperref}
\begin{document}
\noindent\rule{\dimexpr\linewidth+%spt}{1pt}

\ref{nowhere}\hyperlink{gone}{a}\hypertarget{twice}{}\hypertarget{twice}{}
{\fontencoding{OT1}\selectfont\char"D8}
\end{document}"""


@pytest.mark.skipif(not latex.tex_installed(), reason="no TeX on this machine")
def test_what_tex_complains_of_is_told(tmp_path):
    (tmp_path / "wide.tex").write_text(FAULTY % "3.5")
    found = latex.compile_pdf(tmp_path / "wide.tex", tmp_path / "wide.pdf")
    for told in (
        "Overfull \\hbox (3.5pt too wide)",
        "Reference `nowhere' on page 1 undefined",
        "name{gone} has been referenced but does not exist",
        "destination with the same identifier (name{twice})",
        "Missing character: There is no ",
    ):
        assert sum(told in line for line in found) == 1, (told, found)
    (tmp_path / "fits.tex").write_text(FAULTY % "0.5")
    found = latex.compile_pdf(tmp_path / "fits.tex", tmp_path / "fits.pdf")
    assert not any("Overfull" in line for line in found)
