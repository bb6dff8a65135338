"""Fills a paper's table: rule ``make_table``."""

from pathlib import Path

from posepaper import files
from posepaper.provenance import record
from posepaper.reporting import tables
from posepaper.stages import job


def table(run: job.Run) -> None:
    """One table of one paper, as JSON and CSV."""
    settings = run.settings
    results, sources = results_of(run.inputs["metrics"])
    filled = tables.build_table(
        tables.read_layout(settings["layout"]),
        results,
        sources,
        settings["states"],
        settings["verdicts"],
    )
    if settings.get("rehearsal"):
        filled = tables.without_numbers(filled, "rehearsed, its number would say nothing")
    files.write_json(run.outputs["json"], filled)
    tables.write_csv(run.outputs["csv"], filled)


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
