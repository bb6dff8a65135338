"""How a stopped job goes back into SLURM's queue: under its own number, without using up a retry.

Whoever submitted it sees it wait and run again. SLURM itself does this only where it takes a node
away at once; not after a warning before the time limit, nor in the grace time of a pre-emption.
"""

import os
import re
import shutil
import subprocess
import sys

SECONDS = 30
# How the executor plugin marks the jobs that it submits.
COMMENT = "rule_"


def again(*, saved: bool) -> None:
    """Asks SLURM to run this process's job once more, where it should; one process a job does.

    Where there is no ``scontrol``, as inside a container, it says what that costs.

    Not where somebody cancelled it or its time is over, for then SLURM is ending it already, nor
    where this process runs in no job of its own: a Snakemake's own job is left alone.

    Args:
        saved: whether it keeps what it has done. What has nothing to keep would begin anew, and
            so goes back only where it was pre-empted.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or int(os.environ.get("RANK", 0)):
        return
    if shutil.which("scontrol") is None:
        # A container's image has none of SLURM's commands.
        what = "cannot be put back into the queue from here (no scontrol), and so uses up a retry"
        print(f"posepaper: SLURM job {job} {what}", file=sys.stderr)
        return
    shown = _scontrol("show", "job", "--oneliner", job)
    facts = dict(re.findall(r"(\w+)=(\S*)", shown.stdout))
    if facts.get("JobState") != "RUNNING" or not facts.get("Comment", "").startswith(COMMENT):
        return
    preempted = facts.get("PreemptTime", "None") not in ("None", "Unknown", "N/A")
    if not saved and not preempted:
        return
    done = _scontrol("requeue", job)
    if done.returncode == 0:
        print(f"posepaper: SLURM job {job} goes back into the queue", file=sys.stderr)
    else:
        reason = " ".join(done.stderr.split())
        print(f"posepaper: SLURM does not take the job back ({reason})", file=sys.stderr)


def _scontrol(*words: str) -> subprocess.CompletedProcess:
    command = ("scontrol", *words)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "no answer")
