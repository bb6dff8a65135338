"""A bundle on trial, with nothing at hand but the bundle."""

import json
from collections.abc import Iterable

from posepaper.errors import InputError
from posepaper.provenance import audit
from posepaper.provenance.crate import METADATA, RECORD, Crate
from posepaper.provenance.links import Finding, worst
from posepaper.provenance.verify import Trial


class Bundle:
    """A bundle and what was found of it.

    Attributes:
        trial: of its records and of the numbers asked about.
        found: what does not hold of the bundle itself: entries, manifest, tables.

    Args:
        crate: the bundle.
        study: whose numbers are asked for; '' where it has but one.

    Raises:
        InputError: it has no table, or of several studies none was named.
    """

    def __init__(self, crate: Crate, study: str = ""):
        if not crate.studies:
            raise InputError(crate.file, "has no tables", "Bundle a finished study")
        if not study and len(crate.studies) > 1:
            known = ", ".join(crate.studies)
            raise InputError(crate.file, f"has studies {known}", "Choose one with --study")
        self.crate, self.study = crate, study or crate.studies[0]
        self.found = list(crate.faults())
        self.trial = Trial(crate, self.study)
        records = (p for p in crate.paths("results") if p.endswith(RECORD))
        self.artefacts = [path.removesuffix(RECORD) for path in records]
        for path in self.artefacts:
            self.trial.follow(path)

    def numbers(self) -> list[str]:
        """Addresses of all numbers its tables show; a table that cannot be read is a fault."""
        folder, addresses = f"results/{self.study}/tables", []
        for path in self.crate.paths(folder):
            if not path.endswith(".json") or path.endswith((RECORD, ".waiver.json")):
                continue
            try:
                addresses += audit.numbers(json.loads(self.crate.read(path) or b""))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._unreadable(path)
        return addresses

    def ask(self, addresses: Iterable[str]) -> list[dict]:
        """The answers for numbers, as :meth:`Trial.answer` gives them.

        Raises:
            InputError: an address names nothing of this bundle.
        """
        answers = []
        for address in addresses:
            try:
                self.trial.ask(address)
                answers.append(self.trial.answer(address))
            except (KeyError, TypeError, AttributeError, RecursionError):
                self._unreadable(audit.parse(self.study, address)[0])
            except InputError:
                if ":" not in address or not self._spoilt(audit.parse(self.study, address)[0]):
                    raise
        return answers

    def broken(self) -> list[str]:
        """What contradicts itself anywhere in the bundle, each led by the file's name."""
        own = [f for found in self.trial.findings.values() for f in found]
        return sorted({str(f) for f in [*self.found, *own] if f.verdict == "broken"})

    def counts(self) -> dict[str, int]:
        """{"files" inside, "records", "elsewhere": artefacts and raw files known by hash}."""
        absent = [path for path, link in self.trial.links.items() if link.md5 is None]
        listed = len(self.crate.listed)
        return {"files": listed, "records": len(self.artefacts), "elsewhere": len(absent)}

    def _spoilt(self, path: str) -> bool:
        return any(f.path == path for f in self.found)

    def _unreadable(self, path: str) -> None:
        if not self._spoilt(path):
            self.found.append(Finding(path, "broken", f"{METADATA} lists it, yet it is no table"))


def verdict(answers: list[dict], broken: list[str]) -> str:
    """The worst of numbers and bundle."""
    return worst([*(a["verdict"] for a in answers), *(["broken"] if broken else [])])
