"""``posepaper``: what a reader asks of the results."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.tree import Tree

from posepaper.errors import InputError

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
        _print_chain(address, cell, link, found)
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
def doctor(study: Study = "", as_json: AsJson = False) -> None:
    """Say which datasets are there and where to put those that are not."""
    from posepaper.config import read_yaml
    from posepaper.stages.plan import Plan

    config = read_yaml("config.yaml")
    plan = Plan({**config, "study": study or config["study"]})
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


def _configured() -> str:
    from posepaper.config import read_yaml

    return str(read_yaml("config.yaml")["study"])


def _print_chain(address: str, cell: dict, link: dict, found: list[str]) -> None:
    shown = f"{address}  value {cell.get('value')}  claimed {cell.get('claimed')}  {cell['status']}"
    tree = Tree(shown, highlight=False)
    _grow(tree, link, set())
    console = Console(highlight=False, soft_wrap=True)
    console.print(tree, markup=False)
    if not cell["sources"]:
        console.print(f"No run stands behind this number: {cell['status']}", markup=False)
    for fault in found:
        console.print(f"broken: {fault}", markup=False)


def _grow(tree: Tree, link: dict, shown: set[str]) -> None:
    branch = tree.add(f"{link['path']}  md5 {link.get('md5', '-')}  {link['verdict']}")
    if link["path"] in shown:
        branch.add("as above")
        return
    shown.add(link["path"])
    made = link.get("record")
    if made:
        git, machine = made["git"], made["machine"]
        dirty = " with uncommitted changes" if git["dirty"] else ""
        job = f", SLURM job {machine['slurm_job']}" if machine["slurm_job"] else ""
        gpus = "; ".join(machine["gpus"]) or "no GPU"
        branch.add(f"made {made['end']} at commit {git['commit']}{dirty}")
        branch.add(f"on {machine['host']}, {machine['cpu']}, {gpus}{job}")
        branch.add(f"rule {made['rule']}, seed {made['seed']}, fingerprint {made['fingerprint']}")
    for parent in link["parents"]:
        _grow(branch, parent, shown)


def main() -> None:
    """Entry point: a user's mistake ends in one line and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"posepaper: {error}", file=sys.stderr)
        sys.exit(2)
