"""The printed report held against the tables: HTML, LaTeX and the PDF's text."""

import html
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from posepaper.provenance import audit
from posepaper.provenance.links import Finding
from posepaper.provenance.verify import Trial
from posepaper.reporting import latex, render, typeset, view
from posepaper.stages import report
from posepaper.stages.trial.today import same_code

PAPERS = report.PAPERS_WITH_PDF
# Between two numbers of a row print only marks, dashes and line ends; words where a cell has some.
GAP = r"(?:[^\d.A-Za-z]|[a-z](?![A-Za-z])){0,16}?"
WORDS = r"(?:\n?[^\n]{0,160}?[^\d.\n])??"
# Between two lines of a section: marks alone, or more where the last cell prints words.
MARKS, ANYTHING = r"\D{0,160}?", r".*?"
# How far, in characters, the next row of a table may begin; its first, after caption and heads.
NEXT, FIRST = 700, 2500
# What is told of records and clocks, not of tables and figures.
TOLD = re.compile(
    r'<section id="(?:cost|runs|provenance)">.*?</section>'
    r'|<a href="#cost">Cost</a>|<a href="#runs">What ran where</a>'
    r"|% of records.*?% end of records|\\section\{Appendix: provenance\}.*",
    re.DOTALL,
)


def documents(trial: Trial, paper: str) -> list[str]:
    """Files of the report that print a paper's numbers and are here or recorded."""
    base = f"results/{trial.study}/report"
    names = ["index.html", *(f"{paper}.{kind}" for kind in ("tex", "pdf") if paper in PAPERS)]
    found = [f"{base}/{name}" for name in names]
    return [p for p in found if trial.store.read(f"{p}.record.json") or trial.store.md5(p)]


def check(trial: Trial, tables: list[str]) -> None:
    """Holds every document against the tables."""
    papers: dict[str, list[dict]] = {}
    for path in tables:
        table = trial.table(path)
        papers.setdefault(table["paper"], []).append(table)
    done = {path for paper in papers for path in documents(trial, paper)}
    for path in sorted(done):
        trial.look(path)
    if not done or not _as_printed(trial, sorted(done)):
        return
    context = _context(trial, sorted(done))
    for paper, shown in papers.items():
        for path in documents(trial, paper):
            kind = Path(path).suffix[1:]
            _CHECKS[kind](trial, path, paper, [view.table_view(t, []) for t in shown])
    for path in sorted(done) if context else ():
        _rendered(trial, path, context)


def _as_printed(trial: Trial, paths: list[str]) -> bool:
    """Whether the code that prints is the code that printed; else nothing can be compared."""
    for path in (p for p in paths if not p.endswith(".pdf")):
        link = trial.links[path]
        if link.made and same_code(link):
            return True
        trial.notes[path].append("printed by other code: its text is not compared")
    return False


def _cells(tables: list[dict]):
    return (c for t in tables for s in t["sections"] for r in s["rows"] for c in r["cells"])


# -- one cell after another ------------------------------------------------------------------------


def _html(trial: Trial, path: str, paper: str, tables: list[dict]) -> None:
    text = (trial.store.read(path) or b"").decode("utf-8", "replace")
    if not text:
        return
    found = re.finditer(r'<td id="([^"]+)"(.*?)</td>', text, re.DOTALL)
    places = {html.unescape(m[1]): m[2] for m in found}
    for cell in (c for c in _cells(tables) if c["numeric"]):
        given = places.get(cell["address"])
        if given is None:
            trial.break_(path, f"does not print {cell['address']}", address=cell["address"])
            continue
        unit = f" {cell['unit']}" if cell["value"] and cell["unit"] != "M" else ""
        shown = re.search(r'<span class="value[^>]*>([^<]*)', given)
        stated = re.search(r'data-value="([^"]*)"', given)
        said = {
            html.unescape(stated[1]).removesuffix(unit) if stated else "",
            html.unescape(shown[1]) if shown else "",
        }
        _compare(trial, path, cell, said)


def _compare(trial: Trial, path: str, cell: dict, said: set[str]) -> None:
    odd = sorted(said - {cell["value"]})
    if odd:
        there = cell["value"] or "nothing"
        why = f"prints {cell['address']} as {odd[0] or 'nothing'}, the table has {there}"
        trial.break_(path, why, address=cell["address"])


def _tex(trial: Trial, path: str, paper: str, tables: list[dict]) -> None:
    text = (trial.store.read(path) or b"").decode("utf-8", "replace")
    places = dict(re.findall(r"\\at\{([^}]*)\}\{(.*?)(?=\\at\{|\\\\|\n)", text)) if text else {}
    for cell in (c for c in _cells(tables) if c["value"]):
        given = places.get(latex.slug(cell["address"]), "")
        body = re.sub(r"\\hyperlink\{[^}]*\}", "", given)
        shown = re.search(r"-?\d[\d.]*M?", re.sub(r"\\mk\{.*|\\half\{.*", "", body))
        if text:
            _compare(trial, path, cell, {shown[0] if shown else ""})


def _pdf(trial: Trial, path: str, paper: str, tables: list[dict]) -> None:
    file = trial.store.local(path)
    if file is None:
        return
    if shutil.which("pdftotext") is None:
        why = "its text cannot be read: no pdftotext here (package poppler-utils)"
        trial.add(Finding(path, "unverifiable", why))
        return
    text = text_of(file)
    if text is None:
        trial.break_(path, "is no readable PDF")
        return
    for table in tables:
        for cell, why in odd_cells(text, table):
            address = cell["address"] if cell and cell["value"] else ""
            trial.break_(path, why, address=address)


