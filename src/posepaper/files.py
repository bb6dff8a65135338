"""Files written whole or not at all, and their md5 (DVC's hash)."""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from posepaper.errors import InputError

DAY = 86_400


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside ``path``, renamed to it when the block succeeds.

    The bytes are on disk before the rename; on any failure nothing is left behind but where the
    process is killed: see ``sweep``. The temporary name keeps the suffix, and may be made a folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".writing-{os.getpid()}@{platform.node()}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    try:
        part = folder / path.name
        yield part
        _sync(part)
        if part.is_dir() and path.exists():
            shutil.rmtree(path)
        os.replace(part, path)
        _sync(path.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(base: str | Path) -> list[Path]:
    """Removes what killed processes left half written below ``base``; returns the folders.

    A process of another machine counts as killed when it has written nothing for a day.
    """
    removed = []
    for folder in Path(base).rglob(".writing-*"):
        # A living process may finish meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if _abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed


def _abandoned(folder: Path) -> bool:
    writer = re.fullmatch(r"\.writing-(\d+)@(.+)-\w{8}", folder.name)
    if writer and writer[2] == platform.node():
        return not Path(f"/proc/{writer[1]}").exists()
    return max(p.stat().st_mtime for p in (folder, *folder.iterdir())) < time.time() - DAY


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def md5(path: str | Path) -> str:
    """Hex md5 of a file's bytes; of a folder, of its sorted relative names and file md5s."""
    path = Path(path)
    if path.is_dir():
        lines = [f"{p.relative_to(path)}\0{md5(p)}\n" for p in walk(path)]
        return hashlib.md5("".join(lines).encode(), usedforsecurity=False).hexdigest() + ".dir"
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def size(path: str | Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    path = Path(path)
    return sum(p.stat().st_size for p in walk(path)) if path.is_dir() else path.stat().st_size


def walk(folder: Path) -> list[Path]:
    """Every file below ``folder``, sorted, records and waivers left out."""
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return [p for p in found if not p.name.endswith((".record.json", ".waiver.json"))]


def dump_json(value) -> str:
    """JSON as this project writes it: sorted keys, indented, one newline at the end."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: str | Path, value) -> None:
    """Writes JSON atomically."""
    with atomic(path) as part:
        part.write_text(dump_json(value), encoding="utf-8")


def read_json(path: str | Path):
    """Reads JSON.

    Raises:
        InputError: the file is absent or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(path, "is not there", "Check the path") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not valid JSON ({error})", "Restore or rebuild it") from None
