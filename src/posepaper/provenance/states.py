"""The states that tracking has logged of a study: which bytes its results were, by whose code.

A state is one JSON object: ``commit``, ``dirty``, ``code`` (a digest of the code's files, that of
a commit or of what is not committed yet), ``at`` and ``pointers`` {path: md5}. It stands in
``results/{study}/stamps/history.jsonl`` and, so that deleting a study does not lose it, on a shelf
beside the objects it names: one file a state in ``posepaper/{study}/`` of DVC's cache and of a
remote.
"""

import functools
import hashlib
import json
import os
import subprocess
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import record


def git(*words: str, given: str | None = None) -> str | None:
    """What a git command prints, None where it fails."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False, input=given)
    return done.stdout if done.returncode == 0 else None


def log_of(base: Path) -> Path:
    """The log of a study's tracked states, one JSON line each."""
    return base / "stamps" / "history.jsonl"


def shelf(store: str | Path, study: str) -> str:
    """The folder of a study's states in a store of objects: DVC's cache, or a remote."""
    return f"{str(store).rstrip('/')}/posepaper/{study}"


def note(base: Path, pointers: dict[str, str]) -> None:
    """Logs what was tracked just now: {path: md5}."""
    today = record.git_state()
    if pointers and today["commit"]:
        code = code_here() if today["dirty"] else code_of(today["commit"])
        add(base, [{**today, "code": code, "at": record.now(), "pointers": pointers}])


def confirm(base: Path, pointers: dict[str, str]) -> None:
    """Logs the state that stands for today's commit where it was made before it was committed.

    Who runs, looks and then commits would else have no results at that commit.
    """
    known = [s for s in _lines(base) if s["pointers"] == pointers]
    today = record.git_state()
    if not known or not today["commit"] or today["dirty"]:
        return
    code = code_of(today["commit"])
    if not any(s.get("code") == code or clean_at(s, today["commit"]) for s in known):
        add(base, [{**known[-1], **today, "code": code, "at": record.now()}])


def add(base: Path, states: list[dict]) -> None:
    """Logs states, with the study and beside DVC's cache; removed ones are back then."""
    log, known = log_of(base), {name_of(s) for s in _lines(base)}
    fresh = [s for s in states if name_of(s) not in known]
    if fresh:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(s, sort_keys=True) + "\n" for s in fresh)
    if folder := cache_folder():
        for state in states:
            path = Path(shelf(folder, base.name), name_of(state))
            if not path.exists() or "removed" in files.read_json(path):
                files.write_json(path, state)


def name_of(state: dict) -> str:
    """The file name of a state on a shelf; what is told of it later does not change it."""
    text = json.dumps({k: state[k] for k in ("commit", "dirty", "at", "pointers")}, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".json"


def logged(base: Path) -> list[dict]:
    """Every state known here of a study, oldest first; ``removed`` where :func:`remove` was told.

    Raises:
        InputError: a log is not readable; the message names it.
    """
    found = {name_of(s): s for s in _lines(base)}
    folder = cache_folder()
    for path in sorted(Path(shelf(folder, base.name)).glob("*.json")) if folder else ():
        found.setdefault(path.name, {}).update(checked(files.read_json(path), path))
    return sorted(({"code": None, **s} for s in found.values()), key=lambda s: s["at"])


def studies() -> list[Path]:
    """The folders of every study of which a state is logged, or a pointer stands here."""
    found = {p.parent.parent for p in Path("results").glob("*/stamps/history.jsonl")}
    found |= {p.parent for p in Path("results").glob("*/*.dvc")}
    if folder := cache_folder():
        found |= {Path("results", p.name) for p in Path(shelf(folder, "")).glob("*")}
    return sorted(found)


def remove(base: Path, states: list[dict]) -> None:
    """Notes that the bytes of states are gone, so that nobody asks for them in vain."""
    names = {name_of(s) for s in states}
    kept = [s for s in _lines(base) if name_of(s) not in names]
    if log_of(base).exists():
        with files.atomic(log_of(base)) as part:
            lines = (json.dumps(s, sort_keys=True) + "\n" for s in kept)
            part.write_text("".join(lines), encoding="utf-8")
    if folder := cache_folder():
        for state in states:
            path = Path(shelf(folder, base.name), name_of(state))
            files.write_json(path, {**state, "removed": record.now()})


def state_at(base: Path, commit: str) -> dict | None:
    """The state that a commit's results are.

    It is the last one that the very code of the commit made, committed by then or not; else the
    last one of the nearest ancestor that has one. What other uncommitted code made belongs to no
    commit.
    """
    states = logged(base)
    code = code_of(commit) if any(s["code"] for s in states) else None
    own = [s for s in states if (code and s["code"] == code) or clean_at(s, commit)]
    if own:
        return own[-1]
    for ancestor in (git("rev-list", commit) or "").split() if states else ():
        if found := [s for s in states if clean_at(s, ancestor)]:
            return found[-1]
    return None


def clean_at(state: dict, commit: str) -> bool:
    """Whether a state was made by the committed code of that very commit."""
    return not state["dirty"] and state["commit"] == commit


@functools.cache
def code_of(commit: str) -> str:
    """A digest of the code's files as a commit has them."""
    listed = git("ls-tree", "-r", "-z", commit, "--", *record.TRACKED_CODE) or ""
    lines = [line.partition("\t") for line in listed.split("\0") if line]
    return _digest({p: head.split()[2] for head, _, p in lines if not head.startswith("120000")})


def code_here() -> str:
    """The same of the code's files in the working tree, those not in git yet included."""
    words = ("ls-files", "-co", "-z", "--exclude-standard", "--", *record.TRACKED_CODE)
    names = dict.fromkeys(n for n in (git(*words) or "").split("\0") if n)
    names = [n for n in names if os.path.isfile(n) and not os.path.islink(n)]
    hashes = (git("hash-object", "--stdin-paths", given="\n".join(names)) or "").split()
    return _digest(dict(zip(names, hashes, strict=True)))


def _digest(hashes: dict[str, str]) -> str:
    text = "".join(f"{name}\0{hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _cache_folder(here: str) -> Path | None:
    if not Path(here, ".dvc").is_dir():
        return None
    from dvc.repo import Repo

    with Repo(here) as repo:
        return Path(repo.cache.local_cache_dir)


def cache_folder() -> Path | None:
    """DVC's cache, None where the project is not under DVC."""
    return _cache_folder(os.getcwd())


def _lines(base: Path) -> list[dict]:
    file = log_of(base)
    if not file.exists():
        return []
    try:
        text = file.read_text(encoding="utf-8")
        return [checked(json.loads(line), file) for line in text.splitlines() if line.strip()]
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        what = f"is not readable ({error})"
        raise InputError(file, what, "Restore it, or delete the line that is broken") from None


def checked(state, file) -> dict:
    """A state as read from a file.

    Raises:
        InputError: it lacks what a state has.
    """
    kinds = {"commit": str, "dirty": bool, "at": str, "pointers": dict}
    whole = isinstance(state, dict) and all(isinstance(state.get(k), v) for k, v in kinds.items())
    if not whole:
        raise InputError(file, "holds no state of a study", "Restore it, or delete what is broken")
    return state
