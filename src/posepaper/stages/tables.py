"""Fills a paper's table: rule ``make_table``."""

from pathlib import Path

from posepaper import files
from posepaper.provenance import record
from posepaper.reporting import tables
from posepaper.stages import job


def table(run: job.Run) -> None:
    """One table of one paper, as JSON and CSV."""
    filled = fill(run.settings, run.inputs["metrics"], run.settings["states"])
    files.write_json(run.outputs["json"], filled)
    tables.write_csv(run.outputs["csv"], filled)


def fill(settings: dict, metrics: list[str], states: dict[str, str]) -> dict:
    """A table by its job's settings; that of a rehearsal shows no number made here.

    Args:
        metrics: the files there are.
        states: of experiments that have none.
    """
    results, sources = results_of(metrics)
    layout = tables.read_layout(settings["layout"])
    filled = tables.build_table(layout, results, sources, states, settings["verdicts"])
    if settings.get("rehearsal"):
        return tables.without_numbers(filled, "rehearsed, its number would say nothing")
    return filled


def results_of(metrics: list[str]) -> tuple[dict, dict]:
    """Metrics and their sources ({"path", "md5"}) by experiment, seeds in order."""
    results, sources = {}, {}
    for path in sorted(metrics, key=lambda p: (Path(p).parent, int(Path(p).stem[4:]))):
        found = files.read_json(path)
        name = found["experiment"]
        results.setdefault(name, []).append(found)
        source = {key: record.describe(path)[key] for key in ("path", "md5")}
        sources.setdefault(name, []).append(source)
    return results, sources


if __name__ == "__main__":
    job.main({"make_table": table})
