"""What a rehearsed job will take at full length, held against what it will be granted."""

import math

from posepaper.config.cluster import site_file
from posepaper.provenance import cost
from posepaper.stages import work
from posepaper.stages.cluster import LOCAL_RULES, Cluster
from posepaper.stages.cost import Networks, machine_of
from posepaper.stages.dag import Job
from posepaper.stages.plan import Plan
from posepaper.stages.rehearsal import counterpart

MB = 10**6
# What is asked for beyond what was measured, and what is far too much; memory in whole GB.
MARGIN, TOO_MUCH = 1.25, 4.0
STEP = {"memory": 1000, "minutes": 1, "epoch_minutes": 0.1}


class Fit:
    """Judges the jobs of a study by their rehearsal.

    Args:
        full: the whole study, as if all its data were there.
        profile: the profile it will run with.

    Raises:
        InputError: there is no such profile, or its site is described wrongly.
    """

    def __init__(self, full: Plan, profile: str):
        self.full, self.machine = full, machine_of(profile)
        self.submits = site_file(profile).exists()
        self.cluster = Cluster(full, profile if self.submits else None)
        stated = {role: dataset.samples for role, dataset in full.study.datasets.items()}
        self.counts, self.networks = work.Counts(full.base, stated), Networks(full.jobs)
        # (key of needs, setting) -> [(value needed, value now, target)]
        self.needed: dict[tuple[str, str], list[tuple[float, float | None, str]]] = {}
        self.judged: set[tuple] = set()

    def of(self, job: Job, made: dict, measured: dict) -> dict:
        """One job of the study.

        Args:
            made: the record of its rehearsal.
            measured: what :func:`posepaper.stages.work.measurements` says of that.

        Returns:
            As measured: "device", "machine", "batch", "samples_per_second", "step_seconds",
            "processes", and in bytes "memory", "worker_memory", "device_memory", "device_has".
            At full length, None where the rehearsal does not tell: "whole" with "seconds",
            "memory" of a process and "device_memory". "granted" with "seconds" and "memory".
            "misfits": what exceeds it; "notes": what could not be told, and why.
        """
        row = _measured(job, made, measured)
        need = work.need(
            *(job.target, job.rule, job.settings, job.input_paths(), self.counts),
            self.networks.of,
        )
        need |= {"device": measured["device"], "threads": measured["threads"]}
        guess = cost.estimate(need, None, {}, {}, measured)
        known, devices = guess["basis"] == cost.REHEARSED, _devices(job)
        more = max(0.0, need["held"] - measured["held"])
        row["whole"] = {
            "seconds": guess["seconds"][1] * row["processes"] / math.prod(devices)
            if known
            else None,
            "memory": guess["memory"][1] if known else row["memory"],
            "device_memory": row["device_memory"] and row["device_memory"] + more,
        }
        ask = self.cluster.request(job)
        row["granted"] = {
            "seconds": 60.0 * ask.minutes if self.submits else None,
            "memory": ask.memory * MB / devices[0],
        }
        row["notes"] = self._doubts(job, row)
        row["misfits"] = [] if row["notes"] else _misfits(row)
        if not row["notes"]:
            row["notes"] = self._workers(job, row)
            self._note_needs(job, row, known)
        return row

    def _doubts(self, job: Job, row: dict) -> list[str]:
        """Why a job cannot be judged; nothing where it can."""
        name, meant = job.settings.get("experiment") or job.target, "cpu"
        if job.rule in self.machine["gpu_rules"]:
            meant = "gpu"
        if row["device"] != meant:
            what = f"rehearsed on a {row['device'].upper()} and will run on a {meant.upper()}"
            return [f"networks were {what}: their time and memory are not judged"]
        if row["batch"] and not row["samples_per_second"]:
            return [f"{name}: fewer samples than two batches, so neither speed nor memory is told"]
        if row["processes"] != math.prod(_devices(job)):
            return [f"{name} ran in {row['processes']} processes, will in "
                    f"{math.prod(_devices(job))}: its memory is not judged"]  # fmt: skip
        return []

    def _workers(self, job: Job, row: dict) -> list[str]:
        """That worker processes may not fit too: what they share is counted for each."""
        more, granted = self.cluster.need(job).workers * row["worker_memory"], row["granted"]
        if row["misfits"] or row["whole"]["memory"] + more <= granted["memory"]:
            return []
        name = job.settings.get("experiment") or job.target
        return [f"{name}: its workers may take up to {shown(more)} beside its own "
                f"{shown(row['whole']['memory'])}, of {shown(granted['memory'])}"]  # fmt: skip

    def _note_needs(self, job: Job, row: dict, known: bool) -> None:
        """Keeps what the study's ``needs`` would have to say for a job."""
        if job.rule in LOCAL_RULES:
            return
        need, training = self.cluster.need(job), job.settings.get("training") or {}
        found = {"memory": (row["whole"]["memory"] / MB, need.memory)}
        if row["whole"]["seconds"] and self.submits:
            minutes, epochs = row["whole"]["seconds"] / 60, training.get("epochs")
            if epochs:
                share = math.prod(_devices(job)) / epochs
                wanted = max(0.0, minutes - need.minutes) * share
                found["epoch_minutes"] = (wanted, need.epoch_minutes)
            else:
                found["minutes"] = (minutes, need.minutes)
        if known:
            self.judged.add(counterpart(job))
        for name, (wanted, now) in found.items():
            place = (self._owner(job, name), name)
            self.needed.setdefault(place, []).append((wanted, now, job.target))

    def _owner(self, job: Job, name: str) -> str:
        """The key of ``needs`` that decides a job's value; its rule where none does."""
        keys = (job.rule.partition("_")[0], job.rule, job.settings.get("model", {}).get("name"))
        said = [key for key in keys if self._said(key, name)]
        return said[-1] if said else job.rule

    def _speaks(self, key: str, name: str, job: Job) -> bool:
        """Whether a value of ``needs`` decides anything of a job."""
        trains = bool(job.settings.get("training"))
        counts = trains if name == "epoch_minutes" else job.rule not in LOCAL_RULES
        return counts and self._owner(job, name) == key

    def _said(self, key: str | None, name: str) -> bool:
        """Whether the study's ``needs`` set a value."""
        needs = self.full.study.needs
        return key in needs and getattr(needs[key], name) is not None

    def corrections(self) -> list[dict]:
        """What to correct in the study's ``needs``: "key", "now", "wanted", "because" (a target).

        Too small for a job, or many times too large for all: the latter only where every job
        that the key speaks for was judged.
        """
        found = []
        for (key, name), jobs in sorted(self.needed.items()):
            most, now, target = max(jobs)
            wanted = round(math.ceil(most * MARGIN / STEP[name]) * STEP[name], 1)
            spoken = {counterpart(j) for j in self.full.jobs if self._speaks(key, name, j)}
            wanted = max(wanted, STEP[name])
            too_much = now > TOO_MUCH * wanted and spoken <= self.judged and self._said(key, name)
            if most > now or too_much:
                found.append(
                    {"key": f"{key}.{name}", "now": now, "wanted": wanted, "because": target}
                )
        return found


