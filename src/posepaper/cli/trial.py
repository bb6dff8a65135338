"""Asking a number where it comes from."""

import json
import sys
from typing import Annotated

import typer

from posepaper.cli import bundles
from posepaper.cli.common import AsJson, Study, configured, print_lines
from posepaper.provenance import told


def audit(
    address: Annotated[str, typer.Argument()] = "",
    study: Study = "",
    everything: Annotated[bool, typer.Option("--all", help="every number")] = False,
    bundle: Annotated[str, typer.Option(help="of this file alone, without the results")] = "",
    signers: Annotated[str, typer.Option(help="who may have signed it: allowed_signers")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the chain of one number, such as lifting:table-2:p1-ours:avg."""
    if bundle:
        bundles.audit(bundle, address, study, signers, everything, as_json)
    from posepaper.provenance import audit as trial

    path, cell = trial.cell(study or configured(), address)
    link = trial.behind(path, cell)
    found = sorted(set(trial.faults(link)))
    holds = bool(cell["sources"]) and not found
    if as_json:
        answer = {"address": address, "table": path, "cell": cell, "chain": link}
        print(json.dumps({**answer, "faults": found, "holds": holds}, indent=1))
    else:
        print_lines(told.chain(address, cell, link, found))
    sys.exit(0 if holds else 1)
