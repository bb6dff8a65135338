"""Every number that differs between a commit's results and those that stand here."""

from pathlib import Path

from posepaper import files
from posepaper.provenance import audit, differences, record
from posepaper.provenance.history import Past
from posepaper.reporting.differences import as_html, as_markdown

__all__ = ["as_html", "as_markdown", "compare"]


def compare(study: str, rev: str) -> dict:
    """The numbers that changed since a commit, each with its causes.

    Returns:
        {"study", "from", "to", "numbers": [see :func:`differences.numbers`, with "causes"]}.

    Raises:
        InputError: no results of that commit are known here.
    """
    base = Path("results", study)
    past = Past(base, rev)
    old = {path: past.read(path) for path in past.listed("tables") if audit.is_table(path)}
    paths = [str(path) for path in files.walk(base / "tables") if audit.is_table(str(path))]
    new = {path: files.read_json(path) for path in paths}
    found = differences.numbers(old, new)
    for number in found:
        paper, table, *_ = number["address"].split(":")
        shown = str(base / "tables" / paper / f"{table}.json")
        number["causes"] = differences.causes(
            number, shown, lambda path: past.read(f"{path}.record.json"), record.read
        )
    git = record.git_state()
    to = f"{git['commit']}{' with uncommitted changes' if git['dirty'] else ''}"
    return {"study": study, "from": past.commit, "to": to, "numbers": found}
