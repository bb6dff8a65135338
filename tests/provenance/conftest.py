"""A module's meaning, as the fingerprints see it."""

import textwrap

import pytest

from posepaper.provenance.definitions import Modules

HEAD = """
import functools
import logging
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import ClassVar, NamedTuple

import pydantic

LOG = logging.getLogger(__name__)
"""


@pytest.fixture
def meanings(tmp_path):
    """``meanings(source)``: each definition's meaning, and the effects' in order."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()

    def read(source: str) -> tuple:
        text = HEAD + textwrap.dedent(source)
        (package / "a.py").write_text(text, encoding="utf-8")
        table = Modules(package).table("package.a")
        found = {name: d["meaning"] for name, d in table["definitions"].items()}
        return found, [effect["meaning"] for effect in table["effects"]]

    return read
