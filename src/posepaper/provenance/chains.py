"""Chains of files: each looked at once, held against its record and what it was made from."""

from collections import defaultdict
from collections.abc import Callable

from posepaper.provenance import manifest
from posepaper.provenance.links import Finding, Link, between, look, raw
from posepaper.provenance.stores import Store

Seen = Callable[["Chains", Link, dict], None]


class Chains:
    """What was looked at and what was found.

    Args:
        store: where the bytes are.
        each: called once with these chains, every link that has a record, and that record whole.

    Attributes:
        links: by path.
        findings: by path of the link.
        notes: what was seen and is no fault, by path.
    """

    def __init__(self, store: Store, each: Seen | None = None):
        self.store, self.each = store, each
        self.links: dict[str, Link] = {}
        self.findings: dict[str, list[Finding]] = defaultdict(list)
        self.notes: dict[str, list[str]] = defaultdict(list)
        self._found: set[Finding] = set()
        self._followed: set[str] = set()
        self._above: dict[str, frozenset[str]] = {}

    def add(self, finding: Finding) -> None:
        """Notes what does not hold, once."""
        if finding not in self._found:
            self._found.add(finding)
            self.findings[finding.path].append(finding)

    def break_(self, path: str, why: str, **more) -> None:
        """Notes a broken link."""
        self.add(Finding(path, "broken", why, **more))

    def follow(self, path: str) -> None:
        """Looks at an artefact and everything it was made from."""
        queue = [path]
        while queue:
            child = queue.pop()
            if child in self._followed:
                continue
            self._followed.add(child)
            self.look(child)
            link = self.links[child]
            queue += link.made["inputs"] if link.made else ()
        self._hold_all(path)

    def look(self, path: str) -> None:
        """Looks at one artefact, once."""
        if path in self.links:
            return
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
                self.break_(other, f"its record is not that of {link.path}, made with it")

    def _hold_all(self, path: str) -> None:
        """Every record of an ancestry against its parents, cycles named; each edge once."""
        if path in self._above:
            return
        state: dict[str, int] = {}
        stack = [(path, iter(self.made_from(path)))]
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
            self.hold(child, parent)
            if state.get(parent) is None and parent not in self._above:
                stack.append((parent, iter(self.made_from(parent))))

    def above(self, path: str) -> frozenset[str]:
        """An artefact that was followed, and everything it was made from."""
        return self._above[path]

    def made_from(self, path: str) -> list[str]:
        """What a record names as its inputs and raw files."""
        link = self.links[path]
        return link.parents if link.made else []

    def hold(self, child: str, parent: str) -> None:
        """One record against one file it names, both looked at."""
        one, other = self.links[child], self.links[parent]
        used = one.made and (one.made["inputs"].keys() | one.made["raw"].keys())
        for finding in between(one, other) if used and parent in used else []:
            self.add(finding)

    def _ancestry(self, path: str) -> frozenset[str]:
        found = {path}
        for parent in self.made_from(path):
            found |= self._above.get(parent, {parent})
        return frozenset(found)
