"""``posepaper``: what a reader asks of the results."""

import sys

import typer

from posepaper.cli import bundles, changes, demo, plans, storage, trial, watch
from posepaper.cli.rehearsal import rehearsal
from posepaper.errors import InputError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
COMMANDS = (
    trial.audit,
    bundles.sign,
    plans.models,
    plans.doctor,
    changes.impact,
    changes.explain,
    changes.accept,
    changes.prune,
    changes.diff,
    plans.cost,
    plans.targets,
    rehearsal,
    watch.watch,
    demo.demo,
    storage.push,
    storage.pull,
    storage.gc,
)
for command in COMMANDS:
    app.command()(command)


@app.callback()
def posepaper() -> None:
    """Two human-pose papers rebuilt from data to PDF, every number traceable."""


def main() -> None:
    """Entry point: a user's mistake ends in one line and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"posepaper: {error}", file=sys.stderr)
        sys.exit(2)
