"""Which objects of a DVC store any commit here needs, and which none does.

DVC's own ``gc --all-tags`` knows pointers that are committed. Those of generated studies are
git-ignored and stand in the logged states only, and this repository's DVC runs without git: it
would keep the working tree's objects and delete every tag's. So what is needed is told here, and
DVC's function is handed the list.
"""

import functools
from collections.abc import Iterable
from pathlib import Path

from posepaper.errors import InputError
from posepaper.provenance import states
from posepaper.provenance.history import md5_in
from posepaper.provenance.states import git


def refs(without: Iterable[str] = ()) -> dict[str, str]:
    """{commit: its name} of every tag, branch (remote ones too), stash, worktree and of HEAD.

    Args:
        without: tags and branches that are left out.

    Raises:
        InputError: git's history cannot be read here, or only its newest part is; or there is no
            such tag or branch to leave out.
    """
    head, shallow = git("rev-parse", "HEAD"), git("rev-parse", "--is-shallow-repository")
    if head is None or shallow is None:
        raise InputError(Path.cwd(), "git's history cannot be read here", "Run this in the clone")
    if shallow.strip() == "true":
        what = "is a shallow clone: older tags and commits cannot be read"
        raise InputError(Path.cwd(), what, "Type: git fetch --unshallow --tags")
    found = {head.strip(): "HEAD"}
    trees = (git("worktree", "list", "--porcelain") or "").splitlines()
    found |= {line.split()[1]: "a worktree" for line in trees if line.startswith("HEAD ")}
    listed = git("for-each-ref", "--format=%(refname:short)%00%(objectname)%00%(*objectname)")
    if listed is None:
        raise InputError(Path.cwd(), "git's references cannot be read", "Type: git fsck")
    lines = [line.split("\0") for line in listed.splitlines()]
    for name in without:
        if name not in [line[0] for line in lines]:
            raise InputError(name, "is no tag and no branch here", "See git for-each-ref")
    for name, own, peeled in (line for line in lines if line[0] not in without):
        commit = git("rev-parse", "--verify", "--quiet", f"{peeled or own}^{{commit}}")
        if commit:
            found[commit.strip()] = name
    return {commit: name for commit, name in found.items() if commit.strip("0")}


def needed(
    also: dict[Path, list[dict]] | None = None, without: Iterable[str] = ()
) -> dict[str, str]:
    """{md5 of a pointer: for what it is needed}, of pointers here, committed or logged.

    Args:
        also: states that are logged elsewhere, by study.
        without: tags and branches whose results may be lost.

    Raises:
        InputError: a pointer, a log or git's history cannot be read.
    """
    named = refs(without)
    found = dict.fromkeys(_pointers_here().values(), "the working tree")
    for commit, name in named.items():
        found |= {md5: name for md5 in _committed(commit).values() if md5 not in found}
    also = also or {}
    for base in sorted({*states.studies(), *also}):
        for state, why in kept(base, named, also.get(base, ())):
            found |= {md5: why for md5 in state["pointers"].values() if md5 not in found}
    return found


def kept(base: Path, named: dict[str, str], also: Iterable[dict] = ()) -> list[tuple[dict, str]]:
    """The states of a study that a named commit needs, each with the name, and the last one.

    A commit needs every state its own code made. Where it has none it needs the last one of the
    nearest ancestor that has any, made by committed code and by any: results are often made
    first and committed then. A state of a commit that is not in this repository stays too, for
    another clone may share the store.
    """
    here = [s for s in states.logged(base) if "removed" not in s]
    found = {states.name_of(s): (s, "the working tree") for s in here[-1:]}
    alive = list({states.name_of(s): {"code": None, **s} for s in [*also, *here]}.values())
    alive.sort(key=lambda s: s["at"])

    def keep(some: Iterable[dict], why: str) -> None:
        for state in some:
            found.setdefault(states.name_of(state), (state, why))

    for commit, name in named.items():
        code = states.code_of(commit) if alive else None
        own = [s for s in alive if s["code"] == code or states.clean_at(s, commit)]
        keep(own, name)
        if not own:
            keep(_nearest(alive, commit), name)
    keep((s for s in alive if not _known(s["commit"])), "a commit that is not in this repository")
    return list(found.values())


