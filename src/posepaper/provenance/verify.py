"""The trial of numbers: every file against its record, every record against its parents.

Knows a store, records and JSON, no science and no plan: so it runs on a bundle offline as on the
working tree. Checks that need more add their findings to the :class:`Trial`.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable

from posepaper.errors import InputError
from posepaper.provenance import audit, manifest
from posepaper.provenance.links import VERDICTS, Finding, Link, between, look, raw, worst
from posepaper.provenance.stores import Store

Seen = Callable[["Trial", Link, dict], None]


def verify(
    store: Store, study: str, addresses: Iterable[str], each: Seen | None = None, more=()
) -> "Trial":
    """Follows numbers to their raw files; every file is hashed and every record read once.

    Args:
        addresses: of numbers (``paper:table-N:row:column``), or paths of artefacts.
        each: called once with the trial, every link that has a record, and that record whole.
        more: artefacts to look at beside, which no number hangs on.

    Raises:
        InputError: an address names nothing.
    """
    trial = Trial(store, study, each)
    for address in addresses:
        trial.ask(address)
    for path in more:
        trial.follow(path)
    return trial


class Trial:
    """What was looked at and what was found.

    Attributes:
        links: by path.
        findings: by path of the link.
        numbers: {address: {"table", "sources", "beside"}}: the table that shows it (''
            where the address is a path), the artefacts it was made from with their whole
            ancestry, and files that print it.
        kept_by: what keeps a link's bytes (DVC's pointer), by the link's path.
        everywhere: links every number hangs on, such as the environment's lock file.
        notes: what was seen and is no fault, by path.
    """

    def __init__(self, store: Store, study: str, each: Seen | None = None):
        self.store, self.study, self.each = store, study, each
        self.links: dict[str, Link] = {}
        self.findings: dict[str, list[Finding]] = defaultdict(list)
        self.notes: dict[str, list[str]] = defaultdict(list)
        self.numbers: dict[str, dict] = {}
        self.kept_by: dict[str, str] = {}
        self.everywhere: list[str] = []
        self._tables: dict[str, dict] = {}
        self._above: dict[str, frozenset[str]] = {}

    def add(self, finding: Finding) -> None:
        """Notes what does not hold, once."""
        if finding not in self.findings[finding.path]:
            self.findings[finding.path].append(finding)

    def break_(self, path: str, why: str, **more) -> None:
        """Notes a broken link."""
        self.add(Finding(path, "broken", why, **more))

    # -- looking -------------------------------------------------------------------------------

    def ask(self, address: str) -> None:
        """Puts one number on trial.

        Raises:
            InputError: the address names nothing.
        """
        if ":" not in address:
            if (
                self.store.md5(address) is None
                and self.store.read(f"{address}.record.json") is None
            ):
                raise InputError(address, "is not there", "Name an artefact, or a number")
            self.numbers[address] = {"table": "", "sources": [address], "beside": []}
            self.follow(address)
            return
        path, row, column = audit.parse(self.study, address)
        table = self.table(path)
        shown = audit.find(table, path, address, row, column)
        sources = [s["path"] for s in shown.get("sources") or []]
        self.numbers[address] = {"table": path, "sources": sources, "beside": [], "cell": shown}
        self._note(path)
        used = self.links[path].made["inputs"] if self.links[path].made else {}
        for source in shown.get("sources") or []:
            if used.get(source["path"]) != source["md5"]:
                why = f"shows {source['path']} md5 {source['md5']}, which its record does not name"
                self.break_(path, why, address=address)
            self.follow(source["path"])
            self._hold(path, source["path"])
        if not sources:
            why = f"no run stands behind this number: {shown['status']}"
            self.add(Finding(path, "unverifiable", why, address=address))

    def table(self, path: str) -> dict:
        """A table's JSON.

        Raises:
            InputError: it is not here, or is no JSON.
        """
        if path not in self._tables:
            data = self.store.read(path)
            if data is None:
                raise InputError(path, "is not there", f"Make it: snakemake {path}")
            try:
                self._tables[path] = json.loads(data)
            except ValueError as error:
                what = f"is not valid JSON ({error})"
                raise InputError(path, what, "Restore or rebuild it") from None
        return self._tables[path]

    def follow(self, path: str, *, alone: bool = False) -> None:
        """Looks at an artefact and everything it was made from; ``alone``, at itself only."""
        if alone:
            self._note(path)
            return
        queue = [path]
        while queue:
            child = queue.pop()
            if not self._note(child):
                continue
            link = self.links[child]
            queue += link.made["inputs"] if link.made else ()
        self._hold_all(path)

    def _note(self, path: str) -> bool:
        """Looks at one artefact; False where it was looked at before."""
        if path in self.links:
            return False
        link, found, whole = look(self.store, path)
        self.links[path] = link
        for finding in found:
            self.add(finding)
        if whole is None and not found:
            self._unrecorded(link)
        elif whole is not None:
            if link.md5 is None:
                why = "its bytes are not here: verified record, not recomputed"
                self.add(Finding(path, "unverifiable", why))
            for name in whole["raw"]:
                self.links.setdefault(name, raw(self.store, name))
            if "manifest" in whole["outputs"] and link.md5 is not None:
                manifest.check(self, link)
            self._siblings(link)
            if self.each:
                self.each(self, link, whole)
        return True

    def _unrecorded(self, link: Link) -> None:
        if link.md5 is None and self.store.promises(link.path):
            why = "neither it nor its record is here, yet DVC tracks it; dvc pull may bring it"
            self.add(Finding(link.path, "unverifiable", why))
        else:
            absent = "is missing, and so is its record" if link.md5 is None else "has no record"
            self.break_(link.path, absent)

    def _siblings(self, link: Link) -> None:
        """Outputs of one job carry one record."""
        for other in link.made["outputs"]:
            known = self.links.get(other)
            if known is not None and known.made and known.text != link.text:
                self.break_(link.path, f"its record is not that of {other}, made with it")

    def _hold_all(self, path: str) -> None:
        """Every record of an ancestry against its parents, cycles named; each edge once."""
        if path in self._above:
            return
        state: dict[str, int] = {}
        stack = [(path, iter(self._made_from(path)))]
        while stack:
            child, parents = stack[-1]
            state[child] = 1
            parent = next(parents, None)
            if parent is None:
                state[child] = 2
                stack.pop()
                self._above.setdefault(child, self._ancestry(child))
                continue
            if state.get(parent) == 1:
                self.break_(parent, f"is its own ancestor, through {child}")
                continue
            self._hold(child, parent)
            if state.get(parent) is None and parent not in self._above:
                stack.append((parent, iter(self._made_from(parent))))

    def _made_from(self, path: str) -> list[str]:
        link = self.links[path]
        return link.parents if link.made else []

    def _hold(self, child: str, parent: str) -> None:
        one, other = self.links[child], self.links[parent]
        used = one.made and (one.made["inputs"].keys() | one.made["raw"].keys())
        for finding in between(one, other) if used and parent in used else []:
            self.add(finding)

    def _ancestry(self, path: str) -> frozenset[str]:
        found = {path}
        for parent in self._made_from(path):
            found |= self._above.get(parent, {parent})
        return frozenset(found)

    # -- answering -----------------------------------------------------------------------------

    def chain(self, address: str) -> list[str]:
        """The files a number hangs on: those that print it, its table, and all behind it."""
        number = self.numbers[address]
        behind = frozenset().union(*(self._above[s] for s in number["sources"]))
        chain = [*number["beside"], *filter(None, [number["table"]]), *sorted(behind)]
        keepers = sorted({self.kept_by[path] for path in chain if path in self.kept_by})
        return [*chain, *keepers, *self.everywhere]

    def print_in(self, address: str, path: str) -> None:
        """Notes a file that prints a number, and holds it against the number's table."""
        self.follow(path, alone=True)
        number = self.numbers[address]
        number["beside"].append(path)
        for parent in self._made_from(path):
            if parent == number["table"] or parent in number["beside"]:
                self._hold(path, parent)

    def against(self, address: str) -> list[Finding]:
        """What does not hold of a number's chain, the worst first."""
        chain = self.chain(address)
        inside = set(chain)
        found = [
            finding
            for path in chain
            for finding in self.findings.get(path, ())
            if (not finding.used_by or finding.used_by in inside)
            and finding.address in ("", address)
        ]
        return sorted(found, key=lambda f: -VERDICTS.index(f.verdict))

    def verdict(self, address: str) -> str:
        """The worst of a number's links."""
        return worst(f.verdict for f in self.against(address))

    def answer(self, address: str) -> dict:
        """{"address", "verdict", "why", "cell", "links": [{"path", "kind", "verdict", "why",
        "md5", "size", "recorded", "made", "notes", "parents"}]}, as JSON."""
        found, number = self.against(address), self.numbers[address]
        return {
            "address": address,
            "verdict": worst(f.verdict for f in found),
            "why": [str(f) for f in found],
            "cell": number.get("cell"),
            "links": [self._link(path, found, number) for path in self.chain(address)],
        }

    def _link(self, path: str, found: list[Finding], number: dict) -> dict:
        link = self.links[path]
        own = [f for f in found if f.path == path]
        above = number["sources"] if path == number["table"] else link.parents
        made = link.made and {
            **{k: v for k, v in link.made.items() if k not in ("inputs", "raw", "covered")},
            "settings": json.loads(link.made["settings"]),
        }
        return {
            "path": path,
            "kind": link.kind,
            "verdict": worst(f.verdict for f in own),
            "why": [f.why for f in own],
            "md5": link.md5,
            "size": link.size,
            "recorded": link.recorded,
            "made": made,
            "notes": self.notes.get(path, []),
            "parents": [number["table"]] if path in number["beside"] else above,
        }
