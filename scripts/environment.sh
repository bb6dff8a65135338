#!/usr/bin/env bash
# Makes .venv from envs/lock.txt, once; does nothing when it stands and the lock is unchanged.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
stamp=.venv/.made-from
wanted=$(cat pyproject.toml envs/lock.txt | md5sum | cut -c1-32)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "posepaper: $python is not Python 3.11 or later. Install it, or say: make PYTHON=/path/to/python3.11 paper" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "posepaper: this Python cannot make environments; installing Debian's python3-venv" >&2
    { as_root apt-get update -q && as_root apt-get install -qy python3-venv; } >&2 || {
        echo "posepaper: could not. Install the package python3-venv and run again" >&2
        exit 1
    }
fi
echo "posepaper: making .venv from envs/lock.txt (about 2 minutes, 1.6 GB)" >&2
rm -rf .venv
"$python" -m venv .venv
index=()
[ -n "${TORCH_INDEX:-}" ] && index=(--extra-index-url "$TORCH_INDEX")
.venv/bin/python -m pip install --quiet --disable-pip-version-check "${index[@]}" \
    --constraint envs/lock.txt --editable '.[test]'
echo "$wanted" >"$stamp"
