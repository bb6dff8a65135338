"""What SLURM's own queue says of the jobs that were submitted from this folder."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

# The comment last: it alone may hold a bar.
FORMAT = "%i|%T|%r|%N|%V|%S|%e|%Z|%k"
ACTIVE = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED")
WORDS = {
    "Resources": "for a node that has what it asks for",
    "Priority": "behind jobs of higher priority",
    "Dependency": "for another job of the queue",
    "BeginTime": "for its start time",
    "None": "for SLURM to look at it",
    "JobHeldUser": "held: scontrol release {id}",
    "JobHeldAdmin": "held by who runs the cluster",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition takes no jobs now",
    "PartitionTimeLimit": "asks for more time than its partition gives",
    "PartitionNodeLimit": "asks for more nodes than its partition gives",
    "NodeDown": "for a node that is down",
    "BadConstraints": "asks for what no node has",
    "ReqNodeNotAvail": "for nodes that are down, drained or reserved",
    "Reservation": "for its reservation",
    "InvalidAccount": "its account is wrong",
    "InvalidQOS": "its qos is wrong",
}
LIMITS = ("Assoc", "QOS", "MaxJobs", "MaxSubmit")


class Entry(NamedTuple):
    """A job of the queue; times in seconds since 1970, None where SLURM names none."""

    id: str
    state: str
    reason: str
    nodes: str
    submitted: int | None
    started: int | None
    ended: int | None
    comment: str

    @property
    def active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def why(self) -> str:
        """SLURM's reason in words; SLURM's own where we know none."""
        if self.reason.startswith(LIMITS):
            return f"for a limit of your account or qos ({self.reason})"
        return WORDS.get(self.reason.partition(",")[0], self.reason).format(id=self.id)


def read(folder: str | Path = ".") -> list[Entry] | None:
    """Jobs of this user from a folder, those that SLURM still remembers included.

    None where there is no SLURM, or it does not answer.
    """
    if shutil.which("squeue") is None:
        return None
    command = ("squeue", "-h", "-u", getpass.getuser(), "--states=all", "-o", FORMAT)
    environment = {**os.environ, "SLURM_TIME_FORMAT": "%s"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=10, env=environment
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    rows = (line.split("|", 8) for line in done.stdout.splitlines())
    here = str(Path(folder).resolve())
    return [
        Entry(*row[:4], *map(_seconds, row[4:7]), row[8])
        for row in rows
        if len(row) == 9 and os.path.realpath(row[7]) == here
    ]


def comment_of(rule: str, wildcards: dict[str, str], study: str) -> str:
    """How Snakemake's SLURM plugin names a job of ours in its comment."""
    return f"rule_{rule}_wildcards_" + "_".join([study, *wildcards.values()]).replace("/", "_")


def _seconds(text: str) -> int | None:
    return int(text) if text.isdigit() else None
