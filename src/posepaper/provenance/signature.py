"""Signatures of bundles, by OpenSSH's own tool: ``ssh-keygen -Y``, namespace ``posepaper``.

A signature stands beside its file (``<file>.sig``); who may sign stands in a file of OpenSSH's form
``allowed_signers`` (``name key-type key``, see ssh-keygen(1)).
"""

import shutil
import subprocess
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError

NAMESPACE = "posepaper"
TOOL = "ssh-keygen"


def path_of(file: str | Path) -> Path:
    """Where a file's signature stands."""
    return Path(f"{file}.sig")


def sign(file: str | Path, key: str | Path) -> Path:
    """Signs a file with a private key, or by ssh-agent with the public key of one it holds.

    Raises:
        InputError: the tool, the file or the key is not there, or the key cannot sign.
    """
    for path, todo in ((file, "Write it: snakemake bundle"), (key, "Make one: ssh-keygen")):
        if not Path(path).is_file():
            raise InputError(path, "is not there", todo)
    done = _run(["sign", "-f", str(key), "-n", NAMESPACE], file)
    if done.returncode != 0 or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE"):
        raise InputError(key, "cannot sign", "Name a private key, or the public one of ssh-agent's")
    with files.atomic(path_of(file)) as part:
        part.write_bytes(done.stdout)
    return path_of(file)


def signer(file: str | Path, signers: str | Path) -> str | None:
    """Who of the allowed signers signed a file; None where nobody did, or the file changed since.

    Raises:
        InputError: the tool or the file of signers is not there.
    """
    if not Path(signers).is_file():
        raise InputError(signers, "is not there", "List who may sign: NAME KEY-TYPE KEY")
    if not path_of(file).is_file():
        return None
    known = ["-s", str(path_of(file)), "-f", str(signers)]
    found = _run(["find-principals", *known], file)
    for name in found.stdout.decode(errors="replace").splitlines() if not found.returncode else ():
        if _run(["verify", *known, "-I", name, "-n", NAMESPACE], file).returncode == 0:
            return name
    return None


def _run(words: list[str], file: str | Path) -> subprocess.CompletedProcess:
    if shutil.which(TOOL) is None:
        raise InputError(TOOL, "is not installed", "Install OpenSSH's client")
    with open(file, "rb") as stream:
        return subprocess.run([TOOL, "-Y", *words], stdin=stream, capture_output=True, check=False)
