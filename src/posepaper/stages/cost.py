"""What a study, a table or any artefact will cost before it is run: ``posepaper cost``."""

import os
from pathlib import Path

import posepaper
from posepaper import files
from posepaper.config import nearest, read_yaml
from posepaper.errors import InputError
from posepaper.provenance import cost, fingerprint, record
from posepaper.stages import runs, targets, work
from posepaper.stages.cluster import DEVICE_RULES
from posepaper.stages.dag import Job
from posepaper.stages.jobs import Builder
from posepaper.stages.plan import Plan
from posepaper.stages.rehearsal import SUFFIX, counterpart

PROFILES = Path("workflow/profiles")
SIZES = Path(".posepaper/networks.json")
MODELS = Path(posepaper.__file__).parent / "models"
# Where nobody measured how long Snakemake and Python take to start a job.
START = 1.0


class Imagined(Builder):
    """A study's jobs as if every licensed file were there."""

    def _in_roots(self, name: Path) -> str:
        return super()._in_roots(name) or str(Path("data") / name)


class Networks:
    """GMAC and parameters of the networks behind a plan's checkpoints.

    As the checkpoint tells, where it is of the network planned now; else counted by torch, once:
    kept in ``.posepaper`` until a file of ``models`` changes.
    """

    def __init__(self, jobs: list[Job]):
        self.trainings = {j.target: j.settings for j in jobs if j.rule.startswith("train_")}
        code = files.md5(MODELS)
        kept = files.read_json(SIZES) if SIZES.exists() else {}
        self.kept = kept if kept.get("models") == code else {"models": code, "sizes": {}}

    def of(self, checkpoint: str) -> dict:
        """{"gmac", "parameters"} of the network a checkpoint holds or will hold."""
        settings = self.trainings[checkpoint]
        made = record.read(checkpoint)
        asked = {name: _plain(settings[name]) for name in ("model", "image")}
        same = made and asked == {name: made["settings"].get(name) for name in asked}
        if same and (found := work.recorded_size(checkpoint)):
            return found
        key, sizes = fingerprint.digest(asked), self.kept["sizes"]
        if key not in sizes:
            sizes[key] = _counted(**asked)
            files.write_json(SIZES, self.kept)
        return sizes[key]


