# posepaper: two human-pose papers rebuilt from data to PDF.
# The study is chosen in config.yaml; what it holds is in workflow/studies and workflow/experiments.

import signal
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

from posepaper.errors import InputError
from posepaper.stages import bundle, diary, driver, orphans, targets, watch_text
from posepaper.stages.cluster import Cluster, profile_of
from posepaper.stages.plan import Plan

min_version("9.0")


configfile: "config.yaml"


container: "envs/posepaper.sif"


try:
    plan = Plan(config, recalls=not workflow.is_main_process)
    cluster = Cluster(plan, profile_of(workflow.resource_settings.default_resources))
    if workflow.is_main_process and not driver.shows(sys.argv[1:], plan):
        submits = cluster.site is not None
        driver.claim(sys.argv[1:], submits=submits, study=plan.study.name)
        if driver.holds():
            orphans.wait(Path(plan.base), submits=submits)
            logger.addHandler(diary.Diary(plan, submits=submits))
        if not driver.yields(plan.study.name):
            plan.refresh()
except InputError as error:
    raise WorkflowError(str(error)) from None

# Signals of a cluster are the stage's to answer, not its shell's or the job's own Snakemake's: a
# training saves first.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
shell.prefix(
    f"trap '' TERM USR1; set -euo pipefail; export PATH={Path(sys.executable).parent}:$PATH; "
)


wildcard_constraints:
    study=plan.study.name,
    experiment="[a-z0-9]+/[a-z0-9.-]+",
    seed="[0-9]+",


# Seconds of work each, which no queue is worth: on a cluster these run beside Snakemake.
localrules:
    all,
    draft,
    track_results,
    bundle,
    evaluate_pose2d,
    evaluate_lifting,
    make_table,
    make_parameters,
    make_ledger,
    make_details,
    make_figure,
    make_report,
    make_pdf,


onerror:
    try:
        shell("python -m posepaper.stages.track {plan.study.name}")
    finally:
        watch_text.tell_failures(plan)
    if plan.rehearses:
        shell("python -m posepaper.stages.report --draft {plan.study.name}")
        print(f"posepaper rehearsal --study {plan.study.name} says what failed")


onsuccess:
    if plan.rehearses:
        print(
            f"posepaper rehearsal --study {plan.study.name} says what would not fit"
        )


# data, then networks, then numbers, then what a reader opens
include: "workflow/rules/prepare.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/detect.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/ledger.smk"
include: "workflow/rules/details.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/track.smk"
include: "workflow/rules/bundle.smk"
include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        plan.targets("make_report", "make_pdf"),
        f"{plan.base}/stamps/tracked.json",
