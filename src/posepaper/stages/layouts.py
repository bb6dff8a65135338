"""The jobs that turn metrics into tables, figures and the report, from the papers' layouts."""

import shutil
from pathlib import Path

from posepaper.config import nearest, read_yaml
from posepaper.errors import InputError
from posepaper.experiments import published_models
from posepaper.reporting import columns
from posepaper.reporting.figure_specs import read_figures
from posepaper.reporting.layout import read_layout
from posepaper.stages import figure_jobs
from posepaper.stages.dag import Job

PAPERS = ("gsam", "lifting", "supplement")
FOLDER = Path("report/papers")
# Other publications' numbers.
PUBLISHED = FOLDER / "published.yaml"
# What the report's predictions of cost are made from, see benchmarks/rates.py.
RATES = Path("benchmarks/results/rates.json")


def jobs(builder) -> list:
    """Table, figure, report and PDF jobs of a study.

    Raises:
        InputError: a table row or a figure names no experiment.
    """
    sheets = {p: read_yaml(p) for p in table_files()}
    tables = [_table(builder, p, sheet) for p, sheet in sheets.items()]
    drawn = [_figure(builder, paper, f) for paper in PAPERS for f in figure_layouts(paper)]
    absent = {job.target: why for job in drawn if (why := job.settings["states"].get("figure"))}
    figures = [
        job
        for job in drawn
        if job.target not in absent
        and (len(job.inputs) > 2 or job.inputs["curves"] or "models" in job.settings)
    ]
    parameters = _parameters(builder, sheets)
    ledger = _ledger(builder, sheets, tables, parameters)
    details = _details(builder, ledger)
    report = _report(builder, tables, figures, ledger, details, absent)
    pdfs = _pdfs(builder, report, figures)
    return [*tables, parameters, ledger, details, *figures, report, *pdfs]


def table_files() -> list[Path]:
    """Every table layout, in the papers' order."""
    found = [p for paper in PAPERS for p in (FOLDER / paper).glob("table-*.yaml")]
    return sorted(found, key=lambda p: (PAPERS.index(p.parent.name), int(p.stem.split("-")[1])))


def check(builder) -> None:
    """Holds every table's layout against the recipes, before anything is computed.

    Raises:
        InputError: a column or row takes what its experiment does not measure.
    """
    made = {
        name: {
            # as the recipe has it: what the study binds to a role is not the table's mistake
            "roles": {**builder.roles(e), "boxes": e.boxes},
            "settings": e.protocol.model_dump(mode="json"),
        }
        for name, e in builder.study.experiments.items()
    }
    for file in table_files():
        columns.check(read_layout(file), made, file)


def figure_layouts(paper: str) -> list[dict]:
    """The figures a paper's ``figures.yaml`` declares.

    Raises:
        InputError: the file holds what no figure has.
    """
    path = FOLDER / paper / "figures.yaml"
    if not path.exists():
        return []
    read_figures(path)
    return read_yaml(path)["figures"]


def _lacking_boxes(builder, layout: dict) -> dict[str, str]:
    """The state of experiments that were to have a detector's boxes and have exact ones here."""
    state, found = "not-applicable:the person boxes are the ground truth's", {}
    blocks = {block["id"]: block for block in layout.get("blocks", [])}
    for row in layout["rows"]:
        parts = (layout, blocks.get(row.get("block"), {}), row)
        requires = {k: v for part in parts for k, v in (part.get("requires") or {}).items()}
        e = builder.study.experiments.get(row.get("experiment"))
        if e and requires.get("boxes") == "detector" and builder.roles(e)["boxes"] != "detector":
            found[e.name] = state
    return found


def _results(builder, file: Path, names: list[str], refused: dict[str, str] | None = None) -> dict:
    """Metrics files of the planned experiments among ``names``, and the others' states."""
    known = builder.study.experiments
    for name in names:
        if name not in known:
            raise InputError(
                file, f"no experiment '{name}'", f"Nearest valid: '{nearest(name, known)}'"
            )
    states = {n: builder.states[n] or (refused or {}).get(n, "") for n in names if n in known}
    planned = sorted({n for n in names if not states[n]})
    metrics = [
        builder.artefact("metrics", n, s, ".json") for n in planned for s in builder.seeds(n)
    ]
    return {"metrics": metrics, "states": {n: s for n, s in sorted(states.items()) if s}}


def _table(builder, file: Path, layout: dict):
    names = [row["experiment"] for row in layout["rows"] if row.get("experiment")]
    found = _results(builder, file, names, _lacking_boxes(builder, layout))
    paper, number = file.parent.name, file.stem.split("-")[1]
    base = f"{builder.base}/tables/{paper}/table-{number}"
    return Job(
        "make_table",
        {"paper": paper, "table": number},
        {"json": f"{base}.json", "csv": f"{base}.csv"},
        {"metrics": found["metrics"]},
        settings={
            "layout": str(file),
            "meaning": layout,
            "states": found["states"],
            "verdicts": builder.study.verdicts.model_dump(mode="json"),
        },
    )


def _parameters(builder, sheets: dict):
    """Counts the parameters of every network whose count a table prints, at its full size."""
    full, printed = published_models(), set()
    for layout in sheets.values():
        counts = {c["id"] for c in layout["columns"] if c.get("unit") == "M"}
        rows = (r for r in layout["rows"] if counts & set(r.get("claimed", {})))
        printed |= {r["experiment"] for r in rows if r.get("experiment")}
    models = {n: full[n].options() | {"name": full[n].name} for n in sorted(printed & full.keys())}
    outputs = {"parameters": f"{builder.base}/tables/parameters.json"}
    return Job("make_parameters", {}, outputs, settings={"models": models})