def _devices(job: Job) -> tuple[int, int]:
    """Devices of a node, and nodes, of a job."""
    training = job.settings.get("training") or {}
    return training.get("devices", 1), training.get("nodes", 1)


def _measured(job: Job, made: dict, measured: dict) -> dict:
    training, speed = job.settings.get("training"), made["measured"]
    names = ("samples_per_second", "images_per_second", "frames_per_second")
    rate = next((speed[name] for name in names if speed.get(name)), None)
    return {
        "device": measured["device"],
        "machine": ", ".join(made["machine"]["gpus"]) or made["machine"]["cpu"],
        "batch": training and training["batch"],
        "samples_per_second": rate,
        "step_seconds": training["batch"] / rate if training and rate else None,
        "processes": speed.get("processes", 1),
        "memory": made["peak_memory_bytes"],
        "worker_memory": made.get("peak_worker_bytes", 0),
        "device_memory": speed.get("peak_device_bytes"),
        "device_has": speed.get("device_bytes"),
    }


def _misfits(row: dict) -> list[str]:
    """What a job takes that it will not be granted."""
    whole, granted, found = row["whole"], row["granted"], []
    if whole["seconds"] and granted["seconds"] and whole["seconds"] > granted["seconds"]:
        took, given = (
            f"{seconds / 3600:.1f} h" for seconds in (whole["seconds"], granted["seconds"])
        )
        found.append(f"takes about {took}, is granted {given}")
    pairs = [("memory", whole["memory"], granted["memory"], "is granted")]
    pairs.append(("device memory", whole["device_memory"], row["device_has"], "there are"))
    for what, taken, there, words in pairs:
        if taken and there and taken > there:
            found.append(f"takes {shown(taken)} of {what}, {words} {shown(there)}")
    return found


def shown(size: float) -> str:
    """Bytes in GB."""
    return f"{size / 1e9:.1f} GB"
