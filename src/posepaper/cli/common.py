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
    """The study of config.yaml."""
    from posepaper.config import read_yaml

    return str(read_yaml("config.yaml")["study"])


def study_of(path: str) -> str:
    """The study an artefact's path names, '' where it is no such path."""
    parts = path.split("/")
    return parts[1] if parts[0] == "results" and len(parts) > 2 else ""