def _ledger(builder, sheets: dict, tables: list, parameters):
    """Contradictions, verdicts and comparisons of both papers."""
    base = f"{builder.base}/tables"
    names = [r["experiment"] for o in sheets.values() for r in o["rows"] if r.get("experiment")]
    read = sheets | {p: read_yaml(p) for p in [*claim_files(), PUBLISHED, *comparison_files()]}
    return Job(
        "make_ledger",
        {},
        {
            "ledger": f"{base}/ledger.json",
            "csv": f"{base}/ledger.csv",
            "findings": f"{base}/findings.json",
            "comparisons": f"{base}/comparisons.json",
        },
        {
            "metrics": _results(builder, FOLDER, names)["metrics"],
            "tables": [t.outputs["json"] for t in tables],
            "parameters": parameters.outputs["parameters"],
        },
        settings={
            "verdicts": builder.study.verdicts.model_dump(mode="json"),
            "meaning": {str(path): content for path, content in read.items()},
        },
    )


def claim_files() -> list[Path]:
    """The papers' transcribed claims."""
    return _there("claims.yaml")


def comparison_files() -> list[Path]:
    """The papers' families of comparisons."""
    return _there("comparisons.yaml")


def _there(name: str) -> list[Path]:
    return [p for paper in PAPERS if (p := FOLDER / paper / name).exists()]


def _figure(builder, paper: str, layout: dict):
    file = FOLDER / paper / "figures.yaml"
    found = _results(builder, file, layout.get("experiments", []))
    inputs = {"metrics": found["metrics"] if layout["kind"] == "curves" else []}
    inputs["curves"] = [curve_of(m) for m in inputs["metrics"]]
    if layout["kind"] == "effects":
        inputs["comparisons"] = f"{builder.base}/tables/comparisons.json"
    if "table" in layout:
        inputs["table"] = f"{builder.base}/tables/{paper}/table-{layout['table']}.json"
    base = f"{builder.base}/figures/{paper}/{layout['id']}"
    outputs = {kind: f"{base}.{kind}" for kind in ("pdf", "png", "svg")}
    wildcards = {"paper": paper, "figure": layout["id"]}
    settings = {"paper": paper, "figure": layout, "states": found["states"]}
    _results(builder, file, figure_jobs.networks(layout))
    more = figure_jobs.more(builder, layout)
    if isinstance(more, str):
        settings["states"] = {"figure": more}
    else:
        inputs, settings = inputs | more[0], settings | more[1]
    return Job("make_figure", wildcards, outputs, inputs, settings=settings)


def _details(builder, ledger):
    """What the page draws of every run that a table shows, and the sequence its player shows."""
    metrics = ledger.inputs["metrics"]
    inputs = {"metrics": metrics, "curves": [curve_of(m) for m in metrics]}
    played = builder.system("lifting")
    if played:
        inputs["poses"] = builder.data(builder.study.experiments[played].data)
        inputs["predictions"] = builder.artefact("predictions", played, 0, ".h5")
    return Job("make_details", {}, {"details": f"{builder.base}/tables/details.json"}, inputs)


def curve_of(metrics: str) -> str:
    """The training curve behind a metrics file."""
    return metrics.replace("/metrics/", "/checkpoints/").replace(".json", ".curve.json")


def _report(builder, tables: list, figures: list, ledger, details, absent: dict[str, str]):
    base = f"{builder.base}/report"
    read = _there("figures.yaml")
    rates = [RATES] if RATES.exists() else []
    raw = map(str, [*sorted(Path("report").glob("*.j2")), *rates])
    outputs = {"index": f"{base}/index.html", "gsam": f"{base}/gsam.tex"}
    outputs["lifting"] = f"{base}/lifting.tex"
    outputs["costs"] = f"{builder.base}/costs.json"
    study = builder.study
    return Job(
        "make_report",
        {},
        outputs,
        {
            "tables": [t.outputs["json"] for t in tables],
            "figures": [path for f in figures for path in f.outputs.values()],
            **{name: ledger.outputs[name] for name in ("ledger", "findings", "comparisons")},
            "details": details.target,
        },
        raw={path: path for path in raw},
        settings={
            "study": {
                **{name: getattr(study, name) for name in ("name", "title", "mark")},
                "note": _note(study),
            },
            "verdicts": study.verdicts.model_dump(mode="json"),
            "meaning": {str(path): read_yaml(path) for path in read},
            "absent": absent,
        },
    )


def _note(study) -> str:
    """The study's own words, and what its scale makes of the printed receptive fields."""
    frames = {k: v for k, v in study.scale.frames.items() if k != v}
    if not frames:
        return study.note
    printed, trained = ("/".join(map(str, values)) for values in zip(*frames.items(), strict=True))
    return f"{study.note} Receptive fields printed as {printed} are {trained} frames here."


def _pdfs(builder, report, figures: list) -> list:
    """PDF jobs; none where no TeX is installed."""
    if shutil.which("pdflatex") is None:
        return []
    return [
        Job(
            "make_pdf",
            {"paper": paper},
            {"pdf": f"{builder.base}/report/{paper}.pdf"},
            {
                "tex": report.outputs[paper],
                "figures": [f.outputs["pdf"] for f in figures if f.wildcards["paper"] == paper],
            },
        )
        for paper in ("gsam", "lifting")
    ]
