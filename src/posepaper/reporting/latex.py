"""Text into LaTeX, and LaTeX into a PDF whose bytes depend on nothing but its sources."""

import os
import re
import shutil
import subprocess
import tempfile
import unicodedata
from pathlib import Path

from posepaper.errors import InputError
from posepaper.files import atomic

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "✓": r"\ensuremath{\checkmark}",
    "✔": r"\ensuremath{\checkmark}",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "*": r"\textasteriskcentered{}",
    "∗": r"\textasteriskcentered{}",
    "↑": r"\ensuremath{\uparrow}",
    "↓": r"\ensuremath{\downarrow}",
    "→": r"\ensuremath{\rightarrow}",
    "←": r"\ensuremath{\leftarrow}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "±": r"\ensuremath{\pm}",
    "−": r"\ensuremath{-}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≠": r"\ensuremath{\neq}",
    "≈": r"\ensuremath{\approx}",
    "°": r"\textdegree{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "…": r"\dots{}",
    "§": r"\S{}",
    "µ": r"\ensuremath{\mu}",
    "μ": r"\ensuremath{\mu}",
    "σ": r"\ensuremath{\sigma}",
    "α": r"\ensuremath{\alpha}",
    "β": r"\ensuremath{\beta}",
    "Δ": r"\ensuremath{\Delta}",
    "\u00a0": "~",
}
# Pairs that TeX would set as one other sign.
LIGATURES = re.compile(r"(?<=-)(?=-)|(?<=,)(?=,)|(?<=')(?=')|(?<=[?!])(?=`)")
# The second run places what the first one measured: bookmarks, links, columns of long tables.
RUNS = 2
POINT = 1.0
WIDER = re.compile(r"Overfull \\[hv]box \((\d+(?:\.\d+)?)pt too (?:wide|high)\).*")
FAULT = re.compile(
    r"^Missing character:|undefined|multiply[- ]defined|has been referenced but does not exist"
    r"|destination with the same identifier|Rerun to get|Table widths have changed"
    r"|^Table shrunk|^LaTeX Font Warning: Font shape|Token not allowed in a PDF string"
)
UNPROPER = re.compile(r"\\(?:ensuremath|textsuperscript|textsubscript|textasteriskcentered)")
LATIN = re.compile(r"[ -~À-ÖØ-öø-ſ]")


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if LATIN.match(character):
        return character
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKC", character)
    name = unicodedata.name(character, "")
    if len(plain) == 1 and plain != character:
        inner = _character(plain)
        if "SUPERSCRIPT" in name or "MODIFIER" in name:
            return rf"\textsuperscript{{{inner}}}"
        return rf"\textsubscript{{{inner}}}" if "SUBSCRIPT" in name else inner
    return f"[U+{ord(character):04X}]"


def escape(text) -> str:
    """Any text as LaTeX that prints it; a character TeX cannot set reads [U+XXXX]."""
    return LIGATURES.sub("{}", "".join(_character(c) for c in str(text)))


def breakable(text) -> str:
    """Like ``escape``, for paths and hashes: TeX may break the line at any of / : _ - ="""
    text = str(text)
    escaped = (
        _character(c) + (r"\allowbreak{}" if c in "/:_=-" and not _sign(text, k) else "")
        for k, c in enumerate(text)
    )
    return LIGATURES.sub("{}", "".join(escaped))


def plain(text) -> str:
    """Text for a PDF's own properties, which take no formula and nothing raised: ? instead."""
    escaped = (_character(c) for c in str(text))
    return LIGATURES.sub("{}", "".join("?" if UNPROPER.match(c) else c for c in escaped))


def _sign(text: str, at: int) -> bool:
    """Whether a hyphen belongs to what follows it: the minus of a number."""
    return text[at] == "-" and (at == 0 or not text[at - 1].isalnum())


def label(text) -> str:
    """A row's label as printed: the papers set "et al." in italics."""
    return escape(text).replace("et al.", r"\textit{et al.}")


def head(text) -> str:
    """A column's head as printed; a transcribed ^ raises what follows it."""
    raised = re.split(r"\^(\w+)", str(text))
    parts = [
        rf"\textsuperscript{{{escape(part)}}}" if i % 2 else escape(part)
        for i, part in enumerate(raised)
    ]
    return "".join(parts)


def slug(text) -> str:
    """An address as a link target: only characters that TeX and a URL leave alone."""
    return re.sub(r"[^A-Za-z0-9:.+-]", "-", str(text))


def tex_installed() -> bool:
    """Whether ``compile_pdf`` can run here."""
    return shutil.which("pdflatex") is not None


def compile_pdf(tex: str | Path, pdf: str | Path) -> list[str]:
    """Compiles ``tex`` (figures beside it by relative path) into ``pdf``, atomically.

    The same sources give the same bytes: dates are pinned and no path enters the file.

    Returns:
        What TeX's log complains of (see :func:`faults`); the PDF is made all the same.

    Raises:
        InputError: no TeX is installed, or TeX stopped; carries TeX's own last error lines.
    """
    tex = Path(tex).resolve()
    if not tex_installed():
        raise InputError(tex, "needs TeX to become a PDF", "Run `make paper` or install TeX Live")
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": "0",
        "FORCE_SOURCE_DATE": "1",
        "max_print_line": "1000",
        "TEXINPUTS": ".:",
    }
    with tempfile.TemporaryDirectory() as folder:
        made, log = (Path(folder, f"{tex.stem}.{kind}") for kind in ("pdf", "log"))
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
        command += [f"-output-directory={folder}", tex.name]
        for _ in range(RUNS):
            subprocess.run(
                command,
                cwd=tex.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
            if not made.exists():
                raise InputError(tex, f"TeX stopped ({_errors(log)})", "Correct the text it names")
        found = faults(log.read_text(encoding="utf-8", errors="replace"))
        with atomic(pdf) as part:
            shutil.copyfile(made, part)
    return found


def faults(log: str) -> list[str]:
    """What a reader would see of what TeX's log complains of, once each.

    Boxes wider than their place by more than a point, text or links that lead nowhere, characters
    no font has, letters too small to read, names given twice, pages another run would change.
    """
    found = [line for line in log.splitlines() if FAULT.search(line)]
    found += [m[0] for m in WIDER.finditer(log) if float(m[1]) > POINT]
    return list(dict.fromkeys(line.strip() for line in found))


def _errors(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    starts = [i for i, line in enumerate(lines) if line.startswith("!")]
    told = lines[starts[0] : starts[0] + 6] if starts else lines[-4:]
    return " / ".join(line.strip() for line in told if line.strip()) or "no log was written"
