"""Renders the report: rules ``make_report`` and ``make_pdf``, and ``snakemake draft``."""

import sys
from pathlib import Path

from posepaper import files
from posepaper.config import read_yaml
from posepaper.errors import InputError
from posepaper.provenance import record
from posepaper.reporting import figure_specs, latex, render, typeset
from posepaper.stages import details, job, layouts, ledger, runs, work
from posepaper.stages.chains import chains
from posepaper.stages.tables import fill, results_of

TITLES = {
    "gsam": "Group Spatial Attention for 3D Human Pose Estimation",
    "lifting": "Lifting 2D-3D Human Pose Estimation System with Attention Module in Industrial "
    "Environment",
    "supplement": "What neither paper asks",
}
PAPERS_WITH_PDF = ("gsam", "lifting")
JUDGED = ("ledger", "findings", "comparisons", "details")


def report(run: job.Run) -> None:
    """``index.html`` and each paper's ``.tex``."""
    filled = [files.read_json(path) for path in run.inputs["tables"]]
    drawn = [Path(path) for path in run.inputs["figures"]]
    final = Path(run.target).parent
    judged = {n: files.read_json(run.inputs[n]) for n in JUDGED}
    context = context_of(run.settings, filled, drawn, final.parent, judged)
    render.render_html(context, run.outputs["index"])
    for paper in PAPERS_WITH_PDF:
        typeset.render_latex(context, paper, run.outputs[paper], beside=final)
    files.write_json(run.outputs["costs"], costs(final.parent))


def costs(base: Path) -> dict[str, dict]:
    """What was measured of the job behind every artefact, and what was predicted beforehand."""
    predicted, found = work.predictions(work.measurements(base)), {}
    for path in sorted(base.rglob("*.record.json")):
        made = files.read_json(path)
        guess = predicted.get(made["target"])
        found[made["target"]] = {
            "rule": made["rule"],
            "seconds": record.seconds(made),
            "predicted_seconds": guess and guess["seconds"],
            "predicted_from": guess and guess["basis"],
            "peak_memory_bytes": made["peak_memory_bytes"],
            **made["measured"],
            "cpu": made["machine"]["cpu"],
            "gpus": made["machine"]["gpus"],
        }
    return found


def pdf(run: job.Run) -> None:
    """One paper as PDF; what its typesetting lacks is told, and stops nothing."""
    for fault in latex.compile_pdf(run.inputs["tex"], run.outputs["pdf"]):
        print(f"{run.inputs['tex']}: {fault}", file=sys.stderr)


def context_of(
    settings: dict, filled: list[dict], drawn: list[Path], base: Path, judged: dict
) -> dict:
    """What the templates are given: study, commit, and per paper tables, figures, claims, ledger
    and comparisons (``judged`` as ``ledger.assemble`` gives it, and the ``details`` of
    ``details.gather``); of what ran below ``base``, where
    it did, the time predicted and measured, and the chains of its records."""
    git = record.git_state()
    papers = {}
    for paper, title in TITLES.items():
        papers[paper] = {
            "title": title,
            "tables": [t for t in filled if t["paper"] == paper],
            "figures": _figures(paper, drawn, settings["absent"]),
            "claims": judged["findings"].get(paper, []),
            "ledger": {
                "entries": [e for e in judged["ledger"]["entries"] if e["paper"] == paper],
                "counts": judged["ledger"]["counts"].get(paper, {}),
            },
            "comparisons": [c for c in judged["comparisons"] if c["paper"] == paper],
        }
    measured, ran = list(work.measurements(base)), runs.ran(base)
    return {
        "study": settings["study"],
        "rules": judged["ledger"]["rules"],
        "costs": work.by_rule(work.predictions(measured), measured),
        "overhead": runs.overhead(ran),
        "runs": runs.page(reversed(ran)),
        "details": judged["details"],
        "commit": git["commit"],
        "dirty": git["dirty"],
        "papers": papers,
        "chains": chains(base, filled, drawn),
    }


