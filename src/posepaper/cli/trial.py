"""Asking a number where it comes from, and whether that holds."""

import json
import sys
from typing import Annotated

import typer

from posepaper.cli import bundles
from posepaper.cli.common import AsJson, Study, configured, print_lines, study_of
from posepaper.errors import InputError
from posepaper.provenance import tree

# Of each run's sequences, how many are predicted again where many numbers are asked about.
SHARE = 0.1


def audit(
    addresses: Annotated[list[str] | None, typer.Argument(help="numbers or artefacts")] = None,
    everything: Annotated[bool, typer.Option("--all", help="every number made here")] = False,
    sample: Annotated[int, typer.Option(help="that many numbers, drawn by --seed")] = 0,
    seed: Annotated[int, typer.Option(help="of the draws")] = 0,
    verify: Annotated[
        bool, typer.Option("--verify", help="against DVC, git, what files say inside, print")
    ] = False,
    reevaluate: Annotated[
        bool, typer.Option("--reevaluate", help="run the checkpoints again; verifies too")
    ] = False,
    share: Annotated[
        float,
        typer.Option(help="of each run's sequences, with --reevaluate; default: 1, of many .1"),
    ] = 0.0,
    rev: Annotated[str, typer.Option(help="numbers as they were tracked at this commit")] = "",
    bundle: Annotated[str, typer.Option(help="of this file alone, without the results")] = "",
    signers: Annotated[str, typer.Option(help="who may have signed it: allowed_signers")] = "",
    study: Study = "",
    as_json: AsJson = False,
) -> None:
    """Show the chain of numbers, such as lifting:table-2:p1-ours:avg, and whether it holds."""
    from posepaper.stages import trial

    asked = tuple(addresses or ())
    if bundle or signers:
        if rev or reevaluate or sample or not bundle:
            what = "--bundle takes addresses, --all, --study and --signers"
            raise InputError("audit", what, "Give no other option")
        bundles.audit(bundle, asked, study, signers, everything, as_json)
    if bool(asked) == (everything or sample > 0):
        raise InputError("audit", "takes addresses, --all or --sample N", "Give one of them")
    if not 0 <= share <= 1:
        raise InputError(f"--share {share}", "is no share", "Give a number from 0 to 1")
    question = trial.Question(
        study=study or study_of(asked[0] if asked else "") or configured(),
        addresses=asked,
        everything=everything,
        sample=sample,
        seed=seed,
        rev=rev,
        verify=verify,
        reevaluate=reevaluate,
        share=share or (1.0 if asked else SHARE),
    )
    found = trial.hold(question)
    if len(asked) == 1:
        (answer,) = (found.answer(address) for address in found.numbers)
        lines = tree.tree(answer)
    else:
        answer = found.answers()
        lines = tree.summary(answer)
    print_lines([json.dumps(answer, indent=1)] if as_json else lines)
    sys.exit(0 if answer["verdict"] == "proven" else 1)
