"""Snakemake as a user starts it, in forks of one process that has imported it already.

A line of stdin, ``{"words": [...], "log": FILE}``, runs one; stdout gets its exit code. Of the
project's own code, which tests edit, this process imports nothing.
"""

import gc
import json
import os
import sys

# What Snakemake imports before it reads a Snakefile or while it does.
import numpy  # noqa: F401
import pydantic  # noqa: F401
import smart_open  # noqa: F401
import snakemake.cli


def become(words: list[str], log: str) -> None:
    """Makes this process Snakemake; stdout and stderr go to a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["snakemake", *words]
    sys.exit(snakemake.cli.main())


if __name__ == "__main__":
    snakemake.cli.get_argument_parser()
    # This folder's modules are no part of Snakemake's.
    sys.path[0] = os.path.dirname(sys.executable)
    gc.freeze()
    for line in sys.stdin:
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            become(**json.loads(line))
