"""What differs between the making of an artefact and what would make it now.

A job's *parts* are what its fingerprint covers: {"code": {"definitions", "packages"}, "rule",
"settings", "parents", "raw"}. A *stamp* holds them as planned, a record as they were.
"""

import os
from dataclasses import asdict, dataclass

from posepaper.errors import InputError
from posepaper.provenance import record

ABSENT = "<absent>"
# What each kind of change is filed under in a comparison of two commits.
CATEGORIES = {
    "code": "code",
    "rule": "code",
    "setting": "config",
    "raw": "data",
    "package": "environment",
    "seed": "seed",
}


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        kind: ``code``, ``package``, ``rule``, ``setting``, ``raw``, ``parent``; or of the
            artefact itself ``absent``, ``unrecorded``, ``altered``.
        name: the definition, distribution, rule, dotted key, raw file, or artefact.
        old, new: what it was and is; ``<absent>`` where there is none.
    """

    kind: str
    name: str
    old: object = None
    new: object = None

    def __str__(self) -> str:
        words = {
            "code": f"{self.name} {_verb(self.old, self.new, 'changed in meaning')}",
            "package": f"package {self.name} is {self.new}, was {self.old}",
            "rule": f"the command of rule {self.name} changed",
            "setting": f"setting {self.name} is {self.new!r}, was {self.old!r}",
            "raw": f"raw file {self.name} {_verb(self.old, self.new, 'changed')}",
            "parent": f"made from {self.name}, which is stale",
            "absent": f"{self.name} is not there",
            "unrecorded": f"{self.name} has no readable record",
            "altered": f"{self.name} is not as its record says",
        }
        return words[self.kind]

    def as_json(self) -> dict:
        """{"kind", "name", "old", "new"}."""
        return asdict(self)


def _verb(old, new, both: str) -> str:
    if old == ABSENT:
        return "is reached now and was not"
    return "is not reached any more" if new == ABSENT else both


def own(stamp: dict) -> list[Change]:
    """Why a planned job's outputs do not hold; none where they do.

    Args:
        stamp: {"fingerprint", "parts", "job"} as planned.
    """
    job, found = stamp["job"], []
    for path in job["outputs"].values():
        if not os.path.exists(path):
            found.append(Change("absent", path))
            continue
        if record.agrees(path, stamp["fingerprint"]):
            continue
        made = _readable(path)
        if made is None:
            found.append(Change("unrecorded", path))
        elif made.get("fingerprint") == stamp["fingerprint"]:
            found.append(Change("altered", path))
        else:
            found += between(made.get("covers", {}), made.get("settings", {}), stamp)
    return list({(c.kind, c.name): c for c in found}.values())


def _readable(path: str) -> dict | None:
    try:
        made = record.read(path)
    except InputError:
        return None
    return made if isinstance(made, dict) else None


def between(covered: dict, settings: dict, stamp: dict) -> list[Change]:
    """What changed from recorded parts and settings to a stamp's."""
    parts, job = stamp["parts"], stamp["job"]
    then, now = covered.get("code", {}), parts["code"]
    found = [
        *_differences("code", then.get("definitions", {}), now["definitions"]),
        *_differences("package", then.get("packages", {}), now["packages"]),
        *_differences("setting", flat(settings), flat(job["settings"])),
        *_differences("raw", covered.get("raw", {}), parts["raw"]),
    ]
    if covered.get("rule") != parts["rule"]:
        found.append(Change("rule", job["rule"], covered.get("rule"), parts["rule"]))
    parents = _differences("parent", covered.get("parents", {}), parts["parents"])
    return found + parents


def _differences(kind: str, old: dict, new: dict) -> list[Change]:
    names = sorted(old.keys() | new.keys())
    pairs = ((n, old.get(n, ABSENT), new.get(n, ABSENT)) for n in names)
    return [Change(kind, name, a, b) for name, a, b in pairs if a != b]


def flat(value, prefix: str = "") -> dict[str, object]:
    """Nested settings as dotted keys; lists of plain values stay whole."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        names = [v.get("id", n) if isinstance(v, dict) else n for n, v in enumerate(value)]
        pairs = zip(names, value, strict=True)
    else:
        return {prefix: value}
    found = {}
    for key, inner in pairs:
        found |= flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return found or {prefix: value}


def stale(stamps: dict[str, dict], before: dict[str, dict] | None = None) -> dict:
    """Every job that would run, by its target, with why; upstream first.

    A job whose own parts are as recorded is stale where something it is made from is.

    Args:
        stamps: as planned now.
        before: stamps of another time, to compare with in place of the records.

    Returns:
        {target: [Change]}.
    """
    found: dict[str, list[Change]] = {}
    made_by = {p: t for t, stamp in stamps.items() for p in stamp["job"]["outputs"].values()}
    for target, stamp in stamps.items():
        changes = own(stamp) if before is None else _since(before.get(target), stamp)
        parents = {made_by[path]: path for path in stamp["parts"]["parents"]}
        upstream = [Change("parent", path) for job, path in parents.items() if job in found]
        changes = [c for c in changes if c.kind != "parent"] + upstream
        if changes:
            found[target] = changes
    return found


def _since(then: dict | None, stamp: dict) -> list[Change]:
    if then is None:
        return [Change("absent", stamp["job"]["target"])]
    return between(then["parts"], then["job"]["settings"], stamp)


def roots(target: str, found: dict[str, list[Change]], stamps: dict) -> dict[str, list[Change]]:
    """The first causes of a stale job: stale ancestors with a change of their own, and theirs."""
    made_by = {p: t for t, stamp in stamps.items() for p in stamp["job"]["outputs"].values()}
    first, queue, seen = {}, [target], set()
    while queue:
        job = queue.pop()
        if job in seen or job not in found:
            continue
        seen.add(job)
        itself = [c for c in found[job] if c.kind != "parent"]
        if itself:
            first[job] = itself
        queue += [made_by[c.name] for c in found[job] if c.kind == "parent"]
    return {job: first[job] for job in stamps if job in first}


def numbers(stamps: dict[str, dict], found: dict[str, list[Change]]) -> dict[str, list[str]]:
    """Addresses of the numbers that stale jobs feed, by table (``lifting:table-3``)."""
    fed: dict[str, list[str]] = {}
    for target, stamp in stamps.items():
        if stamp["job"]["rule"] != "make_table" or target not in found:
            continue
        where, why = stamp["job"]["wildcards"], found[target]
        itself = any(c.kind != "parent" for c in why)
        metrics = {c.name for c in why if c.kind == "parent"}
        name = f"{where['paper']}:table-{where['table']}"
        fed[name] = [
            f"{name}:{row['id']}:{column['id']}"
            for row in stamp["job"]["settings"]["meaning"]["rows"]
            if row.get("experiment")
            for column in stamp["job"]["settings"]["meaning"]["columns"]
            if not column.get("text") and (itself or _feeds(row["experiment"], metrics))
        ]
    return fed


def _feeds(experiment: str, metrics: set[str]) -> bool:
    return any(f"/metrics/{experiment}/" in path for path in metrics)


def causes(found: dict[str, list[Change]]) -> list[dict]:
    """Every change that is no consequence, once: as JSON, with ``words`` and the ``jobs`` hit."""
    first: dict[tuple, dict] = {}
    for target, changes in found.items():
        for change in (c for c in changes if c.kind != "parent"):
            known = {**change.as_json(), "words": str(change), "jobs": []}
            first.setdefault((change.kind, change.name), known)["jobs"].append(target)
    return [first[key] for key in sorted(first)]
