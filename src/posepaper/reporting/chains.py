"""What a reader sees of the chains behind numbers: entries to link to. HTML and LaTeX share it.

Experiments have an entry each, with every seed's metrics, predictions and checkpoint; data and
keypoints, which many share, have one each below; figures have theirs.
"""

import re

FOLDERS = ("metrics", "predictions", "checkpoints")
OWN = re.compile(rf"results/[^/]+/({'|'.join(FOLDERS)})/(?P<name>.+)/seed(?P<seed>\d+)\.")
NO_SOURCE = ("tables", "figures")


def entries(chains: dict, paper: str = "") -> dict:
    """The entries behind the numbers and figures of a paper, of all papers where none is named.

    Args:
        chains: as stages/chains.py tells them.

    Returns:
        {"broken": whether any link has a fault, "experiments": [{"name", "numbers": [address],
        "verdict", "seeds": [{"seed", "links"}]}], "shared": [link], "figures": [{"address",
        "links", "sources": [entry], "verdict"}]}; a link is {"path", "kind", "md5", "size",
        "made", "commit", "dirty", "where", "fingerprint", "parents": [{"path", "entry"}], "raw":
        [(path, md5)], "faults"}.
    """
    start = f"{paper}:" if paper else ""
    numbers = {a: n for a, n in chains["numbers"].items() if a.startswith(start)}
    figures = {a: f for a, f in chains["figures"].items() if a.startswith(start)}
    links = chains["links"]
    roots = [path for number in numbers.values() for path in number["sources"]]
    roots += [path for figure in figures.values() for path in figure["files"]]
    reached = _reached(roots, links)
    by_seed: dict[str, dict[int, list[str]]] = {}
    for path in sorted(reached):
        own = OWN.match(path)
        if own:
            seeds = by_seed.setdefault(own["name"], {})
            seeds.setdefault(int(own["seed"]), []).append(path)
    return {
        "broken": any(links[path]["faults"] for path in reached),
        "experiments": [
            _experiment(name, seeds, numbers, links) for name, seeds in sorted(by_seed.items())
        ],
        "shared": [
            _link(path, links)
            for path in sorted(reached)
            if not OWN.match(path) and links[path]["kind"] not in NO_SOURCE
        ],
        "figures": [
            {
                "address": address,
                "links": [_link(path, links) for path in figure["files"]],
                "sources": _sources(figure["sources"], links),
                "verdict": figure["verdict"],
            }
            for address, figure in sorted(figures.items())
        ],
    }


def entry_of(path: str) -> str:
    """The name of the entry that tells of an artefact: its experiment, or its own path."""
    own = OWN.match(path)
    return own["name"] if own else path


def short(path: str) -> str:
    """An artefact's path below its study."""
    return path.split("/", 2)[-1] if path.startswith("results/") else path


def where(machine: dict) -> str:
    """Host, processor, GPUs and SLURM job of a record, as far as it says."""
    gpus, job = "; ".join(machine.get("gpus") or ()), machine.get("slurm_job")
    place = [machine.get("host"), machine.get("cpu"), gpus, f"SLURM job {job}" if job else ""]
    return ", ".join(filter(None, place))


def _experiment(name: str, seeds: dict, numbers: dict, links: dict) -> dict:
    shown = {a: n["verdict"] for a, n in numbers.items() if n["experiment"] == name}
    return {
        "name": name,
        "numbers": list(shown),
        "verdict": "broken" if "broken" in shown.values() else "recorded",
        "seeds": [
            {
                "seed": seed,
                "links": [
                    _link(path, links)
                    for path in sorted(paths, key=lambda p: (FOLDERS.index(links[p]["kind"]), p))
                ],
            }
            for seed, paths in sorted(seeds.items())
        ],
    }


def _link(path: str, links: dict) -> dict:
    known = links[path]
    return {
        "path": path,
        "kind": known["kind"],
        "md5": known["md5"] or "",
        "size": known["size"],
        "made": (known["end"] or "")[:19].replace("T", " "),
        "commit": known["commit"] or "",
        "dirty": bool(known["dirty"]),
        "where": where(known["machine"] or {}),
        "fingerprint": known["fingerprint"] or "",
        "parents": [{"path": p, "entry": entry_of(p)} for p in known["parents"]],
        "raw": sorted(known["raw"].items()),
        "faults": known["faults"],
    }


def _reached(paths: list[str], links: dict) -> set[str]:
    seen: set[str] = set()
    queue = list(paths)
    while queue:
        path = queue.pop()
        if path not in seen:
            seen.add(path)
            queue += links[path]["parents"]
    return seen


def _sources(paths: list[str], links: dict) -> list[str]:
    """The entries an artefact was made from; of tables, those that they were made from."""
    found: set[str] = set()
    queue, seen = list(paths), set()
    while queue:
        path = queue.pop()
        if links[path]["kind"] != "tables":
            found.add(entry_of(path))
        elif path not in seen:
            seen.add(path)
            queue += links[path]["parents"]
    return sorted(found)
