"""Contradictions, verdicts and comparisons: rules ``make_parameters`` and ``make_ledger``."""

from posepaper import files
from posepaper.reporting import claims, comparisons, ledger, tables
from posepaper.stages import job, layouts
from posepaper.stages.tables import results_of


def parameters(run: job.Run) -> None:
    """How many parameters each network has at full size, by reading of the papers' text.

    A network that the papers only describe has two readings; one with public code is itself.
    """
    from posepaper import models

    found = {}
    for name, settings in run.settings["models"].items():
        options = dict(settings)
        network = options.pop("name")
        described = network == "gsam" or bool(options.get("attention"))
        readings = ("literal", "count_matching") if described else ("published",)
        found[name] = {}
        for reading in readings:
            extra = {"reading": reading} if described else {}
            model = models.outline(network, **options, **extra)
            run.check_covers(model)
            found[name][reading] = sum(p.numel() for p in model.parameters())
    files.write_json(run.outputs["parameters"], found)


def make(run: job.Run) -> None:
    """The ledger as JSON and CSV, what checks found, and the comparisons."""
    filled = [files.read_json(path) for path in run.inputs["tables"]]
    counted = files.read_json(run.inputs["parameters"])
    made = assemble(filled, results_of(run.inputs["metrics"])[0], counted, run.settings["verdicts"])
    ledger.write_csv(run.outputs["csv"], made["ledger"])
    for name, content in made.items():
        files.write_json(run.outputs[name], content)


def assemble(filled: list[dict], results: dict, counted: dict, rules: dict) -> dict:
    """{"ledger", "findings", "comparisons"} of built tables.

    Args:
        results: experiment -> its metrics dicts, one per seed.
        counted: as ``parameters`` writes them; where empty, printed counts are not checked.
        rules: the study's ``verdicts``.
    """
    written = [claims.read_claims(p) for p in layouts.claim_files()]
    read = [tables.read_layout(p) for p in layouts.table_files()]
    published = claims.read_published(layouts.PUBLISHED)
    found = claims.check_claims(written, read, published, counted)
    families = [comparisons.read_comparisons(p) for p in layouts.comparison_files()]
    return {
        "ledger": ledger.build(written, read, filled, results, found, rules),
        "findings": found,
        "comparisons": [
            one
            for family in families
            for one in comparisons.compare(family, read, results, rules["alpha"])
        ],
    }


if __name__ == "__main__":
    job.main({"make_parameters": parameters, "make_ledger": make})
