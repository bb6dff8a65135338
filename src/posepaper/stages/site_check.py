"""``posepaper doctor --slurm``: a site's description held against the live cluster.

Nothing is submitted: partitions and nodes are read from ``scontrol`` and ``sinfo``, accounts from
``sacctmgr``, and what the study's jobs will ask for goes through ``sbatch --test-only``.
"""

import getpass
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from posepaper.config import nearest
from posepaper.config.cluster import GPU_TYPE, GpuQueue, Queue, Site
from posepaper.stages.cluster import LOCAL_RULES, Cluster, Request
from posepaper.stages.plan import Plan

UNUSABLE = ("down", "drain", "fail", "unk", "maint", "no_respond")
# Seconds that one of SLURM's programs may take.
PATIENCE = 60


class Silent(RuntimeError):
    """SLURM did not answer a question; the message is what was seen instead."""


class Finding(NamedTuple):
    """One thing that was checked; ``todo`` says what to do where it does not hold."""

    what: str
    holds: bool
    todo: str = ""

    def line(self) -> str:
        """As a reader sees it."""
        return f"{'ok    ' if self.holds else 'WRONG '} {self.what}" + (
            f". {self.todo}" if self.todo else ""
        )


class Node(NamedTuple):
    """A node of a partition: memory in MB, GPUs by type ('' where it has none)."""

    name: str
    memory: int
    gpus: dict[str, int]
    state: str
    cpus: int

    @property
    def usable(self) -> bool:
        """Whether it takes jobs, now or after those it runs."""
        return not self.state.lower().startswith(UNUSABLE) and not self.state.endswith("*")


def told(plan: Plan, profile: str = "slurm", as_json: bool = False) -> int:
    """Prints what :func:`examine` finds; 1 where something does not hold, else 0."""
    found = examine(Cluster(plan, profile))
    if as_json:
        print(json.dumps([finding._asdict() for finding in found], indent=1))
    for finding in found if not as_json else ():
        print(finding.line())
    return 0 if all(finding.holds for finding in found) else 1


def examine(cluster: Cluster) -> list[Finding]:
    """Everything that would keep the jobs of a plan from running; the first fault first known."""
    if shutil.which("sinfo") is None or shutil.which("sbatch") is None:
        todo = "Type this on a login node; without a cluster, leave --profile slurm out"
        return [Finding("there is no SLURM on this machine (no sinfo, no sbatch)", False, todo)]
    found: list[Finding] = []
    try:
        found.extend(_site(cluster.site))
        if all(finding.holds for finding in found):
            found.extend(_test(cluster, *shape) for shape in _shapes(cluster).items())
    except Silent as silent:
        todo = "Ask who runs the cluster whether slurmctld is up, and slurmdbd where it has one"
        found.append(Finding(f"SLURM does not answer ({silent})", False, todo))
    return found


def fields(line: str) -> dict[str, str]:
    """``scontrol -o``'s ``Key=value Key=value`` as a dict."""
    return dict(re.findall(r"(\S+?)=(\S*)", line))


def minutes(limit: str) -> float:
    """A time of SLURM's (``1-00:00:00``, ``30:00``, ``UNLIMITED``) in minutes."""
    if limit.upper() in ("UNLIMITED", "INFINITE", "NONE"):
        return float("inf")
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, mins, seconds = [0] * (3 - len(parts)) + parts
    return int(days or 0) * 1440 + hours * 60 + mins + seconds / 60


def gpus(gres: str) -> dict[str, int]:
    """``gpu:a100:4(S:0-1),gpu:2`` as GPUs by type; a type that has no name is ''."""
    found: dict[str, int] = {}
    # What brackets hold, sockets or indices, has commas and colons of its own.
    for resource in re.sub(r"\([^)]*\)", "", gres).split(","):
        name, *parts = resource.split(":")
        if name == "gpu":
            # By its place: a type may begin with a digit, as 2080ti and 1g.10gb.
            number = int(parts.pop()) if parts and parts[-1].isdigit() else 1
            kind = parts[0] if parts else ""
            found[kind] = found.get(kind, 0) + number
    return found


def _site(site: Site) -> Iterator[Finding]:
    shown = _asked("scontrol", "show", "partition", "-o")
    partitions = {p["PartitionName"]: p for p in map(fields, shown.splitlines()) if p}
    for key in ("cpu", "gpu"):
        yield from _queue(key, getattr(site, key), partitions)
    yield from _accounting(site)


def _queue(key: str, queue: Queue, partitions: dict) -> list[Finding]:
    name = queue.partition
    if name not in partitions:
        todo = f"Nearest: '{nearest(name, partitions)}'"
        return [Finding(f"{key}.partition: this cluster has no '{name}'", False, todo)]
    partition, nodes = partitions[name], _nodes(name)
    usable = [node for node in nodes if node.usable]
    found = []
    if partition["State"] != "UP":
        todo = "Wait, or name another one"
        found.append(Finding(f"partition {name} is {partition['State'].lower()}", False, todo))
    elif not usable:
        states = ", ".join(sorted({node.state for node in nodes})) or "no node"
        todo = "Wait, or ask who runs the cluster (sinfo -R)"
        found.append(Finding(f"partition {name}: no node takes jobs ({states})", False, todo))
    else:
        found.append(Finding(f"partition {name}: up, {len(usable)} of {len(nodes)} nodes", True))
    limit = minutes(partition["MaxTime"])
    if queue.max_minutes > limit:
        what = f"{key}.max_minutes: {queue.max_minutes}, but partition {name} ends jobs at "
        found.append(Finding(f"{what}{limit:.0f}", False, f"Write max_minutes: {limit:.0f}"))
    largest = max((node.memory for node in nodes), default=0)
    if queue.max_memory > largest:
        what = f"{key}.max_memory: {queue.max_memory}, but the largest node of {name} has "
        found.append(Finding(f"{what}{largest} MB", False, f"Write max_memory: {largest} or less"))
    if isinstance(queue, GpuQueue):
        found.append(_gpus(queue, nodes))
    return found


