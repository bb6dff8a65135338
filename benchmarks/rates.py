"""Writes what jobs cost, by rule and network, out of a finished study's records.

    python benchmarks/rates.py STUDY [--root CHECKOUT] [--out benchmarks/results/rates.json]

``posepaper cost`` predicts from these rates what nobody has measured in its own results folder.
"""

import argparse
import csv
import os
import statistics
from pathlib import Path

from posepaper import files
from posepaper.provenance import cost, record
from posepaper.stages import work

FOLDERS = {"checkpoints": "train", "predictions": "predict", "metrics": "evaluate"}


def starts(base: Path, measured: list[dict]) -> dict[str, float]:
    """Seconds by rule from Snakemake's start of a job to its record's, Python's imports mostly."""
    found: dict[str, list[float]] = {}
    for made in measured:
        stage, *rest = Path(made["target"]).relative_to(base).parts
        path = base / "benchmarks" / FOLDERS.get(stage, stage) / Path(*rest).with_suffix(".tsv")
        if stage != "report" and rest and path.exists():
            with open(path, encoding="utf-8") as stream:
                whole = float(next(csv.DictReader(stream, delimiter="\t"))["s"])
            found.setdefault(made["rule"], []).append(max(0.0, whole - made["seconds"]))
    return {rule: statistics.median(values) for rule, values in sorted(found.items())}


def rounded(value):
    """Four digits of every number."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Reads records, writes rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", help="a finished study")
    parser.add_argument("--root", default=".", help="checkout whose results are read")
    parser.add_argument("--out", default="benchmarks/results/rates.json")
    given = parser.parse_args()
    out = Path(given.out).absolute()
    os.chdir(given.root)
    base = Path("results", given.study)
    measured = list(work.measurements(base))
    made = record.read(next(m["target"] for m in measured if m["trained"]))
    value = {
        "made_from": {"study": given.study, "commit": made["git"]["commit"]},
        "machine": {name: made["machine"][name] for name in ("cpu", "gpus")},
        "cores": os.cpu_count(),
        "start": starts(base, measured),
        "rates": cost.rates(measured),
    }
    files.write_json(out, rounded(value))


if __name__ == "__main__":
    main()
