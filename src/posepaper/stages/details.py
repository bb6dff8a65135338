"""What the page draws of every run, small enough to embed: rule ``make_details``."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from posepaper import files
from posepaper.stages import job
from posepaper.stages.players import sequence_player

# Of a long training every n-th epoch is kept, the last always; of a long sequence every n-th frame.
POINTS, FRAMES = 200, 600
AVERAGE, COSTS = "average", ("parameters", "gmac", "checkpoint_bytes")


def details(run: job.Run) -> None:
    """Curves, errors by action and sequence, and the sequence that the player shows."""
    found = gather(run.inputs["metrics"], run.inputs["curves"])
    if "poses" in run.inputs:
        shown = run.inputs["poses"], run.inputs["predictions"]
        found["player"] = sequence_player(*shown, frames=FRAMES)
    files.write_json(run.outputs["details"], found)


def gather(metrics: Iterable[str], curves: Iterable[str]) -> dict:
    """What charts are drawn from, by experiment.

    Returns:
        {"runs": {experiment: {"curves": [{"seed", "epochs": [n], "loss": [number]}], "bars":
        [{"name", "unit", "better", "values": {label: mean over seeds}}], "sequences": {"name",
        "unit", "group", "values": [mean over seeds]} or None}}, "groups": [[sequence]], "player":
        None}; ``group`` counts among ``groups``.
    """
    runs: dict[str, dict] = {}
    for path in sorted(curves, key=_by_seed):
        curve = files.read_json(path)
        runs.setdefault(curve["experiment"], _empty())["curves"].append(_curve(curve))
    measured: dict[str, list[dict]] = {}
    for path in sorted(metrics, key=_by_seed):
        found = files.read_json(path)
        measured.setdefault(found["experiment"], []).append(found)
    groups: list[list[str]] = []
    for name, seeds in measured.items():
        known = runs.setdefault(name, _empty())
        known["bars"], known["sequences"] = _bars(seeds), _sequences(seeds, groups)
    return {"runs": runs, "groups": groups, "player": None}


def _by_seed(path: str) -> tuple:
    return str(Path(path).parent), int(Path(path).name[4:].split(".")[0])


def _empty() -> dict:
    return {"curves": [], "bars": [], "sequences": None}


def _curve(curve: dict) -> dict:
    epochs = curve["epochs"]
    every = max(1, -(-len(epochs) // POINTS))
    kept = [e for n, e in enumerate(epochs) if n % every == 0 or n == len(epochs) - 1]
    loss = [float(f"{e['loss']:.5g}") for e in kept]
    return {"seed": curve["seed"], "epochs": [e["epoch"] for e in kept], "loss": loss}


def _bars(seeds: list[dict]) -> list[dict]:
    """Of a protocol with actions bars by action of each metric, else one chart of its values."""
    names = [n for n in seeds[0]["values"] if all(n in s["values"] for s in seeds)]
    means = {n: round(fmean(s["values"][n] for s in seeds), 3) for n in names}
    quantities, charts = seeds[0]["quantities"], {}
    for name, value in means.items():
        metric, _, label = name.partition("/")
        known = quantities[metric]
        if metric in COSTS or label == AVERAGE or known["people"] != "all":
            continue
        kind = (known["name"], known["unit"]) if label else ("", known["unit"])
        chart = {"name": kind[0], "unit": kind[1], "better": known["better"], "values": {}}
        charts.setdefault(kind, chart)["values"][label or known["name"]] = value
    return list(charts.values())


def _sequences(seeds: list[dict], groups: list[list[str]]) -> dict | None:
    """The first metric's error of every test sequence; None where there are no sequences."""
    found = [s.get("sequences") or {} for s in seeds]
    metric = "mpjpe"
    if not all(metric in one for one in found):
        return None
    names = sorted(found[0][metric])
    if names not in groups:
        groups.append(names)
    known = seeds[0]["quantities"][metric]
    return {
        **{"name": known["name"], "unit": known["unit"], "group": groups.index(names)},
        "values": [round(fmean(one[metric][n] for one in found), 1) for n in names],
    }


if __name__ == "__main__":
    job.main({"make_details": details})
