"""Results as they were: what DVC tracked of a study at each commit, read from DVC's cache.

Pointers come from git where they are committed, and from the log that tracking leaves in
``results/{study}/stamps/history.jsonl``, for those of generated studies are not in git.
"""

import json
import subprocess
from pathlib import Path

import yaml

from posepaper.errors import InputError
from posepaper.provenance import record


def log_of(base: Path) -> Path:
    """The log of a study's tracked states, one JSON line each."""
    return base / "stamps" / "history.jsonl"


def note(base: Path, pointers: dict[str, str]) -> None:
    """Adds what was tracked just now: {path: md5} at the present commit."""
    git = record.git_state()
    if not pointers or not git["commit"]:
        return
    entry = {**git, "at": record.now(), "pointers": pointers}
    log_of(base).parent.mkdir(parents=True, exist_ok=True)
    with open(log_of(base), "a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry, sort_keys=True) + "\n")


class Past:
    """A study's results as they stood at a commit.

    Args:
        base: ``results/{study}``.
        rev: anything git resolves to a commit; the last state tracked there or before counts.

    Raises:
        InputError: there is no such commit, or nothing was tracked by then.
    """

    def __init__(self, base: Path, rev: str):
        self.base, self.commit = base, _commit(rev)
        self.pointers = _committed(base, self.commit) or _logged(base, self.commit)
        self._objects: dict[str, dict[str, str]] = {}
        self._cache = None

    def read(self, path: str) -> dict | None:
        """The JSON file that stood at a path, or None where there was none.

        Raises:
            InputError: DVC's cache does not hold it.
        """
        folder, *rest = Path(path).relative_to(self.base).parts
        pointer = self.pointers.get(str(self.base / folder))
        if pointer is None:
            return None
        if not rest:
            return self._load(pointer, path)
        md5 = self._tree(folder).get("/".join(rest))
        return self._load(md5, path) if md5 else None

    def listed(self, folder: str) -> list[str]:
        """The paths below a folder of the study."""
        return [str(self.base / folder / name) for name in sorted(self._tree(folder))]

    def _tree(self, folder: str) -> dict[str, str]:
        """md5 by relative path."""
        if folder not in self._objects:
            path = str(self.base / folder)
            pointer = self.pointers.get(path)
            listed = self._load(pointer, path) if pointer else []
            self._objects[folder] = {entry["relpath"]: entry["md5"] for entry in listed}
        return self._objects[folder]

    def _load(self, md5: str, path: str):
        if self._cache is None:
            from dvc.repo import Repo

            with Repo(".") as repo:
                self._cache = repo.cache.local
        try:
            return json.loads(Path(self._cache.oid_to_path(md5)).read_text(encoding="utf-8"))
        except FileNotFoundError:
            what = f"as it was at {self.commit[:12]} is not in DVC's cache"
            raise InputError(path, what, "Get it with dvc fetch, or build that commit") from None


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _commit(rev: str) -> str:
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    if found is None:
        raise InputError(rev, "is no commit here", "See git log")
    return found.strip()


def _committed(base: Path, commit: str) -> dict[str, str]:
    names = (_git("ls-tree", "--name-only", commit, f"{base}/") or "").split()
    texts = {name: _git("show", f"{commit}:{name}") for name in names if name.endswith(".dvc")}
    outs = {n: yaml.safe_load(text)["outs"][0] for n, text in texts.items() if text}
    return {name.removesuffix(".dvc"): out["md5"] for name, out in outs.items()}


def _logged(base: Path, commit: str) -> dict[str, str]:
    file = log_of(base)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    # What uncommitted code made belongs to no commit.
    entries = [entry for line in lines if not (entry := json.loads(line))["dirty"]]
    for entry in reversed(entries):
        if _git("merge-base", "--is-ancestor", entry["commit"], commit) is not None:
            return entry["pointers"]
    known = ", ".join(dict.fromkeys(e["commit"][:12] for e in reversed(entries))) or "none"
    what = f"no results were tracked at {commit[:12]} or before"
    raise InputError(base, what, f"Tracked commits: {known}. Build that commit first")
