"""What every job asks of a cluster, from its recipe, its study and the site's description.

A recipe's ``devices`` and ``nodes`` are granted by a cluster's profile alone: on one machine the
same recipe trains in one process, with the same batch and learning rate.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from posepaper.config.cluster import Need, Site, load_site, site_file
from posepaper.errors import InputError
from posepaper.stages.dag import Job
from posepaper.stages.plan import Plan

DEFAULT = Need(memory=4000, minutes=30, epoch_minutes=0, workers=0)
# Rules that put a network on a device.
DEVICE_RULES = (
    *("train_pose2d", "train_lifting", "detect_keypoints", "detect_video"),
    *("predict_pose2d", "predict_lifting", "evaluate_epochs"),
)
# Seconds of work each: the Snakefile's localrules, which never queue.
LOCAL_RULES = (
    *("evaluate_pose2d", "evaluate_lifting", "make_table", "make_figure", "make_report"),
    *("make_pdf", "make_parameters", "make_ledger", "make_details", "track_results", "bundle"),
)
TORCHRUN = "python -m posepaper.training.launch"
# A training is warned so long before its time limit: for one step of it and for saving.
WARNING_SECONDS = 120


@dataclass(frozen=True)
class Request:
    """One job's share of a cluster.

    Attributes:
        partition: its name.
        gpus: of each node, 0 for none.
        nodes: how many.
        cpus: processors of each node.
        memory: MB of each node.
        minutes: wall time.
        constraint: what its nodes must have, in sbatch's words.
    """

    partition: str
    gpus: int
    nodes: int
    cpus: int
    memory: int
    minutes: int
    constraint: str | None = None


def profile_of(defaults: Mapping | None) -> str | None:
    """The profile that Snakemake's default resources name as ``site``, None where none does."""
    return str(defaults["site"].raw) if defaults and "site" in defaults else None


