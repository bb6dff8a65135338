"""Results to and from a DVC remote, and what no commit needs out of a store."""

import json
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, Study, configured, print_lines

Remote = Annotated[str, typer.Option(help="of dvc remote list; default: DVC's default remote")]


def push(study: Study = "", remote: Remote = "", as_json: AsJson = False) -> None:
    """Send a study's results, and those of its tags and branches, to a DVC remote."""
    from posepaper.stages import storage

    found = storage.push(study or configured(), remote)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print_lines([f"{found['sent']} objects sent to {found['remote']}, {found['states']} states"])
    print_lines(f"not here, so not sent: the results of {c[:12]}" for c in found["absent"])


def pull(
    study: Study = "",
    remote: Remote = "",
    rev: Annotated[str, typer.Option(help="fetch that commit's results for audit and diff")] = "",
    as_json: AsJson = False,
) -> None:
    """Restore a study's results from a DVC remote, without any training."""
    from posepaper.stages import storage

    found = storage.pull(study or configured(), remote, rev)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    where = "DVC's cache" if rev else f"results/{found['study']}"
    print_lines([f"{found['fetched']} objects fetched from {found['remote']} into {where}"])


def gc(
    remote: Annotated[str, typer.Option(help="look through this remote, not the cache")] = "",
    without: Annotated[
        list[str] | None, typer.Option(help="a tag or branch whose results may be lost")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="delete what is listed")] = False,
    as_json: AsJson = False,
) -> None:
    """List what DVC's cache holds that no tag, no branch and nothing here needs."""
    from posepaper.stages import storage

    found = storage.collect(remote, without=without or (), delete=delete)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for state in found["states"]:
        made = f"{state['commit'][:12]}{' with uncommitted code' if state['dirty'] else ''}"
        print_lines([f"{state['study']}: results of {made}, tracked {state['at'][:16]} UTC"])
    print_lines(f"kept: {n} pointers for {why}" for why, n in found["kept"].items())
    done = "deleted" if delete else "to delete: posepaper gc --delete"
    if not found["objects"]:
        done = "nothing to delete"
    total = f"{len(found['objects'])} objects, {found['bytes'] / 1e6:.1f} MB of {found['store']}"
    print_lines([f"{total}, {done}"])
