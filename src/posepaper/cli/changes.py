"""Asking what changed, what follows, and what nobody needs any more."""

import json
import sys
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, Study, configured, print_lines, study_of
from posepaper.provenance import told


def impact(
    rev: Annotated[str, typer.Argument()] = "",
    study: Study = "",
    profile: Annotated[str, typer.Option(help="whose parallelism the cost is of")] = "default",
    as_json: AsJson = False,
) -> None:
    """Say what would run now and why: against what the results were made with, or a commit."""
    from posepaper.stages import cost_text
    from posepaper.stages import impact as room

    found = room.impact(room.plan_of(study), rev, profile)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        print_lines(told.impact(found))
        if found["cost"]:
            print_lines(["", cost_text.in_words(found["cost"])])
    sys.exit(1 if found["jobs"] else 0)


def explain(what: str, study: Study = "", as_json: AsJson = False) -> None:
    """Say why a number or an artefact is stale, or why it is not."""
    from posepaper.stages import impact as room

    found = room.explain(room.plan_of(study or study_of(what)), what)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        print_lines(told.explanation(found))
    sys.exit(1 if found["stale"] else 0)


def accept(
    path: str,
    because: Annotated[str, typer.Option(help="your reason; every audit shows it")],
    study: Study = "",
    as_json: AsJson = False,
) -> None:
    """Vouch that a change in a source file, or behind one artefact, alters no result."""
    from posepaper.stages import impact as room

    written = room.accept(study or study_of(path), path, because)
    if as_json:
        print(json.dumps(written, indent=1))
    else:
        print_lines([f"accepted {waiver['target']}" for waiver in written])


def diff(
    rev: str,
    study: Study = "",
    html: Annotated[str, typer.Option(help="write a page to this file")] = "",
    as_json: AsJson = False,
) -> None:
    """List every number that differs from a commit's results, with its causes, as Markdown."""
    from posepaper import files
    from posepaper.stages import diff as room

    found = room.compare(study or configured(), rev)
    if html:
        with files.atomic(html) as part:
            part.write_text(room.as_html(found), encoding="utf-8")
    elif as_json:
        print(json.dumps(found, indent=1))
    else:
        print(room.as_markdown(found), end="")
    sys.exit(1 if found["numbers"] else 0)


def prune(
    study: Study = "",
    delete: Annotated[bool, typer.Option("--delete", help="delete what is listed")] = False,
    as_json: AsJson = False,
) -> None:
    """List what no job makes any more: orphans of renamed experiments, old run folders."""
    from posepaper import files
    from posepaper.stages import impact as room
    from posepaper.stages import prune as orphanage

    found = orphanage.orphans(room.plan_of(study))
    sizes = {str(p): files.size(p) for paths in found.values() for p in paths}
    if delete:
        orphanage.delete(found)
    if as_json:
        listed = {kind: [str(p) for p in paths] for kind, paths in found.items()}
        print(json.dumps({**listed, "bytes": sum(sizes.values()), "deleted": delete}, indent=1))
    else:
        print_lines(f"{size / 1e6:9.1f} MB  {path}" for path, size in sizes.items())
        done = "deleted" if delete else "to delete: posepaper prune --delete"
        print_lines(
            [f"{sum(sizes.values()) / 1e6:9.1f} MB  in all, {done}" if sizes else "nothing"]
        )
