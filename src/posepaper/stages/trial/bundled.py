"""A bundle on trial, with nothing at hand but the bundle."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from posepaper.errors import InputError
from posepaper.provenance import audit, fingerprint, waivers
from posepaper.provenance.crate import RECORD, Crate
from posepaper.provenance.environment import Environment
from posepaper.provenance.links import Finding, Link, worst
from posepaper.provenance.verify import Trial
from posepaper.stages import dag, trial
from posepaper.stages.trial import printed, tables
from posepaper.stages.trial.inside import Inside

# What JSON of another form than ours makes our own readers raise; an InputError is a ValueError.
ODD = (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError)
MOST = 4


class Bundle:
    """Everything in a bundle, held against everything else in it.

    Args:
        crate: the bundle.
        study: whose numbers are meant; '' where it has but one.

    Attributes:
        trial: of every record and every number.
        numbers: the addresses of all numbers.

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
        self.lock = Environment(crate)
        with tempfile.TemporaryDirectory() as folder:
            self.code = _Code(crate, Path(folder))
            self.trial = Trial(crate, self.study, self._each)
            self.records = [
                p.removesuffix(RECORD) for p in crate.paths("results") if p.endswith(RECORD)
            ]
            for path in self.records:
                self._try(path, self.trial.follow, path)
        self.trial.links[self.lock.link.path] = self.lock.link
        self.trial.everywhere.append(self.lock.link.path)
        self.numbers = [name for path in self._tables() for name in self._ask(path)]
        shown = sorted({n["table"] for n in self.trial.numbers.values()})
        self._try("metrics", Inside(self.trial).all)
        self._try("tables", tables.check, self.trial, shown)
        self._try("report", printed.check, self.trial, shown)
        self._try("report", trial.print_all, self.trial)

    def answers(self, addresses: Iterable[str]) -> dict:
        """What holds of numbers, see :meth:`Trial.answers`; none of one whose table is spoilt.

        Raises:
            InputError: an address names nothing in this bundle.
        """
        asked = {name for name in addresses if self._stands(name)}
        found = self.trial.answers()
        numbers = [number for number in found["numbers"] if number["address"] in asked]
        used = {path for number in numbers for path in number["chain"]}
        return {
            "verdict": worst(number["verdict"] for number in numbers),
            "numbers": numbers,
            "links": {path: link for path, link in found["links"].items() if path in used},
        }

    def _stands(self, address: str) -> bool:
        """Whether a number was put on trial; False where its table is spoilt."""
        table = audit.parse(self.study, address)[0] if ":" in address else address
        try:
            if address not in self.trial.numbers:
                self.trial.ask(address)
            return True
        except ODD:
            if table not in {fault.path for fault in self.found}:
                raise
            return False

    def broken(self) -> list[str]:
        """What contradicts itself anywhere in the bundle, each led by the file's name."""
        own = [f for found in self.trial.findings.values() for f in found]
        return sorted({str(f) for f in [*self.found, *own] if f.verdict == "broken"})

    def counts(self) -> dict[str, int]:
        """{"files" inside, "records", "elsewhere": files known by hash alone, "numbers"}."""
        absent = [p for p, link in self.trial.links.items() if link.md5 is None]
        return {
            "files": len(self.crate.listed),
            "records": len(self.records),
            "elsewhere": len(absent),
            "numbers": len(self.numbers),
        }

    def _each(self, held: Trial, link: Link, whole: dict) -> None:
        for finding in [*self.lock(link, whole), *self.code(link, whole)]:
            held.add(finding)

    def _tables(self) -> list[str]:
        return trial.tables_of(self.crate, Path("results", self.study))

    def _ask(self, path: str) -> list[str]:
        names = self._try(path, lambda: audit.numbers(self.trial.table(path))) or []
        return [name for name in names if self._try(path, self.trial.ask, name) is not False]

    def _try(self, path: str, check, *given):
        """A check; False where a file is not of the form that every one of ours has."""
        try:
            return check(*given)
        except ODD as error:
            what = error.what if isinstance(error, InputError) else type(error).__name__
            if not any(f.path == path for f in self.found):
                self.found.append(Finding(path, "broken", f"cannot be checked ({what})"))
            return False


class _Code:
    """The code inside, read and never run: is it what the records were made with?"""

    def __init__(self, crate: Crate, folder: Path):
        self.crate, self.folder = crate, folder
        for path in [*crate.paths("src/posepaper"), *crate.paths("workflow/rules")]:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(crate.read(path) or b"")
        package = folder / "src" / "posepaper"
        self.source = fingerprint.Code(package)

    def __call__(self, link: Link, whole: dict) -> list[Finding]:
        """Definitions of the code inside that are not those a record covers."""
        waiver = waivers.parse(self.crate.read(str(waivers.path_of(link.path))))
        if waiver and waiver["recorded"] == whole["fingerprint"]:
            return []
        try:
            odd = self._odd(whole["rule"], whole["settings"], whole["covers"])
        except (SyntaxError, OSError, *ODD):
            odd = [f"the code of rule {whole['rule']}, which cannot be read"]
        more = f" and {len(odd) - MOST} more" if len(odd) > MOST else ""
        why = f"the code inside is not that it was made with: {', '.join(odd[:MOST])}{more}"
        return [Finding(link.path, "behind", why)] if odd else []

    def _odd(self, rule: str, settings: dict, covers: dict) -> list[str]:
        if not self.source.modules.names:
            return ["src/posepaper, of which nothing is inside"]
        stage = dag.module(rule).rpartition(".")[2]
        text = fingerprint.rule_text(self.folder / f"workflow/rules/{stage}.smk", rule)
        now = dag.code(rule, settings, self.source)["definitions"]
        then = covers["code"]["definitions"]
        odd = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
        return odd + [f"rule {rule}"] * (text != covers["rule"])
