"""Results as they were: what DVC tracked of a study at each commit, read from DVC's cache.

Pointers come from git where they are committed, and from the states that tracking logs
(``states.py``), for those of generated studies are not in git.
"""

import json
from pathlib import Path

import yaml

from posepaper.errors import InputError
from posepaper.provenance.states import git, log_of, logged, state_at

__all__ = ["Past", "committed", "log_of"]


class Past:
    """A study's results as they stood at a commit.

    Args:
        base: ``results/{study}``.
        rev: anything git resolves to a commit; the last state tracked there or before counts.

    Raises:
        InputError: there is no such commit, or nothing was tracked by then.
    """

    def __init__(self, base: Path, rev: str):
        commit = _commit(rev)
        self._start(base, commit, committed(base, commit) or _logged(base, commit))

    def _start(self, base: Path, commit: str, pointers: dict[str, str]) -> None:
        self.base, self.commit, self.pointers = base, commit, pointers
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

    def holds(self, path: str) -> bool:
        """Whether a path lies in the study's results."""
        return Path(path).is_relative_to(self.base)

    def md5(self, path: str) -> str | None:
        """What DVC tracked at a path; None where nothing, or where its listing is not here."""
        folder, *rest = Path(path).relative_to(self.base).parts
        if not rest:
            return self.pointers.get(path)
        return self._tree(folder).get("/".join(rest)) if self.lists(path) else None

    def points(self, path: str) -> str | None:
        """The pointer to the folder a path lies in."""
        folder = Path(path).relative_to(self.base).parts[0]
        return self.pointers.get(str(self.base / folder))

    def lists(self, path: str) -> bool:
        """Whether DVC's cache has the listing of the folder a path lies in."""
        pointer = self.points(path)
        if not pointer or not pointer.endswith(".dir"):
            return bool(pointer)
        return self.cached(pointer) is not None

    def everything(self) -> list[str]:
        """Every tracked path whose listing is here."""
        found: list[str] = []
        for path, md5 in self.pointers.items():
            if not md5.endswith(".dir"):
                found.append(path)
            elif self.lists(f"{path}/any"):
                found += self.listed(Path(path).name)
        return sorted(found)

    def file(self, path: str) -> Path | None:
        """The cache's file with the bytes tracked at a path; None where it has none."""
        md5 = self.md5(path)
        return self.cached(md5) if md5 else None

    def cached(self, md5: str) -> Path | None:
        """The cache's file of that name; None where it has none."""
        path = self.object(md5)
        return path if path.exists() else None

    def fetch(self, md5: str, to: Path) -> bool:
        """Copies the bytes of that md5 from DVC's remote; False where none has them."""
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        with Repo(".") as repo:
            try:
                store = repo.cloud.get_remote_odb()
                store.fs.get_file(store.oid_to_path(md5), str(to))
            except (DvcException, OSError):
                return False
        return to.exists()

    def object(self, md5: str) -> Path:
        """Where DVC's cache keeps, or would keep, the bytes of that md5."""
        if self._cache is None:
            from dvc.repo import Repo

            with Repo(".") as repo:
                self._cache = repo.cache.local
        return Path(self._cache.oid_to_path(md5))

    def _load(self, md5: str, path: str):
        try:
            return json.loads(self.object(md5).read_text(encoding="utf-8"))
        except FileNotFoundError:
            what = f"as it was at {self.commit[:12]} is not in DVC's cache"
            raise InputError(path, what, "Get it with dvc fetch, or build that commit") from None


class Present(Past):
    """A study's results as DVC's pointers in the working tree have them.

    Args:
        base: ``results/{study}``.
    """

    def __init__(self, base: Path):
        self._start(base, "", pointers_here(base))


def pointers_here(base: Path) -> dict[str, str]:
    """md5 by tracked path, as the pointers in the working tree say; one that cannot be read says
    ''."""
    found = {}
    for pointer in sorted(base.glob("*.dvc")):
        try:
            out = yaml.safe_load(pointer.read_text(encoding="utf-8"))["outs"][0]
            found[str(base / out["path"])] = str(out["md5"])
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, IndexError, TypeError):
            found[str(pointer).removesuffix(".dvc")] = ""
    return found


def _commit(rev: str) -> str:
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
    if found is None:
        raise InputError(rev, "is no commit here", "See git log")
    return found.strip()


def committed(base: Path, commit: str) -> dict[str, str]:
    """{path: md5} of the pointers of a study that a commit holds.

    Raises:
        InputError: a pointer is no pointer.
    """
    names = (git("ls-tree", "-z", "--name-only", commit, f"{base}/") or "").split("\0")
    texts = {name: git("show", f"{commit}:{name}") for name in names if name.endswith(".dvc")}
    return {n.removesuffix(".dvc"): md5_in(text, n) for n, text in texts.items() if text}


def md5_in(pointer: str, name: str) -> str:
    """What the text of a ``.dvc`` file points at.

    Raises:
        InputError: it points at nothing.
    """
    try:
        return str(yaml.safe_load(pointer)["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        raise InputError(name, "is no DVC pointer", "Restore it, or add again with dvc") from None


def _logged(base: Path, commit: str) -> dict[str, str]:
    state = state_at(base, commit)
    if state and "removed" in state:
        day = state["removed"][:10]
        what = f"its results at {commit[:12]} were removed by posepaper gc on {day}"
        raise InputError(base, what, "Build that commit, or get them with posepaper pull --rev")
    if state:
        return state["pointers"]
    clean = [s["commit"][:12] for s in reversed(logged(base)) if not s["dirty"]]
    known = ", ".join(dict.fromkeys(clean)) or "none"
    what = f"no results were tracked at {commit[:12]} or before"
    raise InputError(base, what, f"Tracked commits: {known}. Build that commit first")
