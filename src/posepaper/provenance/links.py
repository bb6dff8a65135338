"""One link of a chain: a file, its record, and whether the two and the record itself agree."""

import hashlib
import json
from dataclasses import dataclass, field

from posepaper.provenance import record
from posepaper.provenance.fingerprint import digest
from posepaper.provenance.stores import Store

# From best to worst; what is said of a number is the worst that is said of its links.
VERDICTS = ("proven", "behind", "stale", "unverifiable", "broken")
# What two machines' clocks may differ by, seconds; on one host a job never precedes its inputs.
SKEW = 2.0
RECORD_KEYS = {
    *("rule", "target", "fingerprint", "covers", "settings", "seed", "inputs", "raw", "outputs"),
    *("git", "machine", "start", "end"),
}


@dataclass(frozen=True)
class Finding:
    """What does not hold, and of which link.

    Attributes:
        path: the link's file.
        verdict: one of :data:`VERDICTS`, not ``proven``.
        why: in words.
        used_by: where it concerns only those made through this file from it.
        address: where it concerns only this number.
    """

    path: str
    verdict: str
    why: str
    used_by: str = ""
    address: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass
class Link:
    """A file as found and as recorded; slim, for there may be tens of thousands.

    Attributes:
        md5, size: of the bytes; None where they are not here.
        recorded: {"md5", "size"} its record claims; of a raw file, None.
        made: the record without what is long: ``covers`` only as digests.
        text: md5 of the record's own bytes.
    """

    path: str
    kind: str = "artefact"
    md5: str | None = None
    size: int | None = None
    recorded: dict | None = None
    made: dict | None = None
    text: str = ""
    parents: list[str] = field(default_factory=list)


def worst(verdicts) -> str:
    """The worst of verdicts; ``proven`` of none."""
    return max(verdicts, key=VERDICTS.index, default="proven")


def raw(store: Store, path: str) -> Link:
    """A file from outside the study."""
    return Link(path, "raw", store.md5(path), store.size(path))


def look(store: Store, path: str) -> tuple[Link, list[Finding], dict | None]:
    """An artefact held against its record, and the record against itself.

    Returns:
        The link, what does not hold, and the whole record, None where it cannot be read.
    """
    link = Link(path, md5=store.md5(path), size=store.size(path))
    data = store.read(f"{path}.record.json")
    if data is None:
        return link, [], None
    link.text = hashlib.md5(data, usedforsecurity=False).hexdigest()
    faults: list[str] = []
    try:
        whole = json.loads(data)
        faults += _lacking(whole) or _contradictions(path, whole)
        own = [o for o in whole["outputs"].values() if o["path"] == path]
        link.recorded = {k: own[0][k] for k in ("md5", "size")} if own else None
        link.made = _slim(whole)
        link.parents = [*whole["inputs"], *whole["raw"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        broken = Finding(path, "broken", (faults or ["its record cannot be read"])[0])
        return Link(path, md5=link.md5, size=link.size, text=link.text), [broken], None
    faults += _bytes(link)
    return link, [Finding(path, "broken", why) for why in faults], whole


def _slim(whole: dict) -> dict:
    covers = whole["covers"]
    return {
        **{k: whole[k] for k in ("rule", "target", "fingerprint", "seed", "start", "end")},
        **{k: whole[k] for k in ("git", "machine")},
        "peak_memory_bytes": whole.get("peak_memory_bytes"),
        "settings": json.dumps(whole["settings"], separators=(",", ":")),
        "code": digest(covers["code"]),
        "covered": dict(covers["parents"]),
        "inputs": {path: used["md5"] for path, used in whole["inputs"].items()},
        "raw": {path: used["md5"] for path, used in whole["raw"].items()},
        "outputs": sorted(o["path"] for o in whole["outputs"].values()),
    }


def _bytes(link: Link):
    """Bytes against the record."""
    if link.md5 is None or link.recorded is None:
        return
    if link.md5 != link.recorded["md5"]:
        yield f"its bytes are not its record's (md5 {link.md5}, recorded {link.recorded['md5']})"
    elif link.size != link.recorded["size"]:
        yield f"has {link.size} bytes where its record says {link.recorded['size']}"


def _lacking(made: dict) -> list[str]:
    return [f"its record has no '{name}'" for name in sorted(RECORD_KEYS - made.keys())]


def _contradictions(path: str, made: dict):
    """What a record says against itself."""
    covers, stands = made["covers"], [o["path"] for o in made["outputs"].values()]
    if path not in stands or made["target"] not in stands:
        yield f"its record is that of {made['target']}"
    if any(name != used["path"] for part in ("inputs", "raw") for name, used in made[part].items()):
        yield "its record files an input under another's name"
    if digest(covers) != made["fingerprint"]:
        yield "its record's fingerprint is not that of the code, settings and inputs it lists"
    if digest(made["settings"]) != covers["settings"]:
        yield "its record's settings are not those its fingerprint covers"
    if made["inputs"].keys() != covers["parents"].keys():
        odd = sorted(made["inputs"].keys() ^ covers["parents"].keys())[0]
        yield f"its record's inputs are not those its fingerprint covers ({odd})"
    if {used["md5"] for used in made["raw"].values()} != set(covers["raw"].values()):
        yield "its record's raw files are not those its fingerprint covers"
    if made["seed"] != made["settings"].get("seed"):
        yield f"its record names seed {made['seed']}, its settings {made['settings'].get('seed')}"
    start, end = (record.nanoseconds(made[k]) for k in ("start", "end"))
    if end < start:
        yield f"clock: ended {made['end']}, before it started {made['start']}"
    if end > record.nanoseconds(record.now()) + SKEW * 1e9:
        yield f"clock: ended {made['end']}, which is in the future"


def between(child: Link, parent: Link) -> list[Finding]:
    """An artefact's record held against the record of what it was made from."""
    made, then = child.made, child.made["inputs"].get(parent.path) or child.made["raw"][parent.path]
    why, verdict = "", "broken"
    if parent.kind == "raw":
        if parent.md5 is None:
            verdict, why = "unverifiable", "is not here"
        elif parent.md5 != then:
            verdict, why = "stale", f"changed since its use (md5 {parent.md5}, used {then})"
        return [Finding(parent.path, verdict, why, child.path)] if why else []
    if parent.made is None or parent.recorded is None:
        return []
    late = record.nanoseconds(parent.made["end"]) - record.nanoseconds(made["start"])
    one_host = parent.made["machine"].get("host") == made["machine"].get("host")
    again = record.nanoseconds(parent.made["start"]) > record.nanoseconds(made["end"])
    if parent.recorded["md5"] != then:
        verdict = "stale" if again else "broken"
        told = "was made anew since its use" if again else "is not what was used"
        why = f"{told} (md5 {parent.recorded['md5']}, used {then} by {child.path})"
    elif parent.made["fingerprint"] != made["covered"].get(parent.path):
        verdict = "behind" if again else "broken"
        told = "was made anew by other code, to the same bytes" if again else "is of another plan"
        why = f"{told} than {child.path} used" if not again else told
    elif late > (0 if one_host else SKEW * 1e9):
        why = f"clock: ended {parent.made['end']}, after {child.path} started ({made['start']})"
        why += "; a clock is off, or it was made again since" if again else ""
    return [Finding(parent.path, verdict, why, child.path)] if why else []
