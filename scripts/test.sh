#!/usr/bin/env bash
# Every check: style, the workflow's own linters, and all tests but those on a SLURM, which take as
# long again and need root: make test-cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/snakefmt --check Snakefile workflow
$bin/snakemake --lint
$bin/python -m pytest -n 2 --dist loadgroup --ignore tests/cluster "$@"
