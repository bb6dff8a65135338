#!/usr/bin/env bash
# Every check: style, the workflow's own linters, and all tests but those on a SLURM, which take as
# long again and need root: make test-cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
installed() { # a package, and a command it brings
    command -v "$2" >/dev/null && return
    { as_root apt-get update -q && as_root apt-get install -qy "$1"; } >/dev/null || {
        echo "posepaper: the tests need $2. Install the package $1" >&2
        exit 1
    }
}
# Signatures of bundles are made and checked by OpenSSH's own tool; pages are opened in a browser.
installed openssh-client ssh-keygen
command -v google-chrome >/dev/null || installed chromium chromium
$bin/ruff check .
$bin/ruff format --check .
$bin/snakefmt --check Snakefile workflow
$bin/snakemake --lint
$bin/python -m pytest -n 2 --dist loadgroup --ignore tests/cluster "$@"
