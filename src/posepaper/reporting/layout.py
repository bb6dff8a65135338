"""The papers' tables as transcribed: ``report/papers/{paper}/table-N.yaml``, checked on reading."""

import difflib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from posepaper.config import read_yaml
from posepaper.errors import InputError

Number = int | float
Slug = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")


class Part(BaseModel):
    """What all parts of a layout share: unknown keys are refused, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Part):
    """One printed column. ``value`` names the metric; ``{metric}`` in it is the block's.

    ``quantity`` says what the head means where it does not say so itself.
    """

    id: str = Slug
    label: str
    unit: str | None = None
    better: Literal["lower", "higher"] | None = None
    value: str | None = None
    text: bool = False
    quantity: str | None = None
    claimed_means: str | None = None

    @model_validator(mode="after")
    def _either(self):
        if self.text == (self.value is not None):
            raise ValueError("needs either a value to show or text: true")
        if self.value is not None and self.unit is None:
            raise ValueError("shows a value and names no unit")
        return self


class Block(Part):
    """A headed part of a table; its label heads the label column.

    It may show only some ``columns``, and ``labels`` are its heads where they differ in print.
    """

    id: str = Slug
    label: str
    metric: str | None = None
    columns: list[str] | None = None
    labels: dict[str, str] = {}
    requires: dict[str, str | None] = {}
    paper_identity: dict[str, Any] = {}


class Row(Part):
    """One printed row: ``claimed`` in the printed unit, ``text`` for words, ticks and dashes.

    ``claimed_means`` names, column by column, what a number under a misprinted head really is.
    """

    id: str = Slug
    block: str | None = None
    label: str
    origin: Literal["reproduced", "quoted"]
    experiment: str | None = None
    reason: str | None = None
    claimed: dict[str, Number] = {}
    text: dict[str, str] = {}
    claimed_means: dict[str, str] = {}
    requires: dict[str, str | None] = {}
    paper_identity: dict[str, Any] = {}

    @model_validator(mode="after")
    def _bound(self):
        if self.origin == "reproduced" and not self.experiment:
            raise ValueError("is reproduced and names no experiment")
        if self.origin == "quoted" and not self.reason:
            raise ValueError("is quoted and gives no reason")
        return self


class Layout(Part):
    """A whole table, rows and columns in printed order.

    ``paper_identity`` and ``requires`` hold for all rows; a block adds to them, a row to both.
    """

    paper: str
    table: int
    caption: str
    note: str | None = None
    paper_identity: dict[str, Any] = {}
    requires: dict[str, str | None] = {}
    columns: list[Column]
    blocks: list[Block] = []
    rows: list[Row]

    @model_validator(mode="after")
    def _consistent(self):
        columns, blocks = [c.id for c in self.columns], [b.id for b in self.blocks]
        for kind, names in (
            ("columns", columns),
            ("blocks", blocks),
            ("rows", [r.id for r in self.rows]),
        ):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"{kind} share the id {twice[0]}")
        for row in self.rows:
            if (row.block is None) != (not blocks) or (row.block and row.block not in blocks):
                raise ValueError(f"row {row.id} stands in block {row.block}, not in {blocks}")
            for part in (row.claimed, row.text, row.claimed_means):
                _known(part, columns, f"row {row.id}")
        for block in self.blocks:
            _known([*(block.columns or []), *block.labels], columns, f"block {block.id}")
        return self

    def block_of(self, row: Row) -> Block | None:
        """The block a row stands in."""
        return next((b for b in self.blocks if b.id == row.block), None)

    def stands(self, row: Row, column: Column) -> bool:
        """Whether a row's block shows a column."""
        block = self.block_of(row)
        return not block or not block.columns or column.id in block.columns

    def merged(self, row: Row, field: str) -> dict:
        """``requires`` or ``paper_identity`` as they hold for one row."""
        block = self.block_of(row)
        inner = getattr(block, field) if block else {}
        return {**getattr(self, field), **inner, **getattr(row, field)}

    def metric(self, row: Row, column: Column) -> str:
        """The name in a metrics file's ``values`` of what stands at a row and column."""
        block = self.block_of(row)
        return column.value.replace("{metric}", (block and block.metric) or "{metric}")


def _known(names, columns: list[str], where: str) -> None:
    for name in names:
        if name not in columns:
            near = difflib.get_close_matches(name, columns, 1)
            hint = f" (nearest: {near[0]})" if near else ""
            raise ValueError(f"{where} fills the column {name}, which the table lacks{hint}")


def load(path: str | Path, model: type[BaseModel]) -> BaseModel:
    """Reads a YAML file into ``model``.

    Raises:
        InputError: the file is absent, not YAML, or holds a key or value that does not belong;
            names the file, the place in it and, for an unknown key, the nearest valid one.
    """
    try:
        return model.model_validate(read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            keys = _valid_keys(model, first["loc"][:-1])
            near = difflib.get_close_matches(str(first["loc"][-1]), keys, 1, cutoff=0.0)
            todo = f"Did you mean {near[0]}? Valid here: {', '.join(keys)}"
            raise InputError(path, f"unknown key {place}", todo) from None
        what = first["msg"].removeprefix("Value error, ")
        raise InputError(path, f"{place}: {what}", "Correct it there") from None


def _valid_keys(model: type[BaseModel], place: tuple) -> list[str]:
    models = [model]
    for step in (s for s in place if isinstance(s, str)):
        fields = [m.model_fields[step].annotation for m in models if step in m.model_fields]
        if fields:
            models = [found for field in fields for found in _models_in(field)]
        else:  # pydantic names the member of a union by its kind
            models = [m for m in models if step in get_args(m.model_fields["kind"].annotation)]
    return sorted({name for m in models for name in m.model_fields})


def _models_in(annotation) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def read_layout(path: str | Path) -> Layout:
    """One table's layout; raises InputError as ``load`` does."""
    return load(path, Layout)
