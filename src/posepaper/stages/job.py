"""Running one job of the DAG: inputs checked, outputs written whole, a record beside each.

``python -m posepaper.stages.train results/mini/checkpoints/lift/ours-f81-cpn/seed0.safetensors``
makes that artefact; Snakemake runs the same command and adds the fingerprint it planned with.
"""

import argparse
import contextlib
import errno
import gc
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError, Interrupted, Refused, TrainingFailed
from posepaper.provenance import record, waivers
from posepaper.stages import dag, journal, plan, requeue

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Run:
    """What a stage function gets.

    Attributes:
        inputs: named artefacts made by other jobs; a list where the rule has many.
        raw: named files from outside the study.
        outputs: named paths to write to; renamed into place when the function returns.
        settings: the resolved settings, as planned.
        folder: undeclared scratch that outlives a failed job, named by the fingerprint.
        measured: what a function notes of its speed and memory; kept in the record only.
        covers: the definitions its fingerprint covers, "module:name"; None where there is none.
    """

    target: str
    inputs: dict
    raw: dict
    outputs: dict[str, Path]
    settings: dict
    folder: Path
    measured: dict[str, float] = field(default_factory=dict)
    covers: frozenset[str] | None = None

    def check_covers(self, model) -> None:
        """Holds what the fingerprint leaves out against a network as built.

        Raises:
            Refused: it has a class of this project that the fingerprint does not cover.
        """
        if self.covers is None:
            return
        kinds = {type(part) for part in model.modules()}
        names = {f"{k.__module__}:{k.__qualname__.partition('.')[0]}" for k in kinds}
        lacking = sorted(n for n in names if n.startswith("posepaper.") and n not in self.covers)
        if lacking:
            todo = "Correct stages/choices.py"
            raise Refused(f"{self.target}: {lacking[0]} is run but not in its fingerprint. {todo}")


def main(functions: dict[str, Callable[[Run], None]]) -> None:
    """Runs the job that makes the artefact given on the command line."""
    parser = argparse.ArgumentParser(description="Make one artefact of a study.")
    parser.add_argument("target", help="the artefact, e.g. results/mini/data/pose3d.h5")
    parser.add_argument("--fingerprint", help="what the job was planned with")
    given = parser.parse_args()
    # As an exception it leaves through every clean-up on the way; a training saves first.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _frame: sys.exit(128 + given))
    try:
        with journal.kept(given.target):
            run(functions, given.target, given.fingerprint)
    except Interrupted as stopped:
        _leave(str(stopped))
        sys.exit(128 + signal.SIGTERM)
    except SystemExit:
        requeue.again(saved=False)
        raise
    except (InputError, Refused, TrainingFailed) as error:
        # An output is known by the name it would have got.
        sys.exit("posepaper: " + re.sub(r"\.writing-[^/]+/", "", str(error)))
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        what = f"could not write {error.filename}" if error.filename else "could not be written"
        todo = "Free disk space and run again"
        sys.exit(f"posepaper: {given.target}: {what} ({error.strerror}). {todo}")
    finally:
        # At its end Python looks a last time for what can be freed: a second, where torch is there.
        gc.freeze()


def _leave(why: str) -> None:
    """A training's last words; of several processes none goes before the first has spoken.

    The end of one makes torchrun and srun end the others.
    """
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    if int(os.environ.get("RANK", 0)) == 0:
        print(f"posepaper: {why}", file=sys.stderr)
        requeue.again(saved=True)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        # Such a process has imported it long ago; stages without a network never do.
        import torch

        torch.distributed.barrier()


def run(functions: dict[str, Callable[[Run], None]], target: str, planned: str | None) -> None:
    """Makes ``target``; refuses where the code or a parent changed since it was planned.

    Of several processes that torchrun started for one job, the first writes.
    """
    start = record.now()
    stamp = plan.read_stamp(target)
    job = stamp["job"]
    _check(stamp, planned)
    outputs = {name: Path(path) for name, path in job["outputs"].items()}
    with contextlib.ExitStack() as stack:
        if int(os.environ.get("RANK", 0)):
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            parts = {name: scratch / path.name for name, path in outputs.items()}
            outputs = {}
        else:
            parts = {n: stack.enter_context(files.atomic(path)) for n, path in outputs.items()}
        made = Run(
            target=target,
            inputs=job["inputs"],
            raw=job["raw"],
            outputs=parts,
            settings=job["settings"],
            folder=run_folder(target, stamp["fingerprint"]),
            covers=frozenset(stamp["parts"]["code"]["definitions"]),
        )
        functions[job["rule"]](made)
        for name, amount in _device_memory().items():
            made.measured.setdefault(name, amount)
    if not outputs:
        return
    paths = [p for given in job["inputs"].values() for p in _listed(given)]
    facts = {
        "rule": job["rule"],
        "target": target,
        "fingerprint": stamp["fingerprint"],
        "covers": stamp["parts"],
        "settings": job["settings"],
        "seed": job["settings"].get("seed"),
        "inputs": {path: record.describe(path) for path in paths},
        "raw": {path: record.describe(path) for path in job["raw"].values()},
        "measured": made.measured,
    }
    record.write(outputs, facts, start)
    for path in outputs.values():
        waivers.remove(path)


def _device_memory() -> dict[str, int]:
    """The most memory this process had on its GPU and what the GPU has; nothing where none ran."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    return {"peak_device_bytes": torch.cuda.max_memory_allocated(), "device_bytes": total}


def run_folder(target: str, meaning: str) -> Path:
    """``results/{study}/runs/{experiment}/seed{k}/{fingerprint}`` of a checkpoint."""
    results, study, _, *rest = Path(target).with_suffix("").parts
    return Path(results, study, "runs", *rest, meaning[:16])


def _listed(given) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _check(stamp: dict, planned: str | None) -> None:
    job = stamp["job"]
    if planned not in (None, stamp["fingerprint"]):
        raise Refused(f"{job['target']}: its plan changed since. Run snakemake again")
    code, then = dag.code(job["rule"], job["settings"]), stamp["parts"]["code"]
    if code != then:
        old, new = ({**c["definitions"], **c["packages"]} for c in (then, code))
        changed = sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))
        names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" * (len(changed) > 3))
        raise Refused(
            f"{job['target']}: {names} changed since this job was planned. Run snakemake again"
        )
    for path, meaning in stamp["parts"]["parents"].items():
        made = record.read(path)
        if made is None or made["fingerprint"] != meaning:
            raise Refused(f"{path}: not what {job['target']} was planned with. Run snakemake again")
