"""Runs stage functions one by one in forked processes and notes which project functions ran.

``python driver.py JOBS RESULTS``, in a study's folder: JOBS is a JSON list of stamps' jobs. Nothing
of the plumbing takes part: no record, no progress, no arguments. RESULTS, one JSON file a job in
their order, say what ran ("module", "line" of its code) and where the outputs are.
"""

import gc
import importlib
import inspect
import json
import os
import sys
import threading
import traceback
from pathlib import Path

# What many jobs import takes long, and none of it is ours.
import cv2  # noqa: F401
import h5py  # noqa: F401
import lightning_fabric  # noqa: F401
import matplotlib.figure  # noqa: F401
import torch  # noqa: F401

from posepaper.provenance.fingerprint import is_plumbing

# What other processes run is not seen here.
ALONE = {"prepare_world": {"processes": 1}}
SOURCE = str(Path("src/posepaper").resolve())

COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")


def by_plumbing(frame) -> bool:
    """Whether plumbing stands behind a call: it describes files, and shapes none."""
    while frame:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("posepaper") and is_plumbing(name):
            return True
        frame = frame.f_back
    return False


class Silent:
    """In the place of a progress bar."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, *_, **__):
        pass

    skip = update


def run(job: dict, function: str, folder: Path) -> dict:
    """Runs a job's function; {"ran": [[file, first line]], "outputs": {name: path}}."""
    ran = set()

    def note(frame, event, _):
        if event != "call" or not frame.f_code.co_filename.startswith(SOURCE):
            return
        code = frame.f_code
        if code in ran:
            return
        # Modules, class bodies and what constants loop over run on import, whoever needs them.
        is_function = code.co_flags & inspect.CO_OPTIMIZED
        if is_function and code.co_qualname not in COMPREHENSIONS and not by_plumbing(frame):
            ran.add(code)

    threading.setprofile(note)
    sys.setprofile(note)
    from posepaper import progress
    from posepaper.stages.job import Run

    progress.Progress = Silent
    folder.mkdir(parents=True)
    outputs = {name: folder / "outputs" / Path(p).name for name, p in job["outputs"].items()}
    (folder / "outputs").mkdir()
    made = Run(
        target=job["target"],
        inputs=job["inputs"],
        raw=job["raw"],
        outputs=outputs,
        settings=job["settings"] | ALONE.get(job["rule"], {}),
        folder=folder / "run",
    )
    getattr(importlib.import_module(job["module"]), function)(made)
    sys.setprofile(None)
    threading.setprofile(None)
    ours = [(code.co_filename, code.co_firstlineno) for code in ran]
    return {"ran": ours, "outputs": {name: str(path) for name, path in outputs.items()}}


def main() -> None:
    """One process a job: what a job imports and remembers does not reach the next."""
    jobs, results = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    # What is imported by now is no garbage, and looking for some would copy it.
    gc.freeze()
    for number, (job, function) in enumerate(jobs):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        try:
            found = run(job, function, results / f"{number}")
        except BaseException:
            found = {"error": traceback.format_exc()}
        (results / f"{number}.json").write_text(json.dumps(found))
        os._exit(0)


if __name__ == "__main__":
    main()
