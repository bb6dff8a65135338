"""When the driver saw each job end, and when SLURM had ended it: the workflow's own time.

One JSON object a line in ``results/{study}/logs/driver.jsonl``: {"target", "seen"} and
{"slurm_job", "ended"}, seconds since 1970.
"""

import json
import logging
import threading
import time
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

from posepaper.errors import InputError
from posepaper.stages import slurm_queue

# SLURM is asked once for all jobs that one poll of the driver's saw end.
PATIENCE = 2.0


def path_of(base: str | Path) -> Path:
    """The diary of a study."""
    return Path(base) / "logs" / "driver.jsonl"


def read(base: str | Path) -> tuple[dict[str, float], dict[str, float]]:
    """(when a target was last seen to be made, when a SLURM job ended)."""
    path, seen, ended = path_of(base), {}, {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of a killed driver's
        if "target" in entry:
            seen[entry["target"]] = entry["seen"]
        else:
            ended[entry["slurm_job"]] = entry["ended"]
    return seen, ended


class Diary(logging.Handler):
    """Listens to what Snakemake logs of its jobs.

    Args:
        plan: the study's.
        submits: whether jobs go to SLURM.
    """

    def __init__(self, plan, *, submits: bool):
        super().__init__()
        self.plan, self.submits, self.targets = plan, submits, {}
        self.asked: set[str] = set()
        self.asking = False

    def emit(self, record: logging.LogRecord) -> None:
        """Notes a job's end."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            try:
                job = self.plan.find(record.rule_name, dict(record.wildcards or {}))
            except InputError:
                return  # `all` and other rules of no study
            self.targets[record.jobid] = job.target
        elif event == LogEvent.JOB_FINISHED and record.job_id in self.targets:
            self._write({"target": self.targets[record.job_id], "seen": time.time()})
            if self.submits and not self.asking:
                self.asking = True
                threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        time.sleep(PATIENCE)
        self.asking = False
        for entry in slurm_queue.read() or ():
            if entry.state == "COMPLETED" and entry.ended and entry.id not in self.asked:
                self.asked.add(entry.id)
                self._write({"slurm_job": entry.id, "ended": entry.ended})

    def _write(self, entry: dict) -> None:
        path = path_of(self.plan.base)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError:
            return  # a full disk is told of by what it stops
