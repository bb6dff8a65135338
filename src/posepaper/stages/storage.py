"""Results to a DVC remote, back from one, and what no commit needs any more out of a store.

A remote is a folder or a bucket, as ``dvc remote add`` knows it. Beside the objects stand the
states they belong to (``provenance/states.py``), so that a fresh clone, whose git has no pointers
of a generated study, finds them.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from posepaper import files
from posepaper.errors import InputError
from posepaper.provenance import objects, states
from posepaper.provenance.history import Past, md5_in
from posepaper.stages import driver, track


@contextlib.contextmanager
def _dvc() -> Iterator:
    """The repository as DVC has it; what DVC cannot do is a user's mistake, told in one line."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_objects.fs.errors import AuthError, ConfigError

    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    logging.getLogger("dvc").setLevel(logging.ERROR)
    try:
        with Repo(".") as repo:
            yield repo
    except (DvcException, AuthError, ConfigError, OSError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise InputError("dvc", words, "See dvc remote list, docs/reproducing.md") from None


def push(study: str, remote: str = "") -> dict:
    """Sends what is tracked of a study, now and at every tag and branch, and its states.

    Returns:
        {"study", "remote", "sent": objects, "states", "absent": states whose bytes are not here}.

    Raises:
        InputError: nothing is tracked, or the remote cannot be written.
    """
    base = Path("results", study)
    with _dvc() as repo:
        place = repo.cloud.get_remote(remote or None, "push")
        wanted = [state for state, _ in objects.kept(base, objects.refs())]
        pointers = [state["pointers"] for state in wanted] or [_here(base)]
        if not any(pointers):
            raise InputError(base, "has nothing tracked", "Run: snakemake all")
        cache, md5s, absent = objects.Objects(repo.cache.local), set(), []
        for state, some in zip(wanted or [{"commit": "the working tree"}], pointers, strict=True):
            try:
                contents = cache.with_contents(dict.fromkeys(some.values(), state["commit"]))
            except InputError:
                absent.append(state["commit"])
                continue
            md5s |= contents
        sent = _transferred(repo.cloud.push, md5s, place.name)
        for state in wanted:
            if state["commit"] not in absent:
                _shelve(place, study, state)
    return {"study": study, "remote": place.name, "sent": sent, "states": len(wanted) - len(absent),
            "absent": absent}  # fmt: skip


def pull(study: str, remote: str = "", rev: str = "") -> dict:
    """Brings a study's results of today's commit here; of another commit into DVC's cache only.

    Args:
        rev: whose results to fetch so that audit and diff can read them, the working tree left
            as it is.

    Returns:
        {"study", "remote", "fetched": objects, "pointers": [path]}.

    Raises:
        InputError: the remote has none of that commit, or files here would be lost.
    """
    base = Path("results", study)
    with _dvc() as repo:
        place = repo.cloud.get_remote(remote or None, "pull")
        states.add(base, _states_on(place, study))
        given = {} if rev else _here(base)
        pointers = given or Past(base, rev or "HEAD").pointers
        listings = {md5 for md5 in pointers.values() if md5.endswith(".dir")}
        fetched = _transferred(repo.cloud.pull, listings, place.name)
        cache = objects.Objects(repo.cache.local)
        contents = cache.with_contents(dict.fromkeys(pointers.values(), rev or "today's commit"))
        fetched += _transferred(repo.cloud.pull, contents, place.name)
        if not rev:
            _write_pointers({} if given else pointers, cache)
            repo.checkout(targets=[f"{path}.dvc" for path in pointers])
            track.redate(base)
    return {"study": study, "remote": place.name, "fetched": fetched, "pointers": sorted(pointers)}


def collect(remote: str = "", *, without: Sequence[str] = (), delete: bool = False) -> dict:
    """What no tag, no branch, no other named commit and no state that stands here needs.

    Args:
        remote: the remote to look through in place of DVC's cache.
        without: tags and branches whose results may be lost.

    Returns:
        {"store", "objects": {md5: bytes}, "bytes", "kept": {why: pointers}, "states": those
        that are given up, "deleted"}.

    Raises:
        InputError: git's history, a log, a pointer or a folder's listing cannot be read, so that
            what is needed cannot be told; or Snakemake runs here.
    """
    with _dvc() as repo, _alone(repo) if delete else contextlib.nullcontext():
        cache = repo.cache.local
        others, also, place = _listings_elsewhere(repo), {}, None
        if remote:
            place = repo.cloud.get_remote(remote, "gc")
            _check_writable(place)
            also = {base: _states_on(place, base.name) for base in _studies_on(place)}
            others = [cache]
        store = objects.Objects(place.odb if place else cache, others)
        needed = objects.needed(also, without)
        keep = store.with_contents(needed)
        found = store.all_but(keep)
        gone = _given_up(found, also)
        if delete and found:
            store.delete_all_but(keep)
        if delete:
            for base, some in gone.items():
                if place is None:
                    states.remove(base, some)
                else:
                    _unshelve(place, base.name, some)
    kept: dict[str, int] = {}
    for why in needed.values():
        kept[why] = kept.get(why, 0) + 1
    given_up = [
        {"study": base.name, **{k: s[k] for k in ("commit", "dirty", "at")}}
        for base, some in gone.items()
        for s in some
    ]
    name = place.name if place else "cache"
    return {"store": name, "objects": found, "bytes": sum(found.values()), "kept": kept,
            "states": given_up, "deleted": delete}  # fmt: skip


@contextlib.contextmanager
def _alone(repo) -> Iterator[None]:
    """While neither Snakemake nor DVC works here."""
    driver.claim([])
    try:
        with repo.lock:
            yield
    finally:
        driver.release()


def _given_up(found: dict[str, int], also: dict[Path, list[dict]]) -> dict[Path, list[dict]]:
    """States, logged here or by study in ``also``, that point at something which is to go."""
    gone = {}
    for base in sorted({*states.studies(), *also}):
        known = [s for s in states.logged(base) if "removed" not in s] + also.get(base, [])
        some = {states.name_of(s): s for s in known if found.keys() & set(s["pointers"].values())}
        if some:
            gone[base] = list(some.values())
    return gone


def _listings_elsewhere(repo) -> list:
    """The default remote's objects, where there is one: a listing may be there alone."""
    name = repo.config["core"].get("remote")
    return [repo.cloud.get_remote(name).odb] if name else []


def _check_writable(place) -> None:
    if place.fs.version_aware or place.worktree:
        what = "keeps versions of its own, not objects"
        raise InputError(f"remote {place.name}", what, "Remove versions there with its own tools")


def _here(base: Path) -> dict[str, str]:
    found = sorted(base.glob("*.dvc"))
    found += [Path(f"{folder}.dvc") for folder in track.raw_folders(base)] if found else []
    there = [p for p in found if p.exists()]
    texts = {str(p): p.read_text(encoding="utf-8") for p in there}
    return {name.removesuffix(".dvc"): md5_in(text, name) for name, text in texts.items()}


def _write_pointers(pointers: dict[str, str], cache: objects.Objects) -> None:
    """Pointers as ``dvc add`` writes them; those that stand here are left alone."""
    import yaml

    for path, md5 in pointers.items():
        file, out = Path(f"{path}.dvc"), {**cache.out(md5), "path": Path(path).name}
        if not file.exists():
            with files.atomic(file) as part:
                part.write_text(yaml.safe_dump({"outs": [out]}, sort_keys=False), encoding="utf-8")


def _transferred(move, md5s: set[str], remote: str) -> int:
    """How many objects were moved; those that were there already do not count."""
    from dvc_data.hashfile.hash_info import HashInfo

    result = move({HashInfo("md5", md5) for md5 in md5s}, remote=remote)
    if result.failed:
        lost = ", ".join(sorted(h.value for h in result.failed)[:3])
        what = f"{len(result.failed)} objects could not be moved ({lost})"
        raise InputError(f"remote {remote}", what, "Try again; see dvc status -c")
    return len(result.transferred)


def _shelve(place, study: str, state: dict) -> None:
    folder = states.shelf(place.path, study)
    path = f"{folder}/{states.name_of(state)}"
    if not place.fs.exists(path):
        place.fs.makedirs(folder)
        place.fs.pipe_file(path, files.dump_json(state).encode())


def _unshelve(place, study: str, some: list[dict]) -> None:
    for state in some:
        path = f"{states.shelf(place.path, study)}/{states.name_of(state)}"
        if place.fs.exists(path):
            place.fs.remove(path)


def _states_on(place, study: str) -> list[dict]:
    folder = states.shelf(place.path, study)
    paths = sorted(place.fs.find(folder)) if place.fs.exists(folder) else []
    found = []
    for path in (p for p in paths if p.endswith(".json")):
        try:
            found.append(states.checked(json.loads(place.fs.cat_file(path)), path))
        except ValueError:
            raise InputError(path, "is not JSON", "Delete it there, then push again") from None
    return sorted(found, key=lambda s: s["at"])


def _studies_on(place) -> set[Path]:
    folder = states.shelf(place.path, "").rstrip("/")
    paths = place.fs.find(folder) if place.fs.exists(folder) else []
    return {Path("results", p.rstrip("/").split("/")[-2]) for p in paths}
