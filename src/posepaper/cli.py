"""``posepaper``: what a reader asks of the results."""

import json
import sys
from typing import Annotated

import typer

from posepaper.errors import InputError
from posepaper.provenance import told

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Study = Annotated[str, typer.Option(help="study; default: config.yaml's")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@app.callback()
def posepaper() -> None:
    """Two human-pose papers rebuilt from data to PDF, every number traceable."""


@app.command()
def audit(address: str, study: Study = "", as_json: AsJson = False) -> None:
    """Show the chain of one number, such as lifting:table-2:p1-ours:avg."""
    from posepaper.provenance import audit as trial

    path, cell = trial.cell(study or _configured(), address)
    link = trial.behind(path, cell)
    found = sorted(set(trial.faults(link)))
    holds = bool(cell["sources"]) and not found
    if as_json:
        answer = {"address": address, "table": path, "cell": cell, "chain": link}
        print(json.dumps({**answer, "faults": found, "holds": holds}, indent=1))
    else:
        _print_lines(told.chain(address, cell, link, found))
    sys.exit(0 if holds else 1)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the networks: parameters, and GMAC for a 256 x 192 crop or a frame."""
    import torch

    from posepaper import models as rooms
    from posepaper.models import costs

    rows = []
    for name in rooms.list():
        with torch.device("meta"):
            network = rooms.create(name)
            gmac = costs.gmac(network)
        rows.append({"name": name, "parameters": costs.parameters(network), "gmac": gmac})
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['name']:<26}{row['parameters']:>14,}{row['gmac']:>10.3f} GMAC")


@app.command()
def doctor(
    study: Study = "",
    slurm: Annotated[bool, typer.Option(help="hold site.yaml against the live cluster")] = False,
    profile: Annotated[str, typer.Option(help="of workflow/profiles, for --slurm")] = "slurm",
    as_json: AsJson = False,
) -> None:
    """Say which datasets are there and where to put those that are not."""
    from posepaper.config import read_yaml
    from posepaper.stages.plan import Plan

    config = read_yaml("config.yaml")
    plan = Plan({**config, "study": study or config["study"]})
    if slurm:
        from posepaper.stages import site_check

        sys.exit(site_check.told(plan, profile, as_json))
    rows = []
    for role, dataset in plan.study.datasets.items():
        row = {"role": role, "identity": dataset.identity, "folder": dataset.folder}
        row |= {"state": plan.builder.missing[role] or "there", "url": dataset.url}
        if dataset.wheel:
            row["state"] = f"fetched: {dataset.wheel} from the package index"
        rows.append({**row, "missing": plan.builder.absent(role)})
    absent = plan.builder.missing_weights()
    if absent:
        rows.append({"role": "weights", "identity": "published weights", "state": "missing-data",
                     "missing": absent, "folder": "weights", "url": ""})  # fmt: skip
    if as_json:
        print(json.dumps(rows, indent=1))
    for row in [] if as_json else rows:
        print(f"{row['role']:<9}{row['identity']:<22}{row['state']}")
        for name in row["missing"]:
            places = " or ".join(f"{root}/{row['folder']}/{name}" for root in plan.roots)
            print(f"{'':9}put {places}")
        if row["missing"] and row["url"]:
            print(f"{'':9}get it from {row['url']}")
    sys.exit(1 if any(r["missing"] for r in rows) else 0)


@app.command()
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
        _print_lines(told.impact(found))
        if found["cost"]:
            _print_lines(["", cost_text.in_words(found["cost"])])
    sys.exit(1 if found["jobs"] else 0)


@app.command()
def explain(what: str, study: Study = "", as_json: AsJson = False) -> None:
    """Say why a number or an artefact is stale, or why it is not."""
    from posepaper.stages import impact as room

    found = room.explain(room.plan_of(study or _study_of(what)), what)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print_lines(told.explanation(found))
    sys.exit(1 if found["stale"] else 0)


@app.command()
def accept(
    path: str,
    because: Annotated[str, typer.Option(help="your reason; every audit shows it")],
    study: Study = "",
    as_json: AsJson = False,
) -> None:
    """Vouch that a change in a source file, or behind one artefact, alters no result."""
    from posepaper.stages import impact as room

    written = room.accept(study or _study_of(path), path, because)
    if as_json:
        print(json.dumps(written, indent=1))
    else:
        _print_lines([f"accepted {waiver['target']}" for waiver in written])


@app.command()
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
        _print_lines(f"{size / 1e6:9.1f} MB  {path}" for path, size in sizes.items())
        done = "deleted" if delete else "to delete: posepaper prune --delete"
        _print_lines(
            [f"{sum(sizes.values()) / 1e6:9.1f} MB  in all, {done}" if sizes else "nothing"]
        )


@app.command()
def diff(
    rev: str,
    study: Study = "",
    html: Annotated[str, typer.Option(help="write a page to this file")] = "",
    as_json: AsJson = False,
) -> None:
    """List every number that differs from a commit's results, with its causes, as Markdown."""
    from posepaper import files
    from posepaper.stages import diff as room

    found = room.compare(study or _configured(), rev)
    if html:
        with files.atomic(html) as part:
            part.write_text(room.as_html(found), encoding="utf-8")
    elif as_json:
        print(json.dumps(found, indent=1))
    else:
        print(room.as_markdown(found), end="")
    sys.exit(1 if found["numbers"] else 0)


@app.command()
def cost(
    target: Annotated[str, typer.Argument(help="name, address or path; default: all")] = "",
    study: Study = "",
    profile: Annotated[str, typer.Option(help="whose parallelism")] = "default",
    everything: Annotated[bool, typer.Option("--all", help="as if nothing existed")] = False,
    imagined: Annotated[bool, typer.Option("--as-if-there", help="as if all data were")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a run would cost: jobs, hours, wall time, disk; for a table or in all."""
    from posepaper.stages import cost as costs
    from posepaper.stages.cost_text import lines

    found = costs.predict(study, target, profile, everything=everything, imagined=imagined)
    print(json.dumps(found, indent=1) if as_json else "\n".join(lines(found)))


@app.command()
def targets(study: Study = "", as_json: AsJson = False) -> None:
    """List the parts of a study that snakemake and cost know by name."""
    from posepaper.stages import impact, targets

    found = targets.helped(impact.plan_of(study))
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        _print_lines(f"{name:<22}{words}" for name, words in found.items())


def _study_of(path: str) -> str:
    """The study an artefact's path names, '' where it is no such path."""
    parts = path.split("/")
    return parts[1] if parts[0] == "results" and len(parts) > 2 else ""


def _print_lines(lines) -> None:
    for line in lines:
        print(line)


def _configured() -> str:
    from posepaper.config import read_yaml

    return str(read_yaml("config.yaml")["study"])


def main() -> None:
    """Entry point: a user's mistake ends in one line and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"posepaper: {error}", file=sys.stderr)
        sys.exit(2)
