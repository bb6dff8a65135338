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