def _gpus(queue: GpuQueue, nodes: list[Node]) -> Finding:
    name, most = queue.partition, {}
    for node in nodes:
        for kind, number in node.gpus.items():
            most[kind] = max(most.get(kind, 0), number)
    if not most:
        return Finding(f"partition {name} has no GPU", False, "Name another one in gpu.partition")
    if queue.type is not None and queue.type not in most:
        kinds = sorted(kind for kind in most if re.fullmatch(GPU_TYPE, kind))
        todo = f"Nearest: '{nearest(queue.type, kinds)}'" if kinds else "Write type: null"
        return Finding(f"gpu.type: partition {name} has no '{queue.type}'", False, todo)
    there = most[queue.type] if queue.type else max(sum(node.gpus.values()) for node in nodes)
    shown = f"{queue.type or 'any'} GPU"
    if queue.per_node > there:
        what = f"gpu.per_node: {queue.per_node}, but a node of {name} has at most {there} ({shown})"
        return Finding(what, False, f"Write per_node: {there}")
    return Finding(f"partition {name}: {there} GPUs a node ({shown})", True)


def _nodes(partition: str) -> list[Node]:
    shown = _asked("sinfo", "-h", "-N", "-p", partition, "-o", "%N|%m|%G|%T|%c")
    rows = (line.split("|") for line in shown.splitlines())
    return [
        Node(name, int(memory.rstrip("+")), gpus(gres), state, int(cpus.rstrip("+")))
        for name, memory, gres, state, cpus in rows
    ]


def _accounting(site: Site) -> list[Finding]:
    shown = _asked("scontrol", "show", "config")
    accounted = re.search(r"^AccountingStorageType\s*=\s*(\S+)", shown, re.MULTILINE)
    if accounted is None or not accounted[1].endswith("slurmdbd"):
        if site.account is None:
            return []
        return [Finding(f"account: '{site.account}', but this cluster keeps no accounts", False,
                        "Write account: null")]  # fmt: skip
    found = []
    for key, given in (("account", site.account), ("qos", site.qos)):
        if given is None:
            continue
        query = ("format=" + key, f"user={getpass.getuser()}")
        shown = _asked("sacctmgr", "-n", "-P", "show", "assoc", *query)
        yours = sorted({name for line in shown.splitlines() for name in line.split(",") if name})
        if given not in yours:
            todo = f"Nearest: '{nearest(given, yours)}'" if yours else "Ask for one"
            found.append(Finding(f"{key}: you have no '{given}'", False, todo))
        else:
            found.append(Finding(f"{key} {given}: yours", True))
    return found


def _shapes(cluster: Cluster) -> dict[Request, list[str]]:
    """The different shares that the plan's jobs ask for, and who asks."""
    shapes: dict[Request, list[str]] = {}
    for job in cluster.plan.jobs:
        if job.rule not in LOCAL_RULES:
            name = job.settings.get("experiment", job.target)
            shapes.setdefault(cluster.request(job), []).append(f"{job.rule} {name}")
    return shapes


def _test(cluster: Cluster, request: Request, askers: list[str]) -> Finding:
    site, gres = cluster.site, cluster.gres(request.gpus)
    options = [f"--partition={request.partition}", f"--mem={request.memory}"]
    options += [f"--time={request.minutes}", f"--cpus-per-task={request.cpus}"]
    options += [f"--nodes={request.nodes}", f"--ntasks={request.nodes}"]
    options += [f"--gres={gres}"] if gres else []
    options += [f"--constraint={request.constraint}"] if request.constraint else []
    options += [f"--account={site.account}"] if site.account else []
    options += [f"--qos={site.qos}"] if site.qos else []
    options += cluster.options(askers[0].partition(" ")[0], request)
    done = _run("sbatch", "--test-only", *options, "--wrap=true")
    share = f"{request.nodes} node(s), {request.cpus} CPUs, {request.memory} MB, "
    share += f"{request.gpus} GPU(s), {request.minutes} min on {request.partition}"
    if done.returncode == 0:
        return Finding(f"{len(askers)} jobs may ask for {share}", True)
    todo = "Correct the site, or the study's needs"
    return Finding(f"{askers[0]}: SLURM refuses {share} ({_last(done)})", False, todo)


def _asked(*command: str) -> str:
    """What a command prints; Silent where it fails."""
    done = _run(*command)
    if done.returncode:
        raise Silent(_last(done))
    return done.stdout


def _run(*command: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Silent(f"{command[0]} took more than {PATIENCE} s") from None
    except FileNotFoundError:
        raise Silent(f"there is no {command[0]} on this machine") from None


def _last(done: subprocess.CompletedProcess) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1].strip() if lines else f"exit {done.returncode}"
