"""The trial of numbers: every file against its record, every record against its parents.

Knows a store, records and JSON, no science and no plan: so it runs on a bundle offline as on the
working tree. Checks that need more add their findings to the :class:`Trial`.
"""

import json
from collections.abc import Iterable

from posepaper.errors import InputError
from posepaper.provenance import audit
from posepaper.provenance.chains import Chains, Seen
from posepaper.provenance.links import VERDICTS, Finding, worst
from posepaper.provenance.stores import Store


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


class Trial(Chains):
    """Numbers, the chains behind them, and what is said of them.

    Attributes:
        numbers: {address: {"table", "sources", "beside", "cell"}}: the table that shows it (''
            where the address is a path), the artefacts it was made from with their whole
            ancestry, files that print it, and its cell.
        kept_by: what keeps a link's bytes (DVC's pointer), by the link's path.
        everywhere: links every number hangs on, such as the environment's lock file.
    """

    def __init__(self, store: Store, study: str, each: Seen | None = None):
        super().__init__(store, each)
        self.study = study
        self.numbers: dict[str, dict] = {}
        self.kept_by: dict[str, str] = {}
        self.everywhere: list[str] = []
        self._tables: dict[str, dict] = {}

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
        self.look(path)
        used = self.links[path].made["inputs"] if self.links[path].made else {}
        for source in shown.get("sources") or []:
            if used.get(source["path"]) != source["md5"]:
                why = f"shows {source['path']} md5 {source['md5']}, which its record does not name"
                self.break_(path, why, address=address)
            self.follow(source["path"])
            self.hold(path, source["path"])
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

    def chain(self, address: str) -> list[str]:
        """The files a number hangs on: those that print it, its table, and all behind it."""
        number = self.numbers[address]
        behind = frozenset().union(*(self.above(s) for s in number["sources"]))
        chain = [*number["beside"], *filter(None, [number["table"]]), *sorted(behind)]
        keepers = sorted({self.kept_by[path] for path in chain if path in self.kept_by})
        return [*chain, *keepers, *self.everywhere]

    def print_in(self, address: str, path: str) -> None:
        """Notes a file that prints a number, and holds it against the number's table."""
        self.look(path)
        number = self.numbers[address]
        number["beside"].append(path)
        for parent in self.made_from(path):
            if parent == number["table"] or parent in number["beside"]:
                self.hold(path, parent)

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
        """The worst of a number's links; a page that prints it right may be out of date."""
        beside = self.numbers[address]["beside"]
        return worst(
            f.verdict
            for f in self.against(address)
            if f.path not in beside or f.verdict not in ("behind", "stale")
        )

    def answer(self, address: str) -> dict:
        """{"address", "verdict", "why", "cell", "links": [{"path", "kind", "verdict", "why",
        "md5", "size", "recorded", "made", "notes", "parents"}]}, as JSON."""
        found, number = self.against(address), self.numbers[address]
        links = [self._link(p, [f for f in found if f.path == p]) for p in self.chain(address)]
        for link in links:
            if link["path"] == number["table"]:
                link["parents"] = number["sources"]
            elif link["path"] in number["beside"]:
                link["parents"] = [number["table"]]
        return {**self._said(address, found), "links": links}

    def answers(self) -> dict:
        """{"verdict": the worst, "numbers": [{"address", "verdict", "why", "cell", "chain"}],
        "links": {path: as in :meth:`answer`}}, every link once."""
        numbers, used = [], {}
        for address in self.numbers:
            chain, found = self.chain(address), self.against(address)
            used |= dict.fromkeys(chain)
            numbers.append({**self._said(address, found), "chain": chain})
        links = {path: self._link(path, self.findings.get(path, [])) for path in used}
        return {"verdict": worst(n["verdict"] for n in numbers), "numbers": numbers, "links": links}

    def _said(self, address: str, found: list[Finding]) -> dict:
        cell = self.numbers[address].get("cell")
        whys = [f"{f.verdict}: {f}" for f in found]
        return {"address": address, "verdict": self.verdict(address), "why": whys, "cell": cell}

    def _link(self, path: str, own: list[Finding]) -> dict:
        link = self.links[path]
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
            "parents": link.parents,
        }
