"""Every number the papers print, by address, and what stands beside it."""

import re

from posepaper.reporting.layout import Column, Layout, Row
from posepaper.reporting.tables import address
from posepaper.reporting.view import roman


class NotPrinted(LookupError):
    """A claim speaks of a number, row or table that the papers do not print."""


class Printed:
    """Every claimed number of both papers, by address.

    Args:
        layouts: the transcribed tables.
        published: numbers of other publications, by an address ``published:SYSTEM:METRIC``.
    """

    def __init__(self, layouts: list[Layout], published: dict[str, float] | None = None):
        self.tables = {f"{found.paper}:table-{found.table}": found for found in layouts}
        self.rows: dict[str, tuple[Layout, Row]] = {}
        self.cells: dict[str, float] = dict(published or {})
        self.places: dict[str, tuple[Layout, Row, Column]] = {}
        for name, layout in self.tables.items():
            for row in layout.rows:
                self.rows[f"{name}:{row.id}"] = layout, row
                for column in (c for c in layout.columns if c.id in row.claimed):
                    where = address(layout.paper, layout.table, row.id, column.id)
                    self.cells[where] = row.claimed[column.id]
                    self.places[where] = layout, row, column

    def cell(self, name: str) -> float:
        """The printed number at an address."""
        if name not in self.cells:
            raise NotPrinted(f"no table prints {name}")
        return self.cells[name]

    def row(self, name: str) -> tuple[Layout, Row]:
        """The row at paper:table:row."""
        if name not in self.rows:
            raise NotPrinted(f"no table has the row {name}")
        return self.rows[name]

    def under(self, name: str | float) -> dict[str, float]:
        """The numbers of a cell or row, keyed alike in every table laid out alike."""
        if not isinstance(name, str):
            return {"": name}
        if name in self.cells:
            return {"": self.cells[name]}
        if name not in self.rows:
            raise NotPrinted(f"nothing stands at {name}")
        return dict(self.rows[name][1].claimed)

    def rivals(self, name: str) -> list[str]:
        """The addresses in the column and block of a cell, it too; misprinted ones left out."""
        where, column = name.rsplit(":", 1)
        layout, row = self.row(where)
        head = next(c.label for c in layout.columns if c.id == column)
        others = [
            r
            for r in layout.rows
            if r.block == row.block and column in r.claimed
            if r.claimed_means.get(column, head) == head
        ]
        return [address(layout.paper, layout.table, r.id, column) for r in others]

    def places_of(self, value: float, like: str) -> list[str]:
        """Where a number stands in the column of the address ``like``."""
        table, column = like.rsplit(":", 2)[0], like.rsplit(":", 1)[1]
        own = [a for a in self.cells if a.startswith(f"{table}:") and a.endswith(f":{column}")]
        return [a for a in own if self.cells[a] == value]

    def metric(self, name: str) -> str:
        """What the number at an address measures, as metrics files name it."""
        layout, row, column = self.places[name]
        return layout.metric(row, column)

    def head(self, name: str) -> str:
        """The head printed above the number at an address."""
        layout, row, column = self.places[name]
        block = layout.block_of(row)
        return (block.labels if block else {}).get(column.id, column.label)

    def decimals(self, name: str) -> int:
        """Decimals printed in the column of an address: the most that any of its numbers has."""
        layout, _, column = self.places[name]
        return max(decimals(r.claimed[column.id]) for r in layout.rows if column.id in r.claimed)

    def shown(self, name: str) -> str:
        """The number at an address as the paper prints it."""
        if name not in self.places or isinstance(self.cells[name], int):
            return str(self.cells[name])
        return f"{self.cells[name]:.{self.decimals(name)}f}"

    def named(self, system: str) -> list[str]:
        """The rows whose label starts with a system's name."""
        word = re.compile(rf"{re.escape(system)}\b", re.IGNORECASE)
        return [name for name, (_, row) in self.rows.items() if word.match(row.label)]


def decimals(number: float) -> int:
    """Decimals of a number as written; none of a whole one."""
    return len(repr(number).partition(".")[2]) if isinstance(number, float) else 0


def slack(claimed: float) -> float:
    """Half of the last digit that a claim states: 0.9 stands for .85 to .95."""
    return half_digit(decimals(claimed))


def half_digit(places: int) -> float:
    """Half of the last of so many decimals, and a hair for the machine's rounding."""
    return 0.5 * 10**-places + 1e-9


def step(numbers: dict[str, float], formula: str, result, printed) -> dict:
    """One piece of arithmetic: the numbers that enter it by address, how, and both outcomes."""
    rounded = round(result, 4) if isinstance(result, float) else result
    return {
        "numbers": [{"address": a, "value": v} for a, v in numbers.items()],
        "formula": formula,
        "result": rounded,
        "printed": printed,
    }


def finding(printed: Printed, kind: str, name: str, where: list[str], **told) -> dict:
    """What a general check found at some addresses; ``disputed`` are those it speaks against."""
    layout, row, _ = printed.places[where[0]]
    found = {
        "id": f"{kind}-{name}",
        "check": kind,
        "where": f"Table {roman(layout.table)}",
        "text": row.label,
        "addresses": where,
        "status": "contradicted",
        "disputed": [],
        "paper": layout.paper,
    }
    return found | told