def _plain(value):
    """A setting as JSON gives it back."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _counted(model: dict, image: list | None) -> dict:
    from posepaper import models
    from posepaper.models import costs

    options = {k: v for k, v in model.items() if k != "name"}
    network = models.outline(model["name"], **options)
    gmac = costs.gmac(network, image or costs.IMAGE)
    return {"gmac": gmac, "parameters": costs.parameters(network)}


def predict(
    study: str, target: str = "", profile: str = "default", *, everything=False, imagined=False
) -> dict:
    """What a run would cost.

    Args:
        study: its name; '' for that of ``config.yaml``.
        target: a name, address or path, see :func:`targets.resolve`; '' for the whole study.
        profile: a folder of ``workflow/profiles``, which gives parallelism and GPUs.
        everything: count what is up to date too.
        imagined: as if all data were there; counts everything.

    Returns:
        {"study", "profile", "machine", "sets": [{"name", "jobs", "cpu_hours", "gpu_hours",
        "bytes" ([low, likely, high]), "wall_seconds", "peak_memory", "basis"}], "jobs":
        [estimate], "not_counted": {why: trainings}, "overhead": the last of
        :func:`runs.overhead`, None where no job of the study ran on a cluster}; the last set is
        the sum.

    Raises:
        InputError: there is no such study, target or profile.
    """
    config = read_yaml("config.yaml")
    name = study or config["study"]
    plan = all_there(name) if imagined else Plan({**config, "study": name})
    machine = machine_of(profile)
    asked = targets.resolve(plan, target) if target else plan.targets()
    graph = _Graph(plan.jobs)
    chosen = graph.behind(asked)
    if not (everything or imagined):
        chosen = graph.rerun(chosen, {job.target for job in plan.stale()})
    costs = _estimates(plan, [j for j in plan.jobs if j.target in chosen], machine)
    sets = [] if target else _by_table(plan)
    names = {name: set(graph.behind(paths)) & chosen for name, paths in sets}
    names[target or "all"] = chosen
    return {
        "study": plan.study.name,
        "profile": profile,
        "machine": machine,
        "sets": [{"name": n, **_summary(graph, costs, t, machine)} for n, t in names.items()],
        "jobs": list(costs.values()),
        "not_counted": _not_counted(plan, asked, graph),
        "overhead": next(reversed(runs.overhead(runs.ran(plan.base))), None),
    }


def all_there(study: str) -> Plan:
    """The plan of a study as if all its data were there; no rehearsal."""
    config = {**read_yaml("config.yaml"), "rehearse": False}
    plan = Plan({**config, "study": study})
    plan.builder = Imagined(plan.study, plan.roots)
    plan.jobs = plan.builder.jobs()
    return plan


def of_jobs(plan: Plan, chosen: set[str], profile: str = "default") -> dict:
    """What some of a plan's jobs would cost: the last of :func:`predict`'s sets."""
    machine, graph = machine_of(profile), _Graph(plan.jobs)
    costs = _estimates(plan, [j for j in plan.jobs if j.target in chosen], machine)
    return _summary(graph, costs, chosen, machine)


class _Graph:
    """Which jobs stand behind which."""

    def __init__(self, jobs: list[Job]):
        self.made_by = {path: job.target for job in jobs for path in job.outputs.values()}
        self.parents = {
            job.target: list(dict.fromkeys(self.made_by[p] for p in job.input_paths()))
            for job in jobs
        }

    def behind(self, artefacts: list[str]) -> set[str]:
        """The jobs that make some artefacts, and all theirs."""
        found, waiting = set(), [self.made_by[path] for path in artefacts]
        while waiting:
            target = waiting.pop()
            if target not in found:
                found.add(target)
                waiting += self.parents[target]
        return found

    def rerun(self, chosen: set[str], stale: set[str]) -> set[str]:
        """Of some jobs, those that are stale or have a parent that will run."""
        known: dict[str, bool] = {}

        def runs(target: str) -> bool:
            if target not in known:
                above = [runs(parent) for parent in self.parents[target]]
                known[target] = target in stale or any(above)
            return known[target]

        return {target for target in chosen if runs(target)}


def machine_of(profile: str) -> dict:
    """Slots, what a slot is, and which rules run on a GPU, as a profile says."""
    path = PROFILES / profile / "config.yaml"
    if not path.exists():
        known = [p.name for p in sorted(PROFILES.iterdir())]
        raise InputError(
            f"profile '{profile}'", "is not there", f"Nearest: '{nearest(profile, known)}'"
        )
    given, here = read_yaml(path), record.machine()
    if given.get("executor"):
        return {"slots": int(given["jobs"]), "slot": "job", "gpu_rules": list(DEVICE_RULES)}
    cores = given.get("cores", "all")
    rules = list(work.NETWORK_RULES) if here["gpus"] else []
    slots = (os.cpu_count() or 1) if cores == "all" else int(cores)
    return {"slots": slots, "slot": "core", "gpu_rules": rules}


def _estimates(plan, jobs: list[Job], machine: dict) -> dict[str, dict]:
    base = plan.base
    stated = {role: dataset.samples for role, dataset in plan.study.datasets.items()}
    counts, networks = work.Counts(base, stated), Networks(plan.jobs)
    measured = {m["target"]: m for m in work.measurements(base)}
    alike, committed = cost.rates(measured.values()), work.reference()
    before, found = rehearsal_of(plan), {}
    for job in jobs:
        need = work.need(job.target, job.rule, job.settings, job.input_paths(), counts, networks.of)
        if job.rule in machine["gpu_rules"]:
            need["device"] = "gpu"
        earlier = measured.get(job.target)
        rehearsed = before.get((need["like"], counterpart(job)[1]))
        if machine["slot"] == "core":
            need["threads"] = min(need["threads"], machine["slots"])
            if rehearsed:
                threads = min(rehearsed["threads"], machine["slots"])
                rehearsed = {**rehearsed, "threads": threads}
        found[job.target] = {
            **cost.estimate(need, earlier, alike, committed["rates"], rehearsed),
            "start": committed["start"].get(job.rule, START),
        }
    return found


def rehearsal_of(plan: Plan) -> dict[tuple, dict]:
    """What the jobs of a plan took in its study's rehearsal, by :func:`counterpart`."""
    base = f"{plan.base}{SUFFIX}"
    if plan.rehearses or not Path(base).is_dir():
        return {}
    rehearsal = Plan({"study": plan.study.name + SUFFIX, "data": plan.roots})
    names = {job.target: counterpart(job) for job in rehearsal.jobs}
    measured = work.measurements(base)
    return {names[m["target"]]: m for m in measured if m["target"] in names}


def _by_table(plan) -> list[tuple[str, list[str]]]:
    """Tables in the papers' order, and figures."""
    known = targets.named(plan)
    names = [n for n in known if "_table_" in n] + ["figures"]
    return [(name, known[name]) for name in names if name in known]


def _summary(graph: _Graph, costs: dict, chosen: set[str], machine: dict) -> dict:
    wanted = [c for t, c in costs.items() if t in chosen]
    jobs = [
        {
            "target": c["target"],
            "slots": c["threads"] if machine["slot"] == "core" else 1,
            "after": [p for p in graph.parents[c["target"]] if p in chosen],
        }
        for c in wanted
    ]
    walls = [
        cost.wall(
            [
                {**j, "seconds": c["seconds"][i] + c["start"]}
                for j, c in zip(jobs, wanted, strict=1)
            ],
            machine["slots"],
        )
        for i in range(3)
    ]
    return {**cost.total(wanted), "wall_seconds": walls}


def _not_counted(plan, asked: list[str], graph: _Graph) -> dict[str, int]:
    """Trainings that are planned nowhere because their data are missing, by what is missing."""
    wanted = graph.behind(asked)
    names = {
        name: state
        for job in plan.jobs
        if job.target in wanted
        for name, state in job.settings.get("states", {}).items()
        if state.startswith("missing-data:")
    }
    found: dict[str, int] = {}
    for name, state in names.items():
        why = state.partition(":")[2]
        found[why] = found.get(why, 0) + len(plan.builder.seeds(name))
    return found
