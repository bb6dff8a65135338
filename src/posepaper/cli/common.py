"""What the commands share."""

from collections.abc import Iterable
from typing import Annotated

import typer

Study = Annotated[str, typer.Option(help="study; default: config.yaml's")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def print_lines(lines: Iterable[str]) -> None:
    """Prints lines as they come."""
    for line in lines:
        print(line)


def configured() -> str:
    """The study of config.yaml, or its rehearsal."""
    from posepaper.config import read_yaml
    from posepaper.stages.rehearsal import SUFFIX, study_of

    given = read_yaml("config.yaml")
    return study_of(given["study"]) + SUFFIX * bool(given.get("rehearse"))


def study_of(path: str) -> str:
    """The study an artefact's path names, '' where it is no such path."""
    parts = path.split("/")
    return parts[1] if parts[0] == "results" and len(parts) > 2 else ""
