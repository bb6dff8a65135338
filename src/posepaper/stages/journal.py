"""What a job is doing, kept beside its log while it runs, so that nobody need parse text.

``results/{study}/logs/.../seed0.json`` stands beside ``seed0.log`` while a job runs and after one
that failed; where it has ended well its record takes over. Nothing in it shapes a result.
"""

import contextlib
import functools
import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from posepaper import files, lease, progress
from posepaper.errors import Interrupted
from posepaper.provenance.record import now
from posepaper.stages.plan import stamp_path

BEAT = 3.0
RULES = Path("workflow/rules")
_RULE = re.compile(r"^rule (\w+):$", re.MULTILINE)
_LOG = re.compile(r'^    log:\n\s+"([^"]+)"', re.MULTILINE)


def log_of(job: dict) -> Path:
    """The log file that a job's rule names; ``job`` as in its stamp."""
    study = job["target"].split("/")[1]
    return Path(_patterns(str(RULES))[job["rule"]].format(study=study, **job["wildcards"]))


def path_of(job: dict) -> Path:
    """Where a job's journal stands."""
    return log_of(job).with_suffix(".json")


def read(job: dict) -> dict | None:
    """{"fingerprint", "state" ("running", "stopped" or "failed"), "host", "boot", "pid",
    "started", "job", "node", "gpus", "since", "progress", "error"} of a job that began and
    has not ended well; None where there is none."""
    try:
        return json.loads(path_of(job).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def kept(target: str) -> Iterator[None]:
    """Keeps the journal of an artefact's job while the block runs.

    Of several processes that torchrun started for one job, the first does.
    """
    stamp = Path(stamp_path(target))
    if int(os.environ.get("RANK", 0)) or not stamp.exists():
        yield
        return
    planned = files.read_json(stamp)
    path, ended = path_of(planned["job"]), threading.Event()
    facts = {"fingerprint": planned["fingerprint"], "state": "running", "since": now()}
    facts |= {**lease.me(), **_place(), "error": None}

    def beat() -> None:
        _write(path, facts)
        while not ended.wait(BEAT):
            _write(path, facts)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    except BaseException as error:
        facts |= _told(error)
        raise
    finally:
        ended.set()
        thread.join()
        if facts["state"] == "running":
            path.unlink(missing_ok=True)
        else:
            _write(path, facts)


def _place() -> dict:
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"node": os.environ.get("SLURMD_NODENAME"), "gpus": gpus.split(",") if gpus else []}


def _told(error: BaseException) -> dict:
    """How a job ended that did not end well: "stopped" goes on later, "failed" needs a hand."""
    told = {"ended": now(), "error": " ".join(str(error).split()) or type(error).__name__}
    if isinstance(error, Interrupted):
        return {"state": "stopped", **told}
    if isinstance(error, SystemExit | KeyboardInterrupt):
        # By job.main's handler of signals: 128 and the signal's number.
        return {"state": "stopped", **told, "error": "was told to stop"}
    return {"state": "failed", **told}


def _write(path: Path, facts: dict) -> None:
    """Whole or not at all, but not forced to the disk: it matters to who reads now only."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(files.dump_json({**facts, "progress": progress.now()}), encoding="utf-8")
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@functools.cache
def _patterns(folder: str) -> dict[str, str]:
    found = {}
    for file in sorted(Path(folder).glob("*.smk")):
        _, *parts = _RULE.split(file.read_text(encoding="utf-8"))
        for rule, text in zip(parts[::2], parts[1::2], strict=True):
            log = _LOG.search(text)
            if log:
                found[rule] = log[1]
    return found