def _nearest(alive: list[dict], commit: str) -> list[dict]:
    """The last state of the nearest ancestor that has any, and of the nearest with a clean one."""
    at: dict[str, list[dict]] = {}
    for state in alive:
        at.setdefault(state["commit"], []).append(state)
    # What uncommitted code made at the commit itself came after it.
    line = [c for c in (git("rev-list", commit) or "").split()[1:] if c in at] if at else []
    clean = [s for c in line for s in reversed(at[c]) if not s["dirty"]]
    return [*(at[c][-1] for c in line[:1]), *clean[:1]]


@functools.cache
def _known(commit: str) -> bool:
    return git("cat-file", "-e", f"{commit}^{{commit}}") is not None


def _pointers_here() -> dict[str, str]:
    paths = [*Path("results").glob("*/*.dvc"), *Path("data").glob("*.dvc")]
    return {str(p): md5_in(p.read_text(encoding="utf-8"), str(p)) for p in sorted(paths)}


def _committed(commit: str) -> dict[str, str]:
    listed = git("ls-tree", "-r", "-z", commit)
    if listed is None:
        raise InputError(commit, "cannot be read from git", "Type: git fsck")
    lines = [line.partition("\t") for line in listed.split("\0") if line]
    blobs = {path: head.split()[2] for head, _, path in lines if path.endswith(".dvc")}
    return {path: _md5_of(blob, f"{commit[:12]}:{path}") for path, blob in blobs.items()}


@functools.cache
def _md5_of(blob: str, name: str) -> str:
    return md5_in(git("cat-file", "blob", blob) or "", name)


class Objects:
    """The objects of one store: DVC's cache, or a remote.

    Args:
        odb: DVC's object database of it.
        others: where listings of folders are looked for that it lacks.
    """

    def __init__(self, odb, others: Iterable = ()):
        self.odb, self.listings = odb, [odb, *others]

    def with_contents(self, pointers: dict[str, str]) -> set[str]:
        """These md5s and, of folders, those of every file in them.

        Args:
            pointers: {md5: for what it is needed}.

        Raises:
            InputError: a folder's listing is nowhere, so that what it needs cannot be told.
        """
        folders = {md5: why for md5, why in pointers.items() if md5.endswith(".dir")}
        return {*pointers, *(m for md5, why in folders.items() for m in self._listed(md5, why))}

    def out(self, md5: str) -> dict:
        """What ``dvc add`` writes of an object that is here: md5, size, files of a folder."""
        listed = self._listed(md5, "the pointer") if md5.endswith(".dir") else [md5]
        sizes = [self.odb.fs.size(self.odb.oid_to_path(one)) for one in listed]
        count = {"nfiles": len(sizes)} if md5.endswith(".dir") else {}
        return {"md5": md5, "size": sum(sizes), **count, "hash": "md5"}

    def _listed(self, md5: str, why: str) -> list[str]:
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.tree import ObjectFormatError, Tree

        for odb in self.listings:
            try:
                tree = Tree.load(odb, HashInfo("md5", md5))
                return [entry.value for _, (_, entry) in tree.iteritems()]
            except (FileNotFoundError, ObjectFormatError):
                continue
        what = f"listing {md5}, which {why} needs, is neither here nor on the remote"
        todo = "Get it with posepaper pull --rev or dvc fetch, or give that up: gc --without"
        raise InputError("DVC's store", what, todo)

    def all_but(self, keep: set[str]) -> dict[str, int]:
        """Bytes of every object that is not among ``keep``, by md5."""
        if not self.odb.fs.exists(self.odb.path):
            return {}
        found = sorted(md5 for md5 in self.odb.all() if md5 not in keep)
        return {md5: self.odb.fs.size(self.odb.oid_to_path(md5)) for md5 in found}

    def delete_all_but(self, keep: set[str]) -> None:
        """Deletes every object that is not among ``keep``, folders' listings first."""
        from dvc_data.hashfile.db import get_index
        from dvc_data.hashfile.gc import gc
        from dvc_data.hashfile.hash_info import HashInfo

        gc(self.odb, {HashInfo("md5", md5) for md5 in keep})
        get_index(self.odb).clear()
