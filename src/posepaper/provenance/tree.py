"""An audit's answer as text: the number, its chain as a tree, and what does not hold."""

import datetime
from collections import Counter
from collections.abc import Iterator

from posepaper.provenance import record
from posepaper.provenance.changes import flat

FEW = 8
# Settings that say what was done to get a number, the first of which are shown.
TELLING = (
    *("model.name", "training.epochs", "training.batch", "training.lr", "training.optimizer"),
    *("protocol.name", "protocol.flip", "boxes", "image", "identity", "noise", "threads"),
)


def tree(answer: dict) -> Iterator[str]:
    """Lines for one number."""
    cell = answer["cell"]
    told = f"value {cell.get('value')}  claimed {cell.get('claimed')}  " if cell else ""
    yield f"{answer['address']}  {told}{answer['verdict']}"
    links = {link["path"]: link for link in answer["links"]}
    above = {path for link in links.values() for path in link["parents"]}
    roots, shown = [path for path in links if path not in above], set()
    for path in roots or list(links)[:1]:
        yield from _branch(links, path, "", path == roots[-1] if roots else True, shown)
    yield from answer["why"]


def _branch(links: dict, path: str, indent: str, last: bool, shown: set[str]) -> Iterator[str]:
    link, inner = links[path], indent + ("    " if last else "│   ")
    corner = "└── " if last else "├── "
    known = path in shown
    size = "" if link["size"] is None else f"  {_bytes(link['size'])}"
    md5 = link["md5"] or (link["recorded"] or {}).get("md5") or "-"
    yield f"{indent}{corner}{path}  md5 {md5}{size}  {link['verdict']}{'  as above' * known}"
    if known:
        return
    shown.add(path)
    parents = sorted((p for p in link["parents"] if p in links), key=lambda p: _end(links[p]))[::-1]
    bar = "│" if parents else " "
    yield from (f"{inner}{bar}   {words}" for words in [*_made(link), *link["notes"]])
    for parent in parents:
        yield from _branch(links, parent, inner, parent is parents[-1], shown)


def _end(link: dict) -> str:
    """When a link was made; the latest is the nearest to the number."""
    return link["made"]["end"] if link["made"] else ""


def _made(link: dict) -> Iterator[str]:
    made = link["made"]
    if not made:
        return
    git, machine = made["git"], made["machine"]
    commit = git["commit"] or "no commit"
    dirty = " with uncommitted changes" if git["dirty"] else ""
    yield f"made {made['end'][:19]} ({_age(made['end'])}), {_took(made)}, commit {commit}{dirty}"
    job = f", SLURM job {machine['slurm_job']}" if machine.get("slurm_job") else ""
    gpus = "; ".join(machine.get("gpus") or ()) or "no GPU"
    lock = f", lock {machine['lock']}" if machine.get("lock") else ""
    where = f"{machine.get('host')}, {machine.get('cpu')}, {gpus}{job}"
    yield f"on {where}, Python {machine.get('python')}{lock}"
    settings = flat(made["settings"])
    told = [f"{name}={settings[name]}" for name in TELLING if settings.get(name) is not None]
    seed = "" if made["seed"] is None else f", seed {made['seed']}"
    yield f"rule {made['rule']}{seed}{', ' * bool(told)}{', '.join(told)}"


def _bytes(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{size} bytes"
        size /= 1000
    return f"{size:.3g} GB"


def _age(time: str) -> str:
    moment = datetime.datetime.fromisoformat(time)
    age = datetime.datetime.now(datetime.UTC) - moment
    seconds = age.total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now" if seconds >= 0 else "in the future"


def _took(made: dict) -> str:
    return f"took {record.seconds(made):.1f} s"


def summary(answers: dict) -> Iterator[str]:
    """Lines for many numbers: how many of each verdict, and every fault once with whom it hits."""
    numbers = answers["numbers"]
    counts = Counter(number["verdict"] for number in numbers)
    told = ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))
    yield f"{len(numbers)} numbers: {told}"
    hit: dict[str, list[str]] = {}
    for number in numbers:
        for line in number["why"]:
            hit.setdefault(line, []).append(number["address"])
    for line, addresses in sorted(hit.items()):
        yield line
        more = f" and {len(addresses) - FEW} more" if len(addresses) > FEW else ""
        yield f"    {', '.join(addresses[:FEW])}{more}"
    notes = {(path, n) for path, link in answers["links"].items() for n in link["notes"]}
    yield from (f"{path}: {note}" for path, note in sorted(notes) if note.startswith("accepted"))
