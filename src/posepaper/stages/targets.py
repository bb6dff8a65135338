"""Names a user would guess for parts of a study, and what a name, address or path stands for."""

from pathlib import Path

from posepaper.config import nearest
from posepaper.errors import InputError
from posepaper.stages.layouts import PAPERS

HELP = {
    "tables": "every table of both papers and the supplement",
    "figures": "every figure",
    "trainings": "every checkpoint, 2D and 3D",
    "pose2d": "every 2D training and its metrics",
    "lifting3d": "every 2D-to-3D training and its metrics",
    **{paper: f"tables and figures of {paper}" for paper in PAPERS},
}
OF_EXPERIMENTS = ("train", "predict", "evaluate")


def named(plan) -> dict[str, list[str]]:
    """Artefacts by name: ``{paper}_table_{n}`` of every table, and the names of :data:`HELP`."""
    found: dict[str, list[str]] = {name: [] for name in HELP}
    for job in plan.jobs:
        made, rule = list(job.outputs.values()), job.rule
        stage = rule.partition("_")[0]
        paper = job.wildcards.get("paper")
        if rule == "make_table":
            found[table_name(paper, job.wildcards["table"])] = made
            found["tables"] += made
        if rule == "make_figure":
            found["figures"] += made
        if rule in ("make_table", "make_figure"):
            found[paper] += made
        if stage == "train":
            found["trainings"] += made
        if stage in OF_EXPERIMENTS:
            kind = "pose2d" if job.wildcards["experiment"].startswith("pose2d/") else "lifting3d"
            found[kind] += made
    return {name: paths for name, paths in found.items() if paths}


def table_name(paper: str, number: str) -> str:
    """The name of a table: ``lifting_table_3``."""
    return f"{paper}_table_{number}"


def helped(plan) -> dict[str, str]:
    """One line of help for each name of :func:`named`."""
    found = {}
    for name in named(plan):
        paper, _, number = name.partition("_table_")
        found[name] = HELP.get(name) or f"table {number} of {paper}"
    return found


def resolve(plan, text: str) -> list[str]:
    """The artefacts a name, a number's address or a path stands for.

    Raises:
        InputError: it is none of this study's; the message names the nearest.
    """
    names = named(plan)
    if text in names:
        return names[text]
    if ":" in text:
        return _addressed(plan, text)
    paths = [path for job in plan.jobs for path in job.outputs.values()]
    if text in paths:
        return [text]
    known = paths if "/" in text or Path(text).suffix else names
    raise InputError(
        text, f"is no target of study '{plan.study.name}'", f"Nearest: '{nearest(text, known)}'"
    )


def asked(plan, words: list[str]) -> list[str]:
    """The artefacts that the words of Snakemake's command line name."""
    names = named(plan)
    found = [names.get(word, [word] if word in plan.made_by else []) for word in words]
    return [path for paths in found for path in paths]


def _addressed(plan, text: str) -> list[str]:
    """The table of ``lifting:table-2`` or ``lifting:table-2:p1-ours:avg``."""
    paper, table, *place = text.split(":")
    tables = {
        f"{j.wildcards['paper']}:table-{j.wildcards['table']}": j
        for j in plan.jobs
        if j.rule == "make_table"
    }
    job = tables.get(f"{paper}:{table}")
    if job is None:
        near = nearest(f"{paper}:{table}", tables)
        raise InputError(text, f"study '{plan.study.name}' has no such table", f"Nearest: '{near}'")
    layout = job.settings["meaning"]
    for part, key in zip(place, ("rows", "columns"), strict=False):
        known = [entry["id"] for entry in layout[key]]
        if part not in known:
            raise InputError(text, f"{table} has no '{part}'", f"Nearest: '{nearest(part, known)}'")
    return list(job.outputs.values())
