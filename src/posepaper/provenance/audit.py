"""Addresses of numbers, and the cells they name."""

import difflib
import re
from pathlib import Path

from posepaper.errors import InputError

TABLE = re.compile(r"table-\d+\.json")


def is_table(path: str | Path) -> bool:
    """Whether a file below ``tables/`` is a table, and no record or ledger."""
    return bool(TABLE.fullmatch(Path(path).name))


def parse(study: str, address: str) -> tuple[str, str, str]:
    """The table file, row and column an address names.

    Raises:
        InputError: it is no address.
    """
    parts = address.split(":")
    if len(parts) != 4:
        raise InputError(
            address, "is not paper:table-N:row:column", "For example lifting:table-2:p1-ours:avg"
        )
    paper, table, row, column = parts
    return f"results/{study}/tables/{paper}/{table}.json", row, column


def find(table: dict, path: str, address: str, row: str, column: str) -> dict:
    """The cell of a table that an address names.

    Raises:
        InputError: it names nothing.
    """
    rows = {r["id"]: r["cells"] for r in table["rows"]}
    for name, known in ((row, rows), (column, rows.get(row, {}))):
        if name not in known:
            stem = path.rpartition("/")[2].partition(".")[0]
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise InputError(address, f"{stem} has no '{name}'", f"Nearest: '{close[0]}'")
    return rows[row][column]


def numbers(table: dict) -> list[str]:
    """Addresses of the numbers of a table that were made here."""
    name = f"{table['paper']}:table-{table['table']}"
    return [
        f"{name}:{row['id']}:{column}"
        for row in table["rows"]
        for column, cell in row["cells"].items()
        if cell["status"] == "ok"
    ]