class Cluster:
    """Grants what the jobs of a plan need; without a site, what one machine has.

    Args:
        plan: the study's jobs.
        profile: the folder of ``workflow/profiles`` that describes the site.

    Raises:
        InputError: the site's description is wrong, or a job asks for what it does not have.
    """

    def __init__(self, plan: Plan, profile: str | None = None):
        self.plan = plan
        self.site: Site | None = load_site(profile) if profile else None
        self.file = site_file(profile) if profile else None
        for job in plan.jobs if self.site else ():
            self._check(job)

    def resources(self, rule: str) -> dict[str, Callable]:
        """The resources of a rule, functions of its wildcards and the attempt."""

        def ask(value: Callable) -> Callable:
            def function(wildcards, attempt):
                return value(self.request(self.plan.find(rule, dict(wildcards)), attempt))

            return function

        if self.site is None:
            return {"mem_mb": ask(lambda r: r.memory)}
        given = {"slurm_account": self.site.account, "qos": self.site.qos}
        return {
            **{name: value for name, value in given.items() if value is not None},
            "slurm_extra": ask(lambda r: shlex.join(self.options(rule, r))),
            "slurm_partition": ask(lambda r: r.partition),
            "mem_mb": ask(lambda r: r.memory),
            "runtime": ask(lambda r: r.minutes),
            "cpus_per_task": ask(lambda r: r.cpus),
            "gres": ask(lambda r: self.gres(r.gpus)),
            "constraint": ask(lambda r: r.constraint),
            # Of several nodes the rule's own srun takes one task each; torchrun splits them.
            "nodes": ask(lambda r: r.nodes if r.nodes > 1 else None),
            "tasks": ask(lambda r: r.nodes if r.nodes > 1 else None),
            "tasks_per_gpu": ask(lambda r: 0 if r.nodes > 1 else None),
            "mpi": ask(lambda r: "srun" if r.nodes > 1 else None),
        }

    def launch(self, rule: str) -> Callable:
        """A params function: the command that starts the job's module, one process a device."""

        def function(wildcards):
            request = self.request(self.plan.find(rule, dict(wildcards)))
            if self.site is None or request.gpus * request.nodes <= 1:
                return "python"
            if request.nodes == 1:
                return f"{TORCHRUN} --standalone --nproc-per-node={request.gpus}"
            # SLURM_* is stripped on the way here, so every option is given again.
            return (
                f"srun --nodes={request.nodes} --ntasks={request.nodes} --ntasks-per-node=1"
                f" --cpus-per-task={request.cpus} --gres={self.gres(request.gpus)}"
                f" --kill-on-bad-exit=1"
                f" {TORCHRUN} --nnodes={request.nodes} --nproc-per-node={request.gpus}"
                " --rdzv-backend=c10d --rdzv-id=$SLURM_JOB_ID"
                " --rdzv-endpoint=$(hostname):$((20000 + SLURM_JOB_ID % 20000))"
            )

        return function

    def options(self, rule: str, request: Request) -> list[str]:
        """sbatch's options beside a job's share; of one named twice sbatch takes the latter.

        A job may go back into the queue, and its log then goes on. A training hears of its time
        limit before; never more than a tenth of its time, or a short one would only ever save.
        """
        options = ["--requeue", "--open-mode=append"]
        if rule.startswith("train_"):
            warning = min(WARNING_SECONDS, request.minutes * 60 // 10)
            options.append(f"--signal=USR1@{warning}")
        return options + shlex.split(self.site.extra or "")

    def request(self, job: Job, attempt: int = 1) -> Request:
        """What a job asks for; memory and time grow with every attempt, up to the site's."""
        need, training = self.need(job), job.settings.get("training") or {}
        published = job.rule.startswith("train_") and not training
        on_device = job.rule in DEVICE_RULES and not published
        devices, nodes = training.get("devices", 1), training.get("nodes", 1)
        minutes = need.minutes + need.epoch_minutes * training.get("epochs", 0) / (devices * nodes)
        memory = need.memory * devices
        # What has no fixed threads reads and writes files; one processor computes, one waits.
        cpus = (job.settings.get("threads", 2) + need.workers) * devices
        if self.site is None:
            return Request("", devices * on_device, nodes, cpus, memory, round(minutes))
        queue = self.site.gpu if on_device else self.site.cpu
        growth = self.site.growth ** (attempt - 1)
        return Request(
            partition=queue.partition,
            gpus=devices * on_device,
            nodes=nodes,
            cpus=cpus,
            memory=min(round(memory * growth), queue.max_memory),
            minutes=min(round(minutes * growth), queue.max_minutes),
            constraint=queue.constraint,
        )

    def need(self, job: Job) -> Need:
        """What the study says of a job: of its stage, then its rule, then its network."""
        keys = (job.rule.partition("_")[0], job.rule, job.settings.get("model", {}).get("name"))
        needs = [self.plan.study.needs[key] for key in keys if key in self.plan.study.needs]
        given: dict = {}
        for need in (DEFAULT, *needs):
            given |= need.model_dump(exclude_none=True)
        return Need(**given)

    def gres(self, gpus: int) -> str | None:
        """``gpu:TYPE:N`` as SLURM takes it, None for no GPU."""
        if not gpus:
            return None
        return ":".join(["gpu", *([self.site.gpu.type] if self.site.gpu.type else []), str(gpus)])

    def _check(self, job: Job) -> None:
        request, name = self.request(job), job.settings.get("experiment", job.target)
        if request.gpus > self.site.gpu.per_node:
            what = f"{name} asks for {request.gpus} GPUs a node of {self.site.gpu.per_node}"
            raise InputError(self.file, what, "Spread its recipe's devices over nodes")
        queue = self.site.gpu if request.gpus else self.site.cpu
        needed = self.need(job).memory * max(1, request.gpus)
        if needed > queue.max_memory:
            what = f"{name} needs {needed} MB, partition {queue.partition} has {queue.max_memory}"
            raise InputError(self.file, what, "Raise max_memory or name a larger partition")