def _figures(paper: str, drawn: list[Path], absent: dict[str, str]) -> list[dict]:
    path = layouts.FOLDER / paper / "figures.yaml"
    if not path.exists():
        return []
    there = {(p.parent.name, p.stem, p.suffix[1:]): str(p) for p in drawn}
    states = {tuple(Path(target).with_suffix("").parts[-2:]): why for target, why in absent.items()}
    found = []
    for spec in figure_specs.read_figures(path).figures:
        kinds = {
            k: there[paper, spec.id, k]
            for k in ("pdf", "png", "svg")
            if (paper, spec.id, k) in there
        }
        found.append(
            {
                "id": spec.id,
                "caption": spec.caption,
                "files": kinds,
                "wide": figure_specs.is_wide(spec),
                "kind": spec.kind,
                "table": getattr(spec, "table", None),
                "status": "ok" if kinds else states.get((paper, spec.id), "not-run"),
            }
        )
    return found


def draft(study: str) -> None:
    """Both papers from whatever exists, below ``results/{study}/draft``.

    A row whose training failed reads ``failed``, one that never ran ``not-run``.
    """
    from posepaper.stages import rehearsed, watch
    from posepaper.stages.plan import Plan

    plan = Plan({**read_yaml("config.yaml"), "study": study})
    base, filled, measured, metrics = Path(plan.base), [], {}, []
    failed = rehearsed.failed_experiments(plan) if plan.rehearses else set()
    for made in (j for j in plan.jobs if j.rule == "make_table"):
        lacking = _lacking(plan, made.inputs["metrics"], failed)
        there = [path for path in made.inputs["metrics"] if path not in lacking]
        measured |= {} if plan.rehearses else results_of(there)[0]
        metrics += [] if plan.rehearses else [path for path in there if path not in metrics]
        states = {**made.settings["states"], **_by_experiment(lacking)}
        filled.append(fill(made.settings, there, states))
    folder = base / "draft"
    drawn = files.walk(base / "figures")
    settings = next(j for j in plan.jobs if j.rule == "make_report").settings
    settings = {
        **settings,
        "study": {
            **settings["study"],
            "title": settings["study"]["title"] + " - draft of what exists",
            "mark": " - ".join(filter(None, [settings["study"]["mark"], "draft of what exists"])),
        },
    }
    counted = base / "tables/parameters.json"
    judged = ledger.assemble(
        filled,
        measured,
        files.read_json(counted) if counted.exists() else {},
        settings["verdicts"],
    )
    curves = [path for path in map(layouts.curve_of, metrics) if Path(path).exists()]
    judged["details"] = details.gather(metrics, curves)
    context = context_of(settings, filled, drawn, base, judged)
    unfinished = [one for one in watch.look(plan)["jobs"] if one["state"] != watch.DONE]
    unfinished.sort(key=lambda one: watch.STATES.index(one["state"]))
    context["runs"] = [*runs.page(unfinished), *context["runs"]]
    render.render_html(context, folder / "index.html")
    for paper in PAPERS_WITH_PDF:
        typeset.render_latex(context, paper, folder / f"{paper}.tex", beside=folder)
        if latex.tex_installed():
            for fault in latex.compile_pdf(folder / f"{paper}.tex", folder / f"{paper}.pdf"):
                print(f"{paper}.tex: {fault}", file=sys.stderr)
    print(f"draft: {folder / 'index.html'}", file=sys.stderr)


def _lacking(plan, metrics: list[str], failed: set[str]) -> dict[str, str]:
    """Metrics files a draft cannot show, and why: their training, as planned now, ``failed``
    (an earlier one's numbers may still be there), or they were ``not-run``.

    ``failed``: experiments that are known to have failed in whatever job.
    """
    lacking = {}
    for path in metrics:
        if plan.made_by[path].settings["experiment"] in failed:
            lacking[path] = "failed"
            continue
        checkpoint = path.replace("/metrics/", "/checkpoints/").replace(".json", ".safetensors")
        status = job.run_folder(checkpoint, plan.fingerprints[checkpoint]) / "status.json"
        if status.exists() and files.read_json(status)["state"] == "failed":
            lacking[path] = "failed"
        elif not Path(path).exists():
            lacking[path] = "not-run"
    return lacking


def _by_experiment(lacking: dict[str, str]) -> dict[str, str]:
    """Of an experiment with several seeds, one failure counts."""
    states = {}
    for path, state in lacking.items():
        name = path.split("/metrics/")[1].rpartition("/")[0]
        states[name] = "failed" if "failed" in (state, states.get(name)) else state
    return states


if __name__ == "__main__":
    if sys.argv[1:2] == ["--draft"]:
        try:
            draft(sys.argv[2])
        except InputError as error:
            sys.exit(f"posepaper: {error}")
    else:
        job.main({"make_report": report, "make_pdf": pdf})
