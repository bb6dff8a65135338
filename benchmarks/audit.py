"""What verifying many records costs: seconds of CPU and the most memory, for growing studies.

    python benchmarks/audit.py [--out benchmarks/results/audit-cpu.json]

Records are synthetic, as long as real ones (150 definitions each), three a run and one a table of
16 runs; every file is hashed, every record held against its parents, every number answered for.
Each size runs in a process of its own.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from posepaper import files
from posepaper.provenance import verify
from posepaper.provenance.fingerprint import digest
from posepaper.provenance.stores import Here

SIZES = (1250, 2500, 5000, 10000)
SELF = Path(__file__).resolve()
DEFINITIONS, RUNS_A_TABLE = 150, 16
LIMIT_BYTES = 500e6
MACHINE = {"host": "h", "cpu": "c", "gpus": [], "slurm_job": None, "python": "3", "lock": "0" * 32}


class Study:
    """Records of runs, each made from the one before it and all from one dataset."""

    def __init__(self):
        self.count, self.clock = 0, 0
        self.known: dict[str, tuple[dict, str]] = {}

    def make(self, path: str, rule: str, inputs: list[str], content: str) -> None:
        """One artefact with its record."""
        file, settings = Path(path), {"seed": 0, "experiment": path}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        code = {
            f"posepaper.{rule}:function_{n}": digest([rule, n])[:16] for n in range(DEFINITIONS)
        }
        covers = {
            "code": {"definitions": code, "packages": {"numpy": "2"}},
            "rule": "",
            "settings": digest(settings),
            "parents": {p: self.known[p][1] for p in inputs},
            "raw": {},
        }
        own = {"path": path, "md5": files.md5(file), "size": files.size(file)}
        self.clock += 1
        moment = (
            f"2026-01-01T{self.clock // 3600:02d}:{self.clock // 60 % 60:02d}:{self.clock % 60:02d}"
        )
        record = {
            "rule": rule, "target": path, "fingerprint": digest(covers), "covers": covers,
            "settings": settings, "seed": 0, "raw": {}, "outputs": {"it": own},
            "inputs": {p: self.known[p][0] for p in inputs}, "measured": {},
            "git": {"commit": None, "dirty": None}, "machine": MACHINE, "peak_memory_bytes": 0,
            "start": f"{moment}.000000+00:00", "end": f"{moment}.500000+00:00",
        }  # fmt: skip
        Path(f"{path}.record.json").write_text(files.dump_json(record), encoding="utf-8")
        self.known[path] = own, record["fingerprint"]
        self.count += 1


def generate(records: int) -> list[str]:
    """A study of so many records in the working folder; the addresses of its numbers."""
    study, numbers, table = Study(), [], 0
    base = "results/synthetic"
    study.make(f"{base}/data/poses.h5", "prepare", [], "poses")
    while study.count < records:
        table += 1
        rows, metrics = [], []
        for run in range(RUNS_A_TABLE):
            name, made = f"run{table}-{run}/seed0", f"{base}/data/poses.h5"
            for stage in ("checkpoints", "predictions", "metrics"):
                path = f"{base}/{stage}/{name}"
                study.make(path, stage, sorted({made, f"{base}/data/poses.h5"}), path)
                made = path
            source = {key: study.known[made][0][key] for key in ("path", "md5")}
            cell = {"value": 1.0, "status": "ok", "sources": [source]}
            rows.append({"id": f"r{run}", "cells": {"avg": cell}})
            metrics.append(made)
            numbers.append(f"lifting:table-{table}:r{run}:avg")
        content = json.dumps({"paper": "lifting", "table": table, "rows": rows})
        study.make(f"{base}/tables/lifting/table-{table}.json", "make_table", metrics, content)
    return numbers


def measured(records: int) -> dict:
    """{"records", "numbers", "seconds", "peak_bytes"} of one study, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        numbers = generate(records)
        # Making the records costs memory too: what counts is a process that only verifies.
        Path("numbers.json").write_text(json.dumps(numbers), encoding="utf-8")
        command = [sys.executable, str(SELF), "--verify", "numbers.json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return {"records": records, "numbers": len(numbers), **json.loads(done.stdout)}


def verified(numbers: list[str]) -> dict:
    """Verifies the study in the working folder."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    start = time.process_time()
    trial = verify.verify(Here(), "synthetic", numbers)
    wrong = [n for n in numbers if trial.answer(n)["verdict"] != "proven"]
    seconds = time.process_time() - start
    assert not wrong, wrong[:3]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": round(seconds, 3), "peak_bytes": peak, "bytes_before": before}


def main() -> None:
    """Measures every size and prints, or writes, what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out")
    parser.add_argument("--verify", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.verify:
        print(json.dumps(verified(files.read_json(given.verify))))
        return
    out = given.out and Path(given.out).resolve()
    found = [measured(size) for size in SIZES]
    for one in found:
        one["seconds_per_1000"] = round(1000 * one["seconds"] / one["records"], 3)
        print(json.dumps(one))
    assert max(one["peak_bytes"] for one in found) < LIMIT_BYTES
    if out:
        machine = {
            "cpu": platform.processor() or platform.machine(),
            "python": platform.python_version(),
        }
        load = round(os.getloadavg()[0], 1)
        files.write_json(out, {"machine": {**machine, "load": load}, "sizes": found})


if __name__ == "__main__":
    main()
