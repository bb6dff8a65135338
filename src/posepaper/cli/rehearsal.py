"""Asking what a rehearsal of a study found."""

import json
import sys
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, Study, configured, print_lines

LIMITS = "whose limits; default: slurm where it ran under any SLURM, else default"


def rehearsal(
    study: Study = "",
    profile: Annotated[str, typer.Option(help=LIMITS)] = "",
    as_json: AsJson = False,
) -> None:
    """Say what a rehearsal measured, what failed and what will not fit (rehearse=true)."""
    from posepaper.stages import rehearsed
    from posepaper.stages.rehearsed_text import lines

    found = rehearsed.find(study or configured(), profile)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        print_lines(lines(found))
    sys.exit(0 if found["jobs"].keys() == {rehearsed.DONE} and not found["misfits"] else 1)