def text_of(pdf: Path) -> str | None:
    """A PDF's text in the order in which it was set; None of what is no PDF. Needs pdftotext."""
    command = ["pdftotext", "-raw", "-enc", "UTF-8", str(pdf), "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    return None if done.returncode else done.stdout.decode("utf-8", "replace")


def odd_cells(text: str, table: dict) -> list[tuple[dict | None, str]]:
    """The first cell of a table's view that a PDF's text has not in its place, and why; else none.

    Each row's numbers stand in order, one row after another below the table's heading.
    """
    head = re.search(rf"^TABLE {table['roman']}$", text, re.MULTILINE)
    if head is None:
        return [(None, f"does not print {table['id']}")]
    place, reach = head.end(), FIRST
    for section in table["sections"]:
        between = ANYTHING
        for start, line in (found for row in section["rows"] for found in _lines(table, row)):
            pattern = re.compile(between + start + _pattern(line), re.DOTALL | re.MULTILINE)
            found = pattern.match(text, place, place + reach)
            if found is None:
                cell = _first_absent(between + start, line, text[place : place + reach])
                return [(cell, f"does not print {cell['address']} as the table has it")]
            place, reach = found.end(), NEXT
            between = ANYTHING if line[-1][0] is None else MARKS
    return []


def _lines(table: dict, row: dict) -> list[tuple[str, list]]:
    """The printed lines of a row: the pattern each begins with, and [(text, cell)], None for a
    cell that prints words or a dash."""
    if table["wide"]:
        kinds = ("claimed", "value", "half")
        own = [[(c[kind] or None, c) for c in row["cells"]] for kind in kinds]
        starts = (_begins(row["label"]), _begins("this study"), "^±")
        lines = list(zip(starts, own, strict=True))[: 3 if row["origin"] == "reproduced" else 1]
    else:
        parts = [part for c in row["cells"] for part in _narrow(c)]
        lines = [(_begins(row["label"]), parts)]
    return [(start, line) for start, line in lines if any(text for text, _ in line)]


def _begins(label: str) -> str:
    """A pattern of a line that begins with a label: its words, whatever signs stand between."""
    words = re.findall(r"[A-Za-z0-9]+", label)
    return r"^[^A-Za-z0-9\n]{0,4}" + r"[^A-Za-z0-9]{1,6}".join(words) + r"\b" if words else ""


def _narrow(cell: dict):
    parts = [(cell["claimed"] or None, cell)]
    if cell["numeric"] and cell["value"]:
        parts += [(cell["value"], cell)] + [(cell["half"], cell)] * bool(cell["half"])
    return parts


def _pattern(line: list) -> str:
    pattern, gap = "", ""
    for text, _ in line:
        if text is None:
            gap = WORDS
            continue
        pattern += gap + GAP + r"(?<![\d.])" + re.escape(text)
        gap = ""
    return pattern + r"(?![\d])(?!\.\d)"


def _first_absent(start: str, line: list, text: str) -> dict:
    """The first cell of a line that does not follow those before it."""
    known = [k for k, (part, _) in enumerate(line) if part]
    for k in known:
        pattern = start + _pattern(line[: k + 1])
        if re.match(pattern, text, re.DOTALL | re.MULTILINE) is None:
            return line[k][1]
    return line[known[-1]][1]


_CHECKS = {"html": _html, "tex": _tex, "pdf": _pdf}


# -- the whole document ----------------------------------------------------------------------------


def _context(trial: Trial, paths: list[str]) -> dict | None:
    """What the templates were given, from the tables and figures that the report's record names;
    None where they are not all here as they were, or the report's code or templates changed."""
    link = next((trial.links[p] for p in paths if not p.endswith(".pdf")), None)
    if link is None or link.made is None or link.md5 is None:
        return None
    changed = any(f.verdict in ("behind", "stale") for f in trial.findings.get(link.path, ()))
    used = {**link.made["inputs"], **link.made["raw"]}
    if changed or any(trial.store.md5(p) != md5 for p, md5 in used.items()):
        trial.notes[link.path].append("what it was rendered from changed since: not rendered again")
        return None
    inputs = link.made["inputs"]
    if any(trial.store.local(p) != Path(p) for p in inputs):
        return None
    filled = [json.loads(trial.store.read(p)) for p in inputs if audit.is_table(p)]
    drawn = [Path(p) for p in inputs if "/figures/" in p]
    judged = {Path(p).stem: json.loads(trial.store.read(p)) for p in inputs if _is_judgement(p)}
    settings = json.loads(link.made["settings"])
    with tempfile.TemporaryDirectory() as empty:
        context = report.context_of(settings, filled, drawn, Path(empty), judged)
    for paper in context["papers"].values():
        paper["tables"].sort(key=lambda table: table["table"])
    return {**context, **link.made["git"]}


def _is_judgement(path: str) -> bool:
    """Whether a file is one of the ledger's: no table, and no paper's own."""
    return path.endswith(".json") and Path(path).parent.name == "tables"


def _rendered(trial: Trial, path: str, context: dict) -> None:
    """The document, rendered again, has the same lines; but for what is told of records."""
    data = trial.store.read(path) if not path.endswith(".pdf") else None
    if data is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, Path(path).name)
        if path.endswith(".html"):
            render.render_html(context, part)
        else:
            typeset.render_latex(context, part.stem, part, beside=Path(path).parent)
        wanted = part.read_text(encoding="utf-8")
    given = TOLD.sub("", data.decode("utf-8", "replace")).splitlines()
    wanted = TOLD.sub("", wanted).splitlines()
    if [x for x in given if x.strip()] == [x for x in wanted if x.strip()]:
        return
    pairs = zip(given, wanted, strict=False)
    line = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), min(len(given), len(wanted)))
    told = any(f.path == path and f.address for f in trial.findings.get(path, ()))
    if not told:
        trial.break_(path, f"is not what its tables and figures give, from line {line} on")
