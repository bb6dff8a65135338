"""A folder of generated files, listed with their md5 by the artefact ``manifest`` beside it."""

import json

from posepaper.provenance.links import Finding, Link, raw


def check(trial, link: Link) -> None:
    """Holds every file of a manifest's folder against it; those that differ become links.

    Args:
        trial: a :class:`posepaper.provenance.verify.Trial`.
        link: the manifest, ``{"files": {name: md5}}``.
    """
    store, folder = trial.store, link.path.rpartition(".")[0]
    try:
        listed = dict(json.loads(store.read(link.path) or b"")["files"])
    except (ValueError, KeyError, TypeError):
        trial.break_(link.path, "lists no files")
        return
    there = {p.removeprefix(f"{folder}/") for p in store.paths(folder)}
    absent = sorted(name for name in listed if store.md5(f"{folder}/{name}") is None)
    if absent:
        why = f"{len(absent)} of its {len(listed)} files are not here, first {absent[0]}"
        trial.add(Finding(link.path, "unverifiable", why))
    for name in sorted((listed.keys() - set(absent)) | (there - listed.keys())):
        path, md5 = f"{folder}/{name}", listed.get(name)
        if store.md5(path) != md5:
            trial.links[path] = raw(store, path)
            trial.links[path].recorded = {"md5": md5}
            link.parents.append(path)
            told = f"is not as {link.path} lists it" if md5 else f"{link.path} does not list it"
            trial.break_(path, told)
    trial.notes[link.path].append(f"{len(listed)} files listed")
