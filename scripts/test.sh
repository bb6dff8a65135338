#!/usr/bin/env bash
# Every check: style, the workflow's own linters, and all tests but those on a SLURM, which take as
# long again and need root: make test-cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
# Signatures of bundles are made and checked by OpenSSH's own tool.
if ! command -v ssh-keygen >/dev/null; then
    as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
    { as_root apt-get update -q && as_root apt-get install -qy openssh-client; } >/dev/null || {
        echo "posepaper: the tests need ssh-keygen. Install the package openssh-client" >&2
        exit 1
    }
fi
$bin/ruff check .
$bin/ruff format --check .
$bin/snakefmt --check Snakefile workflow
$bin/snakemake --lint
$bin/python -m pytest -n 2 --dist loadgroup --ignore tests/cluster "$@"
